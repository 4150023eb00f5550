"""What AWS bills a month for one idle environment: an estimate from its configuration and a dated price table."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from stacks.environment import Environment

HOURS = 730
PRICES = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the estimate, in US dollars a month."""

    item: str
    quantity: str
    dollars: float


def monthly(env: Environment) -> tuple[Line, ...]:
    """The fixed part of the bill: traffic, logs and builds come on top. Raises where the region has no price table."""
    prices = tomllib.loads(PRICES.read_text()).get(env.region)
    if prices is None:
        raise PipelineError(f"{PRICES.name}: no prices for {env.region}; add a [{env.region}] table from AWS's pricing pages")
    service = env.service
    on_demand = min(service.on_demand_base, service.min_tasks)
    spot = (service.min_tasks - on_demand) * service.spot_percent / 100
    task_hour = service.cpu / 1024 * prices["fargate_arm_vcpu_hour"] + service.memory / 1024 * prices["fargate_arm_gb_hour"]
    paid_tasks = service.min_tasks - spot * (1 - prices["fargate_spot_share"])
    zones = len(env.zones)
    return (
        Line(item="Network Load Balancer", quantity="1", dollars=HOURS * prices["nlb_hour"]),
        Line(item="Load balancer capacity", quantity="1 NLCU", dollars=HOURS * prices["nlcu_hour"]),
        Line(item="Elastic IP addresses", quantity=str(zones), dollars=HOURS * zones * prices["public_ipv4_hour"]),
        Line(
            item="Fargate tasks (ARM)",
            quantity=f"{service.min_tasks} x {service.cpu / 1024:g} vCPU, {service.memory / 1024:g} GB",
            dollars=HOURS * paid_tasks * task_hour,
        ),
        Line(
            item="Public addresses of the tasks",
            quantity=str(service.min_tasks),
            dollars=HOURS * service.min_tasks * prices["public_ipv4_hour"],
        ),
    )


def total(lines: tuple[Line, ...]) -> float:
    return sum(line.dollars for line in lines)
