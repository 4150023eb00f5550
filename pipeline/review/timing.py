"""How long a deployment takes: what AWS does one after the other, from the numbers in the templates and from what AWS is known to take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.review import capacity, tasks
from pipeline.review.capacity import number
from pipeline.review.connections import connections, zones_entered, zones_left
from pipeline.review.model import Comparison, Timing
from pipeline.review.read import items, mapping, mappings, properties, text
from pipeline.review.resource_types import BALANCER, CERTIFICATE, SERVICE
from pipeline.review.tasks import Tasks

# What one stack's update takes beside what is counted below: typical, AWS documents none.
STACK = (15, 60)
# CloudFormation waits until it is active; Terraform's provider for up to ten minutes (hashicorp/terraform-provider-aws#8054).
BALANCER_MADE = (120, 600)
# NLB guide, Availability Zones: removing a subnet can take up to three minutes.
ZONE_LEFT = (30, 180)
# Typical; AWS documents none.
ZONE_ENTERED = (60, 300)
# CloudFormation waits for it; mostly minutes, sometimes an hour (hashicorp/terraform-provider-aws#9338).
ISSUED = (120, 3600)
# ECS developer guide, optimize task launch time: network interface, image, start. Typical for an image of this size.
TASK_START = (30, 120)
# "The NLB target registration can take from 90 to 180 seconds" (kubernetes-sigs/aws-load-balancer-controller#1834); checks come after.
REGISTRATION = (90, 180)
# ECS developer guide, NLB resources for blue/green: ten minutes more for each of the two traffic shifts.
SHIFT_DELAY = 600
# ECS API: what a deployment of that kind takes where its configuration says nothing; in minutes and percent.
BAKE, STEP_PERCENT, LINEAR_BAKE, CANARY_BAKE = 15, 10, 6, 10


class Step(NamedTuple):
    what: str
    shortest: int
    longest: int

    def __str__(self) -> str:
        return f"{self.what}: {span(self.shortest, self.longest)}"


def of(comparison: Comparison) -> Timing | None:
    """None where nothing is deployed. Builds and approvals before it, and the verification after it, are not counted."""
    steps = [*_stacks(comparison), *_resources(comparison), *_tasks(comparison)]
    if not steps:
        return None
    return Timing(
        shortest=sum(step.shortest for step in steps),
        longest=sum(step.longest for step in steps),
        connections=connections(comparison),
        steps=tuple(str(step) for step in steps),
    )


def span(shortest: int, longest: int) -> str:
    if longest < 120:  # noqa: PLR2004 - where people begin to count in minutes
        return f"{shortest} to {longest} s" if shortest != longest else f"{longest} s"
    low, high = shortest // 60, -(-longest // 60)
    return f"{low} to {high} min" if 0 < low < high else f"up to {high} min" if low < high else f"{high} min"


def _stacks(comparison: Comparison) -> Iterator[Step]:
    touched = {change.stack for change in comparison.changes} | comparison.parameters.keys()
    if not touched and tasks.replaced_because(comparison) and (found := tasks.of(comparison.after)):
        touched = {found.stack}
    if touched:
        what = ", ".join(stack for stack in comparison.order if stack in touched)
        yield Step(f"CloudFormation ({what})", STACK[0] * len(touched), STACK[1] * len(touched))


def _resources(comparison: Comparison) -> Iterator[Step]:
    for change in comparison.changes:
        made = change.action == "add" or change.replaces
        if change.type == CERTIFICATE and made:
            yield Step(f"{change.logical_id} is issued once its DNS record is there", *ISSUED)
        elif change.type == BALANCER and made:
            yield Step(f"{change.logical_id} is made", *BALANCER_MADE)
    if zones := zones_left(comparison):
        yield Step(f"the load balancer leaves {', '.join(zones)}", *ZONE_LEFT)
    if zones := zones_entered(comparison):
        yield Step(f"the load balancer enters {', '.join(zones)}", *ZONE_ENTERED)


def _tasks(comparison: Comparison) -> Iterator[Step]:
    after = tasks.of(comparison.after)
    if after is None:
        return
    made = any(change.action == "add" or change.replaces for change in comparison.of_type(SERVICE))
    because = "" if made else tasks.replaced_because(comparison)
    start = TASK_START[0] + REGISTRATION[0] + after.health, TASK_START[1] + REGISTRATION[1] + after.health
    if made:
        yield Step("the first tasks start and pass the load balancer's checks", *start)
    elif because and after.strategy in SHIFTS:
        yield Step("new tasks start and pass the load balancer's checks", *start)
        yield SHIFTS[after.strategy](after.deployment)
        yield Step("old tasks leave", after.delay, after.delay + after.stop_timeout)
    elif because:
        yield _rolling(comparison, after, start)
        if bake := _bake(comparison):
            yield Step("ECS watches the deployment's alarms", bake, bake)


def _rolling(comparison: Comparison, after: Tasks, start: tuple[int, int]) -> Step:
    """One batch after the other: its tasks start and pass the checks, as many old ones leave as stacks/drain.py says.

    Where no batch is possible (rule deployment-safety-weakened), the time is that of one task after the other.
    """
    ordered = capacity.of(comparison.after)
    least = (ordered.min_tasks if ordered else None) or 1
    most = max(least, (ordered.max_tasks if ordered else None) or least)
    few, many = sorted(-(-number // max(1, after.batch(number))) for number in (least, most))
    gone = after.delay, after.delay + after.stop_timeout
    what = f"tasks are replaced, {after.batch(least)} of {least} at a time" if after.batch(least) < least else "all tasks are replaced"
    return Step(what, few * (start[0] + gone[0]), many * (start[1] + gone[1]))


def _bake(comparison: Comparison) -> int:
    """The longest that one of the deployment's alarms takes to evaluate (aws/copilot-cli#4294, by those who built it)."""
    after = tasks.of(comparison.after)
    alarms = mapping(after.deployment.get("Alarms")) if after else {}
    if after is None or alarms.get("Enable") is not True:
        return 0
    named = [properties(comparison.after.stacks.get(after.stack), _name(one)) for one in items(alarms.get("AlarmNames"))]
    return max((_count(alarm, "EvaluationPeriods", 1) * _period(alarm) for alarm in named), default=0)


def _period(alarm: Mapping[str, Any]) -> int:
    metrics = [mapping(one.get("MetricStat")) for one in mappings(alarm.get("Metrics"))]
    return max((_count(one, "Period", 60) for one in (alarm, *metrics)), default=60)


def _blue_green(deployment: Mapping[str, Any]) -> Step:
    bake = _minutes(deployment, "BakeTimeInMinutes", BAKE)
    return Step("traffic is shifted at once, and both sets are kept", SHIFT_DELAY + bake, 2 * SHIFT_DELAY + bake)


def _canary(deployment: Mapping[str, Any]) -> Step:
    given = mapping(deployment.get("CanaryConfiguration"))
    bake = _minutes(given, "CanaryBakeTimeInMinutes", CANARY_BAKE) + _minutes(deployment, "BakeTimeInMinutes", BAKE)
    return Step("traffic is shifted in 2 steps, and both sets are kept", SHIFT_DELAY + bake, 3 * SHIFT_DELAY + bake)


def _linear(deployment: Mapping[str, Any]) -> Step:
    given = mapping(deployment.get("LinearConfiguration"))
    steps = -(-100 // max(1, _count(given, "StepPercent", STEP_PERCENT)))
    # The last step is followed by the deployment's own bake (CloudFormation, AWS::ECS::Service LinearConfiguration).
    bake = (steps - 1) * _minutes(given, "StepBakeTimeInMinutes", LINEAR_BAKE) + _minutes(deployment, "BakeTimeInMinutes", BAKE)
    return Step(f"traffic is shifted in {steps} steps, and both sets are kept", SHIFT_DELAY + bake, (steps + 1) * SHIFT_DELAY + bake)


# The delay is certain for the production shift as a whole; at most it comes at each step and at a shift for tests, too.
SHIFTS: Mapping[str, Callable[[Mapping[str, Any]], Step]] = {"BLUE_GREEN": _blue_green, "CANARY": _canary, "LINEAR": _linear}


def _minutes(given: Mapping[str, Any], key: str, default: int) -> int:
    return 60 * _count(given, key, default)


def _count(given: Mapping[str, Any], key: str, default: int) -> int:
    found = number(given.get(key))
    return default if found is None else found


def _name(reference: Any) -> str:
    return text(reference).removeprefix("${").removesuffix("}")
