"""Stacks that CloudFormation does not update any more: what happened, and the way out by name. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.review.resource_types import BALANCER
from pipeline.stack_events import Event, busy, plain, sentence
from pipeline.stages import SHARED

HEALTHY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE")
# A stack in one of these never held anything that is in use, and can only be deleted.
UNBORN = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")
# One in these was in use, and a call that takes nothing away gets it out.
MENDED = ("UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "DELETE_FAILED")


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of CloudFormation that is safe: it takes nothing away that a finished deployment had made."""

    operation: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Stuck:
    """`sentence` says what is the matter, `commands` what a person may do.

    `safe` is what `kotei apply --unstick`, or `kotei bootstrap`, does after asking.
    """

    status: str
    sentence: str
    commands: tuple[str, ...]
    safe: Call | None = None

    def __str__(self) -> str:
        return "\n  ".join((self.sentence, *self.commands))


def way_out(stack: Mapping[str, Any], events: Sequence[Event], resources: Sequence[Mapping[str, Any]], owner: str) -> Stuck | None:
    """None where the stack can be updated. `stack` and `resources` as DescribeStacks and ListStackResources say; events oldest first."""
    status = str(stack["StackStatus"])
    if status in HEALTHY:
        return None
    if busy(status):
        return _busy(stack, events)
    return _WAYS.get(status, _unknown)(stack, _latest(events), resources, owner)


def _busy(stack: Mapping[str, Any], events: Sequence[Event]) -> Stuck:
    name, status = stack["StackName"], stack["StackStatus"]
    began = next((event.time for event in reversed(events) if event.reason == "User Initiated"), "")
    since = f" since {began}" if began else ""
    who = f"aws cloudtrail lookup-events --lookup-attributes AttributeKey=ResourceName,AttributeValue={name} --max-results 5"
    stop = (f"stop it: aws cloudformation cancel-update-stack --stack-name {name}",) if status == "UPDATE_IN_PROGRESS" else ()
    return Stuck(
        status=status,
        sentence=f"stack {name} is {status}{since}: somebody changes it now; wait for its end, or see who that is",
        commands=(f"who: {who}", *stop),
    )


def _empty(stack: Mapping[str, Any], _events: Sequence[Event], _resources: Sequence[Mapping[str, Any]], owner: str) -> Stuck:
    name = stack["StackName"]
    return Stuck(
        status=stack["StackStatus"],
        sentence=f"stack {name} is REVIEW_IN_PROGRESS: a change set was made for it and never executed; it holds nothing",
        commands=(f"go on: {_again(owner, new=True)}", f"or take it away: aws cloudformation delete-stack --stack-name {name}"),
        safe=Call(operation="delete_stack", parameters={"StackName": name}),
    )


def _never_created(stack: Mapping[str, Any], events: Sequence[Event], resources: Sequence[Mapping[str, Any]], owner: str) -> Stuck:
    name, status = stack["StackName"], stack["StackStatus"]
    kept = _list(f"{event.resource} ({event.type} {event.physical})" for event in events if event.status == "DELETE_SKIPPED")
    left = _list(f"{one['LogicalResourceId']} ({one['ResourceType']})" for one in resources if _exists(one))
    rest = f"; AWS keeps {kept}" if kept else ""
    rest += f"; still there: {left}" if left else ""
    again, clear = _again(owner, new=True), _unstick(owner, new=True)
    back = (f"what AWS keeps comes back into the stack with: {again if again == clear else f'{again} --import'}",) if kept else ()
    return Stuck(
        status=status,
        sentence=f"stack {name} is {status}: its first creation failed: {sentence(events)}{rest}. Such a stack can only be deleted",
        commands=(
            f"mend the cause, then: {clear}" + (f", and again: {again}" if again != clear else ""),
            f"which does: aws cloudformation delete-stack --stack-name {name}",
            *back,
        ),
        safe=Call(operation="delete_stack", parameters={"StackName": name}),
    )


def _not_deleted(stack: Mapping[str, Any], events: Sequence[Event], resources: Sequence[Mapping[str, Any]], owner: str) -> Stuck:
    name = stack["StackName"]
    failed = [one["LogicalResourceId"] for one in resources if one.get("ResourceStatus") == "DELETE_FAILED"]
    retain = f"aws cloudformation delete-stack --stack-name {name} --retain-resources {' '.join(failed)}"
    return Stuck(
        status=stack["StackStatus"],
        sentence=f"stack {name} is DELETE_FAILED: {sentence(events)}. It can only be deleted: mend the cause first",
        commands=(
            *(role := _role_is_gone(stack, events)),
            *_refuses_to_go(resources, events),
            f"delete it again: {_unstick(owner)}",
            *((f"or delete the stack and leave {_list(failed)} in the account: {retain}",) if failed and not role else ()),
        ),
        safe=Call(operation="delete_stack", parameters={"StackName": name}),
    )


def _not_rolled_back(stack: Mapping[str, Any], events: Sequence[Event], _resources: Sequence[Mapping[str, Any]], owner: str) -> Stuck:
    name = stack["StackName"]
    rollback = next((index for index, event in enumerate(events) if event.status == "UPDATE_ROLLBACK_IN_PROGRESS"), 0)
    failed = {
        event.resource: event
        for event in events[rollback:]
        if event.status == "UPDATE_FAILED" and not event.cancelled and event.type != "AWS::CloudFormation::Stack"
    }
    why = "; ".join(f"{one.resource} ({one.type}): {plain(one.reason)}" for one in failed.values()) or sentence(events)
    skip = f"aws cloudformation continue-update-rollback --stack-name {name} --resources-to-skip {' '.join(failed)}"
    return Stuck(
        status=stack["StackStatus"],
        sentence=f"stack {name} is UPDATE_ROLLBACK_FAILED: an update failed ({sentence(events)}), and so did the way back: {why}",
        commands=(
            f"mend that, then: {_unstick(owner)} (aws cloudformation continue-update-rollback --stack-name {name})",
            *((f"or leave {_list(failed)} as it is now, and mend its drift later: {skip}",) if failed else ()),
            *_role_is_gone(stack, events),
        ),
        safe=Call(operation="continue_update_rollback", parameters={"StackName": name}),
    )


def _half_updated(stack: Mapping[str, Any], events: Sequence[Event], _resources: Sequence[Mapping[str, Any]], owner: str) -> Stuck:
    name = stack["StackName"]
    return Stuck(
        status=stack["StackStatus"],
        sentence=f"stack {name} is UPDATE_FAILED: an update without rollback stopped half way: {sentence(events)}",
        commands=(f"roll it back: {_unstick(owner)} (aws cloudformation rollback-stack --stack-name {name})",),
        safe=Call(operation="rollback_stack", parameters={"StackName": name}),
    )


def _unknown(stack: Mapping[str, Any], events: Sequence[Event], _resources: Sequence[Mapping[str, Any]], _owner: str) -> Stuck:
    name, status = stack["StackName"], stack["StackStatus"]
    return Stuck(
        status=status,
        sentence=f"stack {name} is {status}: {sentence(events)}. There is no way out of this that is always safe",
        commands=(f"look at it: aws cloudformation describe-stack-events --stack-name {name}",),
    )


_WAYS = {
    "REVIEW_IN_PROGRESS": _empty,
    "ROLLBACK_COMPLETE": _never_created,
    "ROLLBACK_FAILED": _never_created,
    "CREATE_FAILED": _never_created,
    "DELETE_FAILED": _not_deleted,
    "UPDATE_ROLLBACK_FAILED": _not_rolled_back,
    "UPDATE_FAILED": _half_updated,
}


def _again(owner: str, *, new: bool = False) -> str:
    """What deploys a stack. Those that the pipeline needs elsewhere, and the shared ones at first, are bootstrap's."""
    return "kotei bootstrap" if "/" in owner or (new and owner == SHARED) else f"kotei apply {owner}"


def _unstick(owner: str, *, new: bool = False) -> str:
    again = _again(owner, new=new)
    return again if again == "kotei bootstrap" else f"{again} --unstick"


def _latest(events: Sequence[Event]) -> Sequence[Event]:
    """Of the last operation that somebody began."""
    began = [index for index, event in enumerate(events) if event.reason == "User Initiated" and event.type == "AWS::CloudFormation::Stack"]
    return events[began[-1] :] if began else events


def _exists(resource: Mapping[str, Any]) -> bool:
    return bool(resource.get("PhysicalResourceId")) and resource.get("ResourceStatus") != "DELETE_COMPLETE"


def _role_is_gone(stack: Mapping[str, Any], events: Sequence[Event]) -> tuple[str, ...]:
    """A stack remembers the role that made it, and nothing can be done as a role that was deleted first."""
    gone = [event for event in events if "cannot be assumed" in event.reason or "sts:AssumeRole" in event.reason]
    if not gone or "RoleARN" not in stack:
        return ()
    mend = "kotei bootstrap, or kotei apply shared where its stack is there"
    return (f"the role that the stack acts as, {stack['RoleARN']}, cannot be assumed: make it anew first ({mend})",)


def _refuses_to_go(resources: Sequence[Mapping[str, Any]], events: Sequence[Event]) -> Iterator[str]:
    """A load balancer with deletion protection: nobody deletes it by accident."""
    refusing = {event.resource for event in events if event.failed and "deletion protection" in event.reason.lower()}
    for one in resources:
        if one["LogicalResourceId"] in refusing and one["ResourceType"] == BALANCER:
            yield (
                f"turn its deletion protection off first: aws elbv2 modify-load-balancer-attributes --load-balancer-arn "
                f"{one['PhysicalResourceId']} --attributes Key=deletion_protection.enabled,Value=false"
            )


def _list(names: Any) -> str:
    return ", ".join(names)
