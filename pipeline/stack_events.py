"""What happens to a stack while CloudFormation works on it, and why it failed: the first thing that did, not what it dragged along."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline import live
from pipeline.aws import Aws
from pipeline.errors import PipelineError

FIRST_WAIT, LONGEST_WAIT = 0.2, 3.0
# CloudFormation wraps what a service said, and adds what only its support reads.
_WRAPPED = re.compile(r'Resource handler returned message: "(?P<message>.*)" \((?P<more>[^()]*)\)\.?$', re.DOTALL)
_CODE = re.compile(r"(?:HandlerErrorCode|Code): (?P<code>[\w.]+)")


@dataclass(frozen=True, kw_only=True)
class Event:
    id: str
    stack: str
    time: str
    resource: str
    type: str
    physical: str
    status: str
    reason: str

    @property
    def failed(self) -> bool:
        return self.status.endswith("FAILED")

    @property
    def cancelled(self) -> bool:
        """Stopped because something else had failed ("Resource creation cancelled")."""
        return "cancelled" in self.reason.lower()


Watch = Callable[[Event], None]


def busy(status: str) -> bool:
    # REVIEW_IN_PROGRESS is a change set that waits for somebody: nothing is going on.
    return status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS"


def read(aws: Aws, stack: str, after: str = "") -> list[Event]:
    """Oldest first, those after the event with that id."""
    found = []
    for row in aws.pages("cloudformation", "describe_stack_events", "StackEvents", StackName=stack):
        if row["EventId"] == after:
            break
        found.append(_event(row))
    return found[::-1]


def last(aws: Aws, stack: str) -> str:
    """The id of the newest event, to see later what is new."""
    row: Mapping[str, Any] = next(aws.pages("cloudformation", "describe_stack_events", "StackEvents", StackName=stack), {})
    return str(row.get("EventId", ""))


def follow(aws: Aws, stack: str, after: str, watch: Watch) -> tuple[dict[str, Any], list[Event]]:
    """Until nothing is going on in the stack (an id, so that it can be read when it is deleted): how it is then, and what happened."""
    seen: list[Event] = []
    wait = FIRST_WAIT
    while True:
        # The status first: when it says that all is over, every event is there to be read.
        found = live.describe(aws, stack)
        if found is None:
            raise PipelineError(f"stack {stack} went away while it was being watched; run this command again")
        new = read(aws, stack, seen[-1].id if seen else after)
        for event in new:
            watch(event)
        seen += new
        if not busy(found["StackStatus"]):
            return found, seen
        wait = FIRST_WAIT if new else min(wait * 1.5, LONGEST_WAIT)
        time.sleep(wait)


def cause(events: Iterable[Event]) -> Event | None:
    """What failed first of its own accord. `events` are of one operation, oldest first."""
    failed = [event for event in events if event.failed]
    own = [event for event in failed if not event.cancelled and event.type != "AWS::CloudFormation::Stack"]
    return next(iter(own or failed), None)


def sentence(events: Iterable[Event]) -> str:
    """The cause and how much it took along, for an error."""
    events = list(events)
    first = cause(events)
    if first is None:
        return next((plain(event.reason) for event in events if event.reason and "ROLLBACK" in event.status), "no event says why")
    others = {event.resource for event in events if event.failed and event.cancelled} - {first.resource}
    more = f" ({len(others)} more were cancelled because of it)" if others else ""
    return f"{first.resource} ({first.type}): {plain(first.reason)}{more}"


def plain(reason: str) -> str:
    """What the service said, with its code, out of what CloudFormation wraps around it."""
    found = _WRAPPED.search(reason)
    if found is None:
        return reason or "no reason given"
    code = _CODE.search(found["more"])
    return plain(found["message"]) + (f" [{code['code']}]" if code else "")


def _event(row: Mapping[str, Any]) -> Event:
    moment = row["Timestamp"]
    return Event(
        id=row["EventId"],
        stack=row.get("StackName", ""),
        time=moment if isinstance(moment, str) else moment.isoformat(timespec="seconds"),
        resource=row.get("LogicalResourceId", ""),
        type=row.get("ResourceType", ""),
        physical=row.get("PhysicalResourceId", ""),
        status=row.get("ResourceStatus", ""),
        reason=row.get("ResourceStatusReason", ""),
    )
