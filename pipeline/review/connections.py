"""What a deployment does to connections to the fixed addresses, in one sentence: the worst of what happens."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.review import capacity, tasks
from pipeline.review.capacity import BALANCER, SERVICE
from pipeline.review.model import Change, Comparison, Side
from pipeline.review.read import keyed, mappings, properties, text
from pipeline.review.tasks import TARGETS, Tasks

LISTENER = "AWS::ElasticLoadBalancingV2::Listener"
SUBNET = re.compile(r"\$\{Subnet(\w+)\}")


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
    if any(change.replaces for change in comparison.of_type(TARGETS)):
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
        for change in comparison.of_type(TARGETS)
        if change.action == "modify"
        and _on(comparison.before, change, change.renamed_from, attribute) != _on(comparison.after, change, "", attribute)
    )


def zones_left(comparison: Comparison) -> tuple[str, ...]:
    """The zones that a load balancer leaves, in words; one with another address is left and entered."""
    return _zones(comparison, comparison.before, comparison.after)


def zones_entered(comparison: Comparison) -> tuple[str, ...]:
    return _zones(comparison, comparison.after, comparison.before)


def _zones(comparison: Comparison, one: Side, other: Side) -> tuple[str, ...]:
    found = {
        subnet
        for change in comparison.of_type(BALANCER)
        if change.action == "modify" and not change.replaces
        for subnet, address in _mappings(one, change)
        if (subnet, address) not in _mappings(other, change)
    }
    return tuple(sorted(_zone(subnet) for subnet in found))


def _mappings(side: Side, change: Change) -> set[tuple[str, str]]:
    found = properties(side.stacks.get(change.stack), change.logical_id).get("SubnetMappings")
    return {(text(one.get("SubnetId")), text(one.get("AllocationId"))) for one in mappings(found)}


def _zone(subnet: str) -> str:
    named = SUBNET.fullmatch(subnet)
    return f"zone {named[1].lower()}" if named else f"the zone of {subnet}"


def _gone(comparison: Comparison, type_name: str) -> bool:
    return any(change.replaces or change.action == "remove" for change in comparison.of_type(type_name))


def _on(side: Side, change: Change, name: str, attribute: str) -> bool:
    target_group = properties(side.stacks.get(change.stack), name or change.logical_id)
    return keyed(target_group.get("TargetGroupAttributes")).get(attribute) == "true"


def _ports_taken(comparison: Comparison) -> tuple[str, ...]:
    taken = set()
    for change in comparison.of_type(LISTENER):
        if change.action != "add":
            stacks = comparison.before.stacks, comparison.after.stacks
            names = change.renamed_from or change.logical_id, change.logical_id
            before, after = (properties(side.get(change.stack), name).get("Port") for side, name in zip(stacks, names, strict=True))
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
