"""How much of what the templates of one side order of AWS: what serves the clients, and what is billed by the hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.review.model import Side
from pipeline.review.read import mapping, mappings, resources_of
from pipeline.review.resource_types import BALANCER, EIP, SCALING, SERVICE, TASK

# Nothing that AWS counts is larger, and arithmetic with larger numbers can fail.
LARGEST = 10**9


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """None where a template does not say it as a number. `spot_percent` is the share of Spot beyond `on_demand_base`."""

    region: str | None
    load_balancers: int
    zones: int
    addresses: int
    cpu: int | None
    memory: int | None
    min_tasks: int | None
    max_tasks: int | None
    on_demand_base: int
    spot_percent: float
    public_tasks: bool
    keys: int


def of(side: Side, *, left: int = 0) -> Capacity | None:
    """None where there is no service. `left` is the number of addresses that stay, though no template has them any more."""
    service = _first(side, SERVICE)
    if service is None:
        return None
    task = _first(side, TASK) or {}
    scaling = _first(side, SCALING) or {}
    zones = [one for _, _, balancer in resources_of(side, BALANCER) for one in mappings(balancer.get("SubnetMappings"))]
    # Adopted addresses are in no template, and one that no zone uses is billed as well.
    addresses = max(sum("AllocationId" in zone for zone in zones), left + _count(side, EIP))
    base, spot = _strategy(service)
    network = mapping(mapping(service.get("NetworkConfiguration")).get("AwsvpcConfiguration"))
    return Capacity(
        region=_region(task),
        load_balancers=_count(side, BALANCER),
        zones=len(zones),
        addresses=addresses,
        cpu=number(task.get("Cpu")),
        memory=number(task.get("Memory")),
        min_tasks=number(scaling.get("MinCapacity", service.get("DesiredCount"))),
        max_tasks=number(scaling.get("MaxCapacity", service.get("DesiredCount"))),
        on_demand_base=base,
        spot_percent=spot,
        public_tasks=network.get("AssignPublicIp") == "ENABLED",
        keys=_count(side, "AWS::KMS::Key"),
    )


def number(value: Any) -> int | None:
    """A whole number, or one written as text."""
    if isinstance(value, str) and value.isdecimal() and len(value) < len(str(LARGEST)):
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < LARGEST else None


def _first(side: Side, type_name: str) -> Mapping[str, Any] | None:
    return next((found for _, _, found in resources_of(side, type_name)), None)


def _count(side: Side, type_name: str) -> int:
    return sum(1 for _ in resources_of(side, type_name))


def _region(task: Mapping[str, Any]) -> str | None:
    """Where the tasks write their log: the one region that a task definition names."""
    for container in mappings(task.get("ContainerDefinitions")):
        region = mapping(mapping(container.get("LogConfiguration")).get("Options")).get("awslogs-region")
        if isinstance(region, str):
            return region
    return None


def _strategy(service: Mapping[str, Any]) -> tuple[int, float]:
    """(on-demand base, percent of Spot among the tasks beyond it)."""
    base, weights = 0, {"FARGATE": 0, "FARGATE_SPOT": 0}
    for item in mappings(service.get("CapacityProviderStrategy")):
        provider = item.get("CapacityProvider")
        if provider in ("FARGATE", "FARGATE_SPOT"):
            weights[provider] += number(item.get("Weight")) or 0
            base += (number(item.get("Base")) or 0) if provider == "FARGATE" else 0
    together = sum(weights.values())
    return base, 100 * weights["FARGATE_SPOT"] / together if together else 0.0
