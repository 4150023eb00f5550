"""What AWS bills a month for one idle environment: an estimate from its templates and a dated price table."""

from __future__ import annotations

import functools
import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import PipelineError
from pipeline.review import capacity
from pipeline.review.capacity import Capacity
from pipeline.review.model import Side, Stack

if TYPE_CHECKING:
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
    """The fixed part of the bill: traffic, logs, alarms and builds come on top. Raises where the region has no price table."""
    from pipeline import catalog  # noqa: PLC0415 - troposphere is only for this one

    built = {spec.name: json.loads(spec.build(env).to_json()) for spec in catalog.ENVIRONMENT_STACKS if spec.wanted(env)}
    ordered = capacity.of(Side(stacks={name: Stack(stack=name, path="", template=template) for name, template in built.items()}))
    if ordered is None:
        raise PipelineError(f"{env.name}: has no service to estimate")
    return lines(ordered)


def lines(ordered: Capacity) -> tuple[Line, ...]:
    """Raises where the region has no price table, or the templates say a size otherwise than as a number."""
    prices = price_table(ordered.region)
    if ordered.cpu is None or ordered.memory is None or ordered.min_tasks is None:
        raise PipelineError("the size or the number of tasks is not written as a number in the templates")
    tasks = ordered.min_tasks
    spot = max(0, tasks - ordered.on_demand_base) * ordered.spot_percent / 100
    task_hour = ordered.cpu / 1024 * prices["fargate_arm_vcpu_hour"] + ordered.memory / 1024 * prices["fargate_arm_gb_hour"]
    paid_tasks = tasks - spot * (1 - prices["fargate_spot_share"])
    balancers, addresses = ordered.load_balancers, ordered.addresses
    public = tasks if ordered.public_tasks else 0
    found = (
        Line(item="Network Load Balancer", quantity=str(balancers), dollars=HOURS * balancers * prices["nlb_hour"]),
        Line(item="Load balancer capacity", quantity=f"{balancers} NLCU", dollars=HOURS * balancers * prices["nlcu_hour"]),
        Line(item="Elastic IP addresses", quantity=str(addresses), dollars=HOURS * addresses * prices["public_ipv4_hour"]),
        Line(
            item="Fargate tasks (ARM)",
            quantity=f"{tasks} x {ordered.cpu / 1024:g} vCPU, {ordered.memory / 1024:g} GB",
            dollars=HOURS * paid_tasks * task_hour,
        ),
        Line(item="Public addresses of the tasks", quantity=str(public), dollars=HOURS * public * prices["public_ipv4_hour"]),
        Line(item="Keys (KMS)", quantity=str(ordered.keys), dollars=ordered.keys * prices["kms_key_month"]),
    )
    return tuple(line for line in found if line.dollars)


def total(found: tuple[Line, ...]) -> float:
    return sum(line.dollars for line in found)


def totals(found: Mapping[str, tuple[Line, ...]]) -> dict[str, Any]:
    """As data, in US dollars a month."""
    each = {name: {"lines": [asdict(line) for line in mine], "total": total(mine)} for name, mine in found.items()}
    return {"environments": each, "total": sum(total(mine) for mine in found.values())}


def table(found: Mapping[str, tuple[Line, ...]]) -> str:
    """A paragraph an environment, and all of them together where there are several."""
    rows = []
    for name, mine in found.items():
        rows += [name] if len(found) > 1 else []
        rows += [_row(line) for line in (*mine, Line(item="Together, in US dollars", quantity="", dollars=total(mine)))]
    if len(found) > 1:
        rows.append(_row(Line(item="All, in US dollars", quantity="", dollars=sum(map(total, found.values())))))
    rows.append("a month without traffic, logs and builds, by the prices of pipeline/prices.toml")
    return "\n".join(rows) + "\n"


def _row(line: Line) -> str:
    return f"{line.item:<32}{line.quantity:<26}{line.dollars:>8.2f}"


def price_table(region: str | None) -> dict[str, Any]:
    """Raises where there is none; its `as_of` is the day on which it was right."""
    table: dict[str, Any] | None = _prices().get(region or "")
    if table is None:
        place = region or "an unknown region"
        raise PipelineError(f"{PRICES.name}: no prices for {place}; add a [{region or 'REGION'}] table from AWS's pricing pages")
    return table


@functools.cache
def _prices() -> dict[str, dict[str, Any]]:
    return tomllib.loads(PRICES.read_text(encoding="utf-8"))
