"""Brings together what drift is found from: the stacks that are live, CloudFormation's detection, the rendered files of this checkout."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

from pipeline import catalog, kept_address, live
from pipeline.aws import DENIED, Aws, RefusedError, Target
from pipeline.drift import accepted, three_ways
from pipeline.drift.beside import LOOKS, Around
from pipeline.drift.detection import NOT_READ, Detected, detect
from pipeline.drift.model import Drift, Found
from pipeline.errors import PipelineError
from pipeline.exception_tables import EXCEPTIONS
from pipeline.paths import NGINX_RENDERED, RENDERED
from pipeline.prepare import owned_files, owner_stacks
from pipeline.review import sides
from pipeline.review.model import Side, Stack
from pipeline.review.read import resources
from pipeline.stages import SHARED
from pipeline.stuck import HEALTHY
from stacks.project import Project


class NothingThereError(PipelineError):
    """Nobody has deployed it yet."""


def find(root: Path, project: Project, target: Target, owner: str, say: Callable[[str], None]) -> Found:
    """`owner` is an environment, or `shared`. Changes nothing in AWS but when CloudFormation last looked."""
    aws, names = owner_stacks(project, target, owner)
    read = {stack: live.read(aws, owner, stack, name) for stack, name in names.items()}
    there = {stack: one.stack for stack, one in read.items() if one}
    files = owned_files(root, owner)
    git = sides.sides(files).get(owner, Side())
    deleted = _deleted(aws, {name: stack for stack, name in names.items() if stack in git.stacks and stack not in there})
    if not there and not (deleted and _address_kept(aws, owner, git)):
        raise NothingThereError(f"{owner} has no stacks in account {aws.account}, {aws.region}; deploy first: git push")
    # What runs behind the addresses is the image's; here only who reaches it matters.
    deployed = Side(stacks=there, nginx=files.get(f"{NGINX_RENDERED}/{owner}/nginx.conf"))
    left = len(there)

    def done(_: str) -> None:
        nonlocal left
        left -= 1
        say(f"{left} left")

    detected = detect(aws, {stack: one.name for stack, one in there.items()}, done)
    rows = {stack: one.rows for stack, one in detected.items()}
    modules = {stack: three_ways.module(files.get(f"{RENDERED}/{owner}/{stack}.yaml", "")) for stack in there}
    drifts, ignored = three_ways.drifts(owner, deployed, git, rows, modules)
    specs = catalog.SHARED_STACKS if owner == SHARED else catalog.ENVIRONMENT_STACKS
    protected = frozenset(spec.name for spec in specs if spec.protected)
    beside, unseen = _beside(Around(aws=aws, deployed=deployed, git=git, protected=protected))
    drifts = three_ways.worst_first([*drifts, *beside])
    entries = accepted.parse(files.get(EXCEPTIONS.as_posix()))
    return Found(
        owner=owner,
        checked=sum(row.status not in NOT_READ for some in rows.values() for row in some),
        drifts=accepted.mark(drifts, entries, date.today()),  # noqa: DTZ011 - an exception expires where it is read
        ignored=tuple(ignored),
        unchecked={stack: _why(owner, one, deployed.stacks[stack]) for stack, one in detected.items() if one.failure} | unseen,
        busy=tuple(stack for stack, one in detected.items() if one.busy),
        unsupported=_unsupported(deployed, detected),
        missing=deleted,
        ahead=tuple(three_ways.ahead(deployed, git)),
        unused=accepted.unused(owner, drifts, entries),
    )


def _address_kept(aws: Aws, owner: str, git: Side) -> bool:
    """What was deleted before anybody had deployed it whole is nobody's loss; an address that is left says that somebody had."""
    return any(one.rule == "address-kept" for one in kept_address.findings(aws, owner, git.stacks.get("addresses"), None, git.pinned))


def _why(owner: str, one: Detected, stack: Stack) -> str:
    stuck = not one.busy and stack.status not in HEALTHY
    return f"{one.failure}; what can be done: kotei apply {owner} --unstick" if stuck else one.failure


def _deleted(aws: Aws, names: Mapping[str, str]) -> dict[str, str]:
    """Of stacks that are not there: those that were, and when they ended. CloudFormation knows it for 90 days."""
    if not names:
        return {}
    asked = {"StackStatusFilter": ["DELETE_COMPLETE"]}
    found = {one["StackName"]: one for one in aws.pages("cloudformation", "list_stacks", "StackSummaries", **asked)}
    return {
        stack: f"stack {name} was deleted on {found[name]['DeletionTime']:%Y-%m-%d at %H:%M UTC}"
        for name, stack in names.items()
        if name in found
    }


def _beside(around: Around) -> tuple[list[Drift], dict[str, str]]:
    """What is found, and what could not be looked at: a role that was made before this looked may not."""
    found: list[Drift] = []
    unseen: dict[str, str] = {}
    for what, look in LOOKS.items():
        try:
            found += look(around)
        except RefusedError as refused:
            if refused.code not in DENIED:
                raise
            unseen[what] = refused.detail
    return found, unseen


def _unsupported(deployed: Side, detected: Mapping[str, Detected]) -> dict[str, tuple[str, ...]]:
    """What no detection read: by the type of each resource, since CloudFormation leaves them out of its answer."""
    found: dict[str, list[str]] = {}
    for stack, one in detected.items():
        compared = {row.logical_id for row in one.rows if row.status not in NOT_READ}
        for name, resource in resources(deployed.stacks[stack]).items():
            if name not in compared:
                found.setdefault(str(resource.get("Type")), []).append(f"{stack}/{name}")
    return {kind: tuple(places) for kind, places in sorted(found.items())}


def one(found: Found, name: str) -> str:
    """The place of a drift by its logical id, or by stack/LogicalId. Raises PipelineError where it names none, or several."""
    places = [drift.place for drift in found.drifts if name in (drift.logical_id, drift.place)]
    if len(places) == 1:
        return places[0]
    if places:
        raise PipelineError(f"{name} is in several stacks: {', '.join(places)}; name one of these")
    known = ", ".join(drift.place for drift in found.drifts) or "nothing"
    raise PipelineError(f"{found.owner}: {name} has not drifted; what has: {known}")
