"""What a deployment does to connections to the fixed addresses, in one sentence: the worst of what happens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.review import capacity, tasks
from pipeline.review.model import Change, Comparison
from pipeline.review.read import both_sides, keyed, text
from pipeline.review.resource_types import BALANCER, LISTENER, SERVICE, TARGET_GROUP
from pipeline.review.tasks import Tasks
from pipeline.review.zones import Pair, both, in_place, zone_of


def connections(comparison: Comparison) -> str:
    return next(_worst_first(comparison))


def _worst_first(comparison: Comparison) -> Iterator[str]:
    before, after = tasks.of(comparison.before), tasks.of(comparison.after)
    if before is None:
        yield "nobody is connected yet" if after else "no connection is touched"
    if _gone(comparison, BALANCER):
        yield "every connection ends with the load balancer"
    # What the tasks that run cannot read, they refuse; the service is updated last.
    if switched(comparison, "proxy_protocol_v2.enabled"):
        yield "every connection is refused for some minutes, from the target group's change until new tasks serve"
    if any(change.replaces for change in comparison.of_type(TARGET_GROUP)):
        yield "connections are refused for some minutes: the listener leads to a new target group before tasks are in it"
    # NLB guide, Delete a listener: it takes no new connections, and those that are open stay until they close or time out.
    if ports := _ports_taken(comparison):
        yield f"new connections to port {', '.join(ports)} are refused, open ones stay until they end by themselves"
    # NLB guide, Availability Zones: with the subnet goes every connection in it, and every one to its targets from other zones.
    if zones := zones_left(comparison):
        yield f"connections in {', '.join(zones)}, or from elsewhere to tasks there, end when the load balancer leaves"
    if _gone(comparison, SERVICE):
        yield "old tasks leave all at once when the new service runs; open connections are asked to end"
    if before and after and tasks.replaced_because(comparison):
        yield _replacement(comparison, before, after)
    yield "no connection is touched"


def switched(comparison: Comparison, attribute: str) -> tuple[Change, ...]:
    """The target groups that stay, where an attribute that is off by default is switched on or off."""
    return tuple(
        change
        for change in comparison.of_type(TARGET_GROUP)
        if change.action == "modify" and len({_on(one, attribute) for one in both_sides(comparison, change)}) > 1
    )


def zones_left(comparison: Comparison) -> tuple[str, ...]:
    """The zones that a load balancer leaves, in words; one with another subnet or address is left and entered."""
    return tuple(sorted({zone_of(old) for old, new in _moved(comparison) if old}))


def zones_entered(comparison: Comparison) -> tuple[str, ...]:
    return tuple(sorted({zone_of(new) for old, new in _moved(comparison) if new}))


def _moved(comparison: Comparison) -> Iterator[Pair]:
    for change in in_place(comparison):
        for old, new in both(comparison, change):
            if old is None or new is None or (old.subnet, old.address) != (new.subnet, new.address):
                yield old, new


def _gone(comparison: Comparison, type_name: str) -> bool:
    return any(change.replaces or change.action == "remove" for change in comparison.of_type(type_name))


def _on(target_group: Mapping[str, Any], attribute: str) -> bool:
    return keyed(target_group.get("TargetGroupAttributes")).get(attribute) == "true"


def _ports_taken(comparison: Comparison) -> tuple[str, ...]:
    taken = set()
    for change in comparison.of_type(LISTENER):
        if change.action != "add":
            before, after = (one.get("Port") for one in both_sides(comparison, change))
            if change.replaces or text(before) != text(after):
                taken.add(text(before))
    return tuple(sorted(taken))


def _replacement(comparison: Comparison, before: Tasks, after: Tasks) -> str:
    ordered = capacity.of(comparison.before)
    number = (ordered.min_tasks if ordered else None) or 1
    batch = after.batch(number)
    pace = "one by one" if batch == 1 and number > 1 else "all at once" if batch >= number else f"{batch} at a time"
    if after.strategy != "ROLLING":
        pace = "by a second set, to which the load balancer turns"
    # Tasks leave as the definition says with which they came.
    if before.shutdown is None or before.shutdown >= before.stop_timeout:
        return f"tasks are replaced {pace}; what is open {before.stop_timeout} s after the stop signal is cut, answers on their way too"
    return (
        f"no request is lost that takes less than {before.shutdown} s: tasks are replaced {pace}, new ones first, "
        "and open connections are asked to end"
    )
