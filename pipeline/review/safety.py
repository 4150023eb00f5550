"""What a deployment of the service loses of what would stop it or take it back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.review.capacity import number
from pipeline.review.model import Comparison, Side
from pipeline.review.read import items, mapping, properties, resources_of, text
from pipeline.review.resource_types import TARGET_GROUP
from pipeline.review.tasks import Tasks, containers

# Switches of DeploymentConfiguration -> what is lost without them.
SWITCHES = {
    ("DeploymentCircuitBreaker", "Enable"): "a deployment whose tasks never become healthy goes on trying",
    ("DeploymentCircuitBreaker", "Rollback"): "a deployment whose tasks never become healthy is not rolled back",
    ("Alarms", "Enable"): "alarms stop no deployment any more",
    ("Alarms", "Rollback"): "a deployment that an alarm stops is not rolled back",
}


def of_service(comparison: Comparison, before: Tasks, after: Tasks) -> Iterator[str]:
    for (section, switch), lost in SWITCHES.items():
        old, new = (mapping(one.deployment.get(section)).get(switch) for one in (before, after))
        if text(old) == "true" and text(new) != "true":
            yield f"{section}.{switch} is no longer on: {lost}"
    old_alarms, new_alarms = (items(mapping(one.deployment.get("Alarms")).get("AlarmNames")) for one in (before, after))
    for alarm in sorted({text(one) for one in old_alarms} - {text(one) for one in new_alarms}):
        yield f"the alarm {alarm.removeprefix('${').removesuffix('}')} stops no deployment any more"
    if after.least_percent < before.least_percent:
        yield f"only {after.least_percent} % of the tasks keep serving during a deployment, in place of {before.least_percent} %"
    old_grace, new_grace = (_grace(side, one) for side, one in ((comparison.before, before), (comparison.after, after)))
    if new_grace > old_grace:
        yield f"failing health checks are ignored for {new_grace} s after a task's start, in place of {old_grace} s"
    without = [name for name, one in containers(comparison.after).items() if "HealthCheck" not in one]
    for name in sorted(without):
        if "HealthCheck" in containers(comparison.before).get(name, {}):
            yield f"container {name} has no health check any more: ECS takes it for healthy as long as it runs"


def of_target_groups(comparison: Comparison) -> Iterator[tuple[str, str, str]]:
    """Stack and logical id of a target group, and how much later its health check finds out."""
    for stack, name, after in resources_of(comparison.after, TARGET_GROUP):
        before = properties(comparison.before.stacks.get(stack), name)
        if before:
            for lost in _of_health_check(before, after):
                yield stack, name, lost


def _of_health_check(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    old, new = (_seconds(one, "UnhealthyThresholdCount") for one in (before, after))
    if new > old:
        yield f"a task that fails is found out after {new} s, in place of {old} s"
    old, new = (_seconds(one, "HealthyThresholdCount") for one in (before, after))
    if new < old:
        yield f"a new task is trusted after {new} s of passed checks, in place of {old} s"


def _seconds(group: Mapping[str, Any], threshold: str) -> int:
    interval, count = number(group.get("HealthCheckIntervalSeconds")), number(group.get(threshold))
    # What elbv2's CreateTargetGroup takes for a network load balancer where nothing is said.
    return (30 if interval is None else interval) * ((2 if threshold.startswith("Un") else 5) if count is None else count)


def _grace(side: Side, tasks: Tasks) -> int:
    return number(properties(side.stacks.get(tasks.stack), tasks.service).get("HealthCheckGracePeriodSeconds")) or 0
