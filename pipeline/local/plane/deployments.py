"""What ECS decides in a rolling deployment. Pure: counts and states in, what to start and stop out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

# docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html: half of the desired count, 3 to 200.
_BREAKER: dict[str, Any] = {"type": "BOUNDED_PERCENT", "value": 50}
_LEAST_FAILURES, _MOST_FAILURES = 3, 200


@dataclass(frozen=True, kw_only=True)
class Running:
    """A task that is not being stopped. `unhealthy`: its target group gave it up, after the grace period."""

    arn: str
    primary: bool
    healthy: bool
    unhealthy: bool = False


@dataclass(frozen=True, kw_only=True)
class Decision:
    start: int = 0
    stop: tuple[tuple[str, str], ...] = ()
    done: bool = False


def decide(*, desired: int, least_percent: int, most_percent: int, tasks: Sequence[Running], failed: bool) -> Decision:
    """`failed`: the circuit breaker stopped this deployment and nothing replaces it; what serves is left alone."""
    if failed:
        return Decision()
    gone = [(task.arn, "Task failed ELB health checks") for task in tasks if task.unhealthy]
    living = [task for task in tasks if not task.unhealthy]
    new = [task for task in living if task.primary]
    old = [task for task in living if not task.primary]
    ceiling = max(math.floor(desired * most_percent / 100), 1 if desired else 0)
    floor = math.ceil(desired * least_percent / 100)
    start = max(0, min(desired - len(new), ceiling - len(living)))
    # What is surplus goes first when it serves nobody, then as many as the healthy ones can spare.
    surplus = sorted(new, key=lambda task: task.healthy)[: max(0, len(new) - desired)]
    spare = sum(task.healthy for task in living) - floor
    stop = [(task.arn, "Scaling activity") for task in surplus]
    spare -= sum(task.healthy for task in surplus)
    for task in sorted(old, key=lambda task: task.healthy):
        if not task.healthy or spare > 0:
            stop.append((task.arn, "Deployment replaced the task"))
            spare -= task.healthy
    done = not old and len(new) == desired and all(task.healthy for task in new)
    return Decision(start=start, stop=(*gone, *stop), done=done)


def breaks(breaker: Mapping[str, Any], *, desired: int, failures: int) -> bool:
    if not breaker.get("enable"):
        return False
    threshold = breaker.get("thresholdConfiguration") or _BREAKER
    kind, value = threshold.get("type", _BREAKER["type"]), int(threshold.get("value", _BREAKER["value"]))
    if kind == "COUNT":
        return failures >= value
    limit = math.ceil(desired * value / 100)
    if kind == "BOUNDED_PERCENT":
        limit = min(max(limit, _LEAST_FAILURES), _MOST_FAILURES)
    return failures >= max(limit, 1)


def provider(strategy: Sequence[Mapping[str, Any]], taken: Sequence[str | None]) -> str | None:
    """The capacity provider of the next task: bases first, then by weight."""
    for item in strategy:
        if taken.count(item["capacityProvider"]) < item.get("base", 0):
            return str(item["capacityProvider"])
    weighted = [item for item in strategy if item.get("weight", 0)]
    if not weighted:
        return str(strategy[0]["capacityProvider"]) if strategy else None
    total = sum(item["weight"] for item in weighted)
    beyond = {item["capacityProvider"]: taken.count(item["capacityProvider"]) - item.get("base", 0) for item in weighted}
    count = sum(beyond.values()) + 1
    return str(max(weighted, key=lambda item: item["weight"] / total * count - beyond[item["capacityProvider"]])["capacityProvider"])


def subnet(subnets: Sequence[str], zones: Mapping[str, str], taken_zones: Sequence[str]) -> str:
    """Tasks are spread: the next one goes to the zone with the fewest."""
    return min(subnets, key=lambda name: (taken_zones.count(zones.get(name, "")), subnets.index(name)))
