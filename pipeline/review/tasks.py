"""How tasks start, are replaced and leave, as the templates and the nginx.conf of one side say it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.review.capacity import number
from pipeline.review.model import Comparison, Side
from pipeline.review.read import keyed, mapping, mappings, resources_of, text
from pipeline.review.resource_types import SERVICE, TARGET_GROUP, TASK

# A change of these starts new tasks; of any other property it does not (ECS API, UpdateService: "This parameter triggers ...").
TRIGGERS = (
    "TaskDefinition",
    "NetworkConfiguration",
    "LoadBalancers",
    "PlatformVersion",
    "ServiceRegistries",
    "ServiceConnectConfiguration",
    "VolumeConfigurations",
    "VpcLatticeConfigurations",
    "ForceNewDeployment",
)
SHUTDOWN = re.compile(r"^\s*worker_shutdown_timeout\s+(\d{1,9})(ms|s|m|h)?\s*;", re.MULTILINE)
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """Times in seconds, each the longest of its kind; what AWS takes where a template says nothing stands in for it.

    `shutdown` is what nginx gives open connections after the stop signal; None: nobody knows, or without an end.
    """

    stack: str
    service: str
    deployment: Mapping[str, Any]
    strategy: str
    least_percent: int
    most_percent: int
    stop_timeout: int
    shutdown: int | None
    delay: int
    health: int

    def batch(self, tasks: int) -> int:
        """How many of so many tasks are replaced at a time (ECS API, maximumPercent and minimumHealthyPercent); 0: none can be."""
        most = tasks * self.most_percent // 100
        least = -(-tasks * self.least_percent // 100)
        return min(tasks, max(0, most - least))


def of(side: Side) -> Tasks | None:
    """None where there is no service."""
    for stack, logical_id, service in resources_of(side, SERVICE):
        deployment = mapping(service.get("DeploymentConfiguration"))
        groups = [found for _, _, found in resources_of(side, TARGET_GROUP)]
        return Tasks(
            stack=stack,
            service=logical_id,
            deployment=deployment,
            strategy=text(deployment.get("Strategy", "ROLLING")),
            least_percent=_number(deployment, "MinimumHealthyPercent", 100),
            most_percent=_number(deployment, "MaximumPercent", 200),
            stop_timeout=max((_number(one, "StopTimeout", 30) for one in containers(side).values()), default=30),
            shutdown=worker_shutdown(side.nginx),
            delay=max(
                (_number(keyed(one.get("TargetGroupAttributes")), "deregistration_delay.timeout_seconds", 300) for one in groups), default=0
            ),
            health=max(
                (_number(one, "HealthCheckIntervalSeconds", 30) * _number(one, "HealthyThresholdCount", 5) for one in groups), default=0
            ),
        )
    return None


def containers(side: Side) -> dict[str, Mapping[str, Any]]:
    return {
        text(container.get("Name")): container
        for _, _, task in resources_of(side, TASK)
        for container in mappings(task.get("ContainerDefinitions"))
    }


def worker_shutdown(nginx: str | None) -> int | None:
    found = SHUTDOWN.search(nginx or "")
    return int(int(found[1]) * UNITS[found[2] or "s"]) if found else None


def replaced_because(comparison: Comparison) -> str:
    """Why tasks of a service that stays are replaced; empty: they are not."""
    before, after = of(comparison.before), of(comparison.after)
    if before is None or after is None:
        return ""
    if any(one.top in TRIGGERS for one in _service_properties(comparison)):
        return "a new task definition or setting of the service"
    if comparison.before.nginx != comparison.after.nginx:
        return "a new nginx configuration in the image"
    stack = comparison.after.stacks[after.stack]
    given = mapping(stack.template.get("Parameters"))
    # Its commit is written in the image (docker/Dockerfile), so that another commit is another digest. A plan knows the digests.
    if comparison.changes and "ImageDigest" in given and "ImageDigest" not in stack.parameters:
        return "every commit has an image of its own"
    return ""


def _service_properties(comparison: Comparison) -> Iterator[Any]:
    for change in comparison.of_type(SERVICE):
        if change.action == "modify":
            yield from change.properties


def _number(given: Mapping[str, Any], key: str, default: int) -> int:
    found = number(given.get(key))
    return default if found is None else found
