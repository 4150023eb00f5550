"""What a plan does, as names with values: so that a plan made anew can be held against the one that a person approved. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.plan import Parts, digest, fingerprint, moved
from pipeline.review.model import Change, OwnerReview

# Beside what the fingerprint is of: what a plan does follows from that, but its words may also follow from the day (days left).
EFFECTS = "effects"


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
    yield from (name for name, value in now[EFFECTS].items() if approved.get(name) != value)


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
        yield f"{where}: {one.path}", digest([one.after, one.update, one.because])


def _place(stack: str, resource: str) -> str:
    where = "/".join(part for part in (stack, resource) if part)
    return f"{where}: " if where else ""
