"""What a plan does, as names with values: so that a plan made anew can be held against the one that a person approved. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pipeline.plan import Parts, digest, fingerprint, moved
from pipeline.review.model import Change, OwnerReview

# Beside what the fingerprint is of: what a plan does follows from that, but its words may also follow from the day (days left).
EFFECTS = "effects"
# Before the value of a property that is there no more.
TAKEN = "-"
# Every name below but those of what is removed, and of findings about no stack.
_OF_STACK = re.compile(r"(?:stack |add |modify )?(?P<stack>[a-z]+)(?:[/:,]|$)")


def effects(review: OwnerReview) -> dict[str, str]:
    """Every change and every finding, with what they come to. The state before is left out: it is what may have moved."""
    return dict(_effects(review))


def uncovered(planned: Parts, now: Parts, *, expected: str) -> Iterator[str]:
    """What was not in the plan with the fingerprint `expected`: nothing where only stacks moved and the rest of it is still to be done."""
    if fingerprint(planned) != expected or EFFECTS not in planned:
        yield "what the approved plan would do is not known"
        return
    if any(planned[group] != now[group] for group in ("files", "inputs")):
        yield from moved({**planned, "stacks": {}}, {**now, "stacks": {}})
    approved: Mapping[str, str] = planned[EFFECTS]
    created = {name.removeprefix("stack ") for name, value in approved.items() if value == "create" and name.startswith("stack ")}
    for name, value in now[EFFECTS].items():
        if approved.get(name) != value and not _fills(name, value, created):
            yield name


def _fills(name: str, value: str, created: set[str]) -> bool:
    """Whether this is what is left to do of a stack whose creation was approved, whole, and which the run before has created meanwhile.

    Nothing that is taken away is, nor a finding that would have asked a person: of what is there now that plan said nothing.
    """
    found = _OF_STACK.match(name)
    harmless = value not in ("risky", "blocked", "remove") and not value.startswith(TAKEN)
    return found is not None and found["stack"] in created and harmless


def _effects(review: OwnerReview) -> Iterator[tuple[str, str]]:
    for stack in review.stacks:
        if stack.action != "none":
            yield f"stack {stack.stack}", stack.action
        yield from ((f"stack {stack.stack}, parameter {name}", "changes") for name in stack.parameters)
        for change in stack.changes:
            yield from _change(change)
    for one in review.findings:
        yield f"{_place(one.stack, one.resource)}{one.text} [{one.rule}]", one.verdict


def _change(change: Change) -> Iterator[tuple[str, str]]:
    where = f"{change.stack}/{change.logical_id}"
    yield f"{change.action} {where}", digest([change.type, change.old_id, change.retained])
    for one in (*change.properties, *change.attributes):
        yield f"{where}: {one.path}", (TAKEN if one.after is None else "") + digest([one.after, one.update, one.because])


def _place(stack: str, resource: str) -> str:
    where = "/".join(part for part in (stack, resource) if part)
    return f"{where}: " if where else ""
