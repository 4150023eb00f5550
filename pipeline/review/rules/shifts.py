"""Deployments that shift traffic between two target groups: getting there, getting back, and not disturbing them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.review import tasks, timing
from pipeline.review.model import Comparison, Finding
from pipeline.review.read import both_sides, mapping, mappings, resources_of, text
from pipeline.review.resource_types import LISTENER, SERVICE
from pipeline.review.rules.rule import Rule, about


def listener_during_shift(comparison: Comparison) -> Iterator[Finding]:
    """A listener is touched whose weights are ECS's."""
    before = tasks.of(comparison.before)
    shifted = any(_has_alternate(service) for _, _, service in resources_of(comparison.before, SERVICE))
    if before is None or not (shifted or before.strategy in timing.SHIFTS):
        return
    for change in comparison.of_type(LISTENER):
        if change.action == "modify" and change.properties:
            why = (
                f"{change.logical_id} is written anew, and with it the weights by which ECS ({before.strategy}) leads clients to "
                "the tasks that serve: all of them go to the template's target group, which may have none"
            )
            mend = "change the listener while the template's own target group serves"
            yield about(change, "listener-during-shift", "risky", why, mend, topic="clients")


def shift_unprepared(comparison: Comparison) -> Iterator[Finding]:
    """A service that runs is to shift before its second target group was deployed."""
    for change in comparison.of_type(SERVICE):
        before, after = both_sides(comparison, change)
        if change.action == "modify" and _shifts(after) and not _shifts(before) and not _has_alternate(before):
            why = (
                f"{change.logical_id} is to shift traffic between two target groups, and ECS begins with that only once a rolling "
                "deployment has told it the second one"
            )
            mend = 'first deploy [service.canary] or [service.blue_green] with strategy = "rolling", then the other strategy'
            yield about(change, "shift-unprepared", "blocked", why, mend, topic="clients")


def alternate_removed(comparison: Comparison) -> Iterator[Finding]:
    """The second target group goes, and may be the one that serves."""
    for change in comparison.of_type(SERVICE):
        before, after = both_sides(comparison, change)
        if change.action == "modify" and _has_alternate(before) and not _has_alternate(after):
            why = (
                f"{change.logical_id} loses its second target group. If the listener leads to that one, as after every other shift, "
                "new tasks get no connection, and every client is refused once the old ones are gone"
            )
            mend = "first see that the listener's weights lead to the first one; one more deployment that shifts turns them"
            yield about(change, "alternate-removed", "risky", why, mend, topic="clients")


def _shifts(service: Mapping[str, Any]) -> bool:
    return text(mapping(service.get("DeploymentConfiguration")).get("Strategy", "ROLLING")) in timing.SHIFTS


def _has_alternate(service: Mapping[str, Any]) -> bool:
    return any("AdvancedConfiguration" in one for one in mappings(service.get("LoadBalancers")))


RULES: tuple[Rule, ...] = (
    Rule(
        "listener-during-shift", listener_during_shift, "github.com/aws/aws-cdk/issues/36649, github.com/aws/containers-roadmap/issues/2853"
    ),
    Rule("shift-unprepared", shift_unprepared, "ECS developer guide, update the deployment strategy from rolling to blue/green"),
    Rule("alternate-removed", alternate_removed, "ECS developer guide, update the deployment strategy from blue/green to rolling"),
)
