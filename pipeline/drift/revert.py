"""Brings back what was deployed: a drift-aware change set for each stack, looked at before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline import live
from pipeline.apply import Owned
from pipeline.apply_change_set import ChangeSet, discard, execute, make, unlisted
from pipeline.drift import ways
from pipeline.drift.model import Drift, Found
from pipeline.drift.ways import ADDRESS_TYPES, ATTACHMENTS
from pipeline.errors import PipelineError
from pipeline.gate import BlockedError
from pipeline.plan import digest
from pipeline.review.resource_types import BALANCER
from pipeline.stack_events import Watch

Say = Callable[[str], None]
MODE = "REVERT_DRIFT"


@dataclass(frozen=True, kw_only=True)
class Revert:
    """One stack: its change set, what of the drift it brings back, and what it cannot."""

    stack: str
    change_set: ChangeSet | None
    drifts: tuple[Drift, ...]
    left: tuple[str, ...]


def chosen(found: Found, places: Sequence[str]) -> tuple[Drift, ...]:
    """Those that are named, else all that nobody has accepted. A change set takes a whole stack back, so no other may be in it."""
    wanted = [one for one in found.drifts if one.place in places] if places else list(found.open)
    if not wanted:
        raise PipelineError(f"{found.owner}: nothing has drifted that nobody has accepted; see: kotei drift {found.owner}")
    refuse_impossible(wanted, everything=not places)
    stacks = {one.stack for one in wanted if not ways.no_revert(one)}
    wanted = [one for one in wanted if one.stack in stacks and one.kind != "beside"]
    others = [one.place for one in found.drifts if one.stack in stacks and one not in wanted and one.kind != "beside"]
    if others:
        raise PipelineError(
            f"{found.owner}: CloudFormation takes back the drift of a whole stack, and {', '.join(others)} would go with it; "
            "name that, too, or undo the one by hand (kotei drift has the command for rules of security groups)"
        )
    return tuple(wanted)


def refuse_impossible(wanted: Sequence[Drift], *, everything: bool) -> None:
    """All that has drifted goes back as far as it can; what somebody names must be able to."""
    cannot = [f"{one.place}: {why}" for one in wanted if (why := ways.no_revert(one))]
    if cannot and (not everything or len(cannot) == len(wanted)):
        raise PipelineError(f"cannot be reverted: {'; '.join(cannot)}. What can be done: kotei drift {wanted[0].owner}")


def prepare(mine: Owned, wanted: Sequence[Drift], say: Say) -> list[Revert]:
    """Makes the change sets and executes none. Raises, with none left behind, where one would do what was not asked for."""
    made: list[Revert] = []
    try:
        # In the order of deployment: what is made anew may be what the next stack needs.
        for stack in sorted({one.stack for one in wanted}, key=[*mine.stacks].index):
            drifts = tuple(one for one in wanted if one.stack == stack)
            say(f"stack {drifts[0].stack_name}: making a change set")
            one = _prepared(mine, stack, drifts)
            made.append(one)
            refuse_dangerous(one)
            refuse_others(one)
    except PipelineError:
        drop(mine, made)
        raise
    return made


def _prepared(mine: Owned, stack: str, drifts: tuple[Drift, ...]) -> Revert:
    wanted = mine.stacks[stack]
    found = live.describe(mine.aws, wanted.name)
    if found is None:
        raise PipelineError(f"stack {wanted.name} is gone; run: kotei drift {mine.owner}")
    request = {
        "UsePreviousTemplate": True,
        "Parameters": [{"ParameterKey": one["ParameterKey"], "UsePreviousValue": True} for one in found.get("Parameters", [])],
        "ChangeSetType": "UPDATE",
        "DeploymentMode": MODE,
    }
    change_set = make(mine.aws, wanted, request, f"kotei drift revert {mine.owner}: {', '.join(one.logical_id for one in drifts)}")
    return Revert(stack=stack, change_set=change_set, drifts=drifts, left=tuple(_left(change_set, drifts)))


def _left(change_set: ChangeSet | None, drifts: Sequence[Drift]) -> Iterator[str]:
    """What stays as it is, and why."""
    touched = {change["LogicalResourceId"] for change in change_set.changes} if change_set else set()
    for drift in drifts:
        changing = ways.mutable(drift)
        if fixed := [one for one in drift.properties if one not in changing]:
            yield f"{drift.place}: {ways.names(fixed)} cannot be changed while the resource exists, and a revert replaces nothing"
        elif drift.logical_id not in touched:
            yield f"{drift.place}: CloudFormation's change set leaves it as it is; change it by hand, or deploy it anew"


def refuse_dangerous(revert: Revert) -> None:
    for change in revert.change_set.changes if revert.change_set else ():
        if why := _dangerous(change):
            raise BlockedError(
                f"stack {revert.drifts[0].stack_name}: this revert cannot be done: it {why}. Nothing was changed. "
                f"Write into Git what should be, and deploy that: kotei drift adopt {revert.drifts[0].owner} {change['LogicalResourceId']}"
            )


def _dangerous(change: Any) -> str:
    name = f"{change['LogicalResourceId']} ({change['ResourceType']})"
    if change["Action"] == "SyncWithActual":
        return ""
    if change["ResourceType"] in ADDRESS_TYPES:
        return f"touches a fixed address, {name}"
    # Nobody has planned any of it.
    if found := unlisted([change], frozenset()):
        return found[0]
    targets = {detail.get("Target", {}).get("Name") for detail in change.get("Details", [])}
    if change["ResourceType"] == BALANCER and (change["Action"] == "Add" or targets & set(ATTACHMENTS)):
        return f"touches what binds the fixed addresses to {name}"
    return ""


def refuse_others(revert: Revert) -> None:
    """Such as a listener in the middle of a canary deployment, whose weights are ECS's own."""
    known = {drift.logical_id for drift in revert.drifts}
    others = [
        f"{change['LogicalResourceId']} ({change['Action']}, {change.get('ResourceDriftStatus', 'no drift')})"
        for change in (revert.change_set.changes if revert.change_set else ())
        if change["LogicalResourceId"] not in known and change["Action"] != "SyncWithActual" and not _follows(change)
    ]
    if others:
        raise PipelineError(
            f"stack {revert.drifts[0].stack_name}: the change set would also change {', '.join(others)}, which is no drift or was not "
            "named: nothing was changed. Wait for the end of a deployment, or undo the one by hand"
        )


def _follows(change: Any) -> bool:
    """It refers to a resource that is made anew."""
    details = change.get("Details", [])
    return change.get("ResourceDriftStatus") == "IN_SYNC" and bool(details) and all(one.get("Evaluation") == "Dynamic" for one in details)


def lines(reverts: Sequence[Revert]) -> Iterator[str]:
    """What would be done."""
    for one in reverts:
        if one.change_set is None:
            yield f"stack {one.drifts[0].stack_name}: CloudFormation finds nothing to take back"
        else:
            yield f"stack {one.change_set.stack}: change set {one.change_set.name}"
            for change in one.change_set.changes:
                touched = ", ".join(dict.fromkeys(_target(detail) for detail in change.get("Details", [])))
                status = change.get("ResourceDriftStatus", "")
                yield f"  {change['Action']:<14} {change['LogicalResourceId']} ({change['ResourceType']}) {status} {touched}".rstrip()
        yield from (f"  stays          {left}" for left in one.left)


def _target(detail: Any) -> str:
    target = detail.get("Target", {})
    return str(target.get("Path") or target.get("Name") or target.get("Attribute", ""))


def fingerprint(reverts: Sequence[Revert]) -> str:
    """Of what was drifted and what the change sets do, without their names: the same revert made again has the same."""
    rests_on = [
        [one.stack, [[drift.place, drift.value] for drift in one.drifts], [_without_names(change) for change in _changes(one)]]
        for one in reverts
    ]
    return digest(rests_on)


def _changes(one: Revert) -> list[Any]:
    return sorted(one.change_set.changes if one.change_set else (), key=lambda change: str(change["LogicalResourceId"]))


def _without_names(change: Any) -> Any:
    return [change["LogicalResourceId"], change["Action"], change.get("ResourceDriftStatus"), change.get("Details", [])]


def perform(mine: Owned, reverts: Sequence[Revert], say: Say, watch: Watch) -> None:
    for one in reverts:
        if one.change_set is not None:
            execute(mine.aws, mine.owner, one.change_set, say, watch)


def drop(mine: Owned, reverts: Sequence[Revert]) -> None:
    for one in reverts:
        if one.change_set is not None:
            discard(mine.aws, one.change_set, fresh=False)
