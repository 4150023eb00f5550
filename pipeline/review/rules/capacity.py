"""How many tasks of which size."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.review import capacity
from pipeline.review.capacity import Capacity
from pipeline.review.model import Comparison, Finding, Verdict
from pipeline.review.read import place
from pipeline.review.resource_types import SCALING, SERVICE, TASK
from pipeline.review.rules.rule import Rule

# Field of Capacity -> type of the resource that says it, what it is, and what less of it means to clients.
SIZES = {
    "min_tasks": (SCALING, "tasks at least", "fewer clients are served at once, until scaling has added tasks"),
    "max_tasks": (SCALING, "tasks at most", "scaling ends there, and clients beyond what these tasks bear wait or are refused"),
    "cpu": (TASK, "CPU units in each task", "each task serves fewer clients at once"),
    "memory": (
        TASK,
        "MiB of memory in each task",
        "each task holds fewer connections and bodies at once, and is killed when they do not fit",
    ),
}


def capacity_changed(comparison: Comparison) -> Iterator[Finding]:
    """More or fewer tasks, other sizes, or other kinds of capacity."""
    before, after = capacity.of(comparison.before), capacity.of(comparison.after)
    if after is None:
        return
    if before is not None:
        yield from _sizes(comparison, before, after)
        yield from _spot(comparison, before, after)
    if _too_few(after) and (before is None or not _too_few(before)):
        text = f"{after.zones} zones and only {after.min_tasks} tasks at least: while a zone fails there may be none, and nobody is served"
        yield _finding(comparison, SCALING, "risky", text, mend=f"min_tasks = {after.zones} or more")


def _sizes(comparison: Comparison, before: Capacity, after: Capacity) -> Iterator[Finding]:
    for field, (type_name, what, less) in SIZES.items():
        old, new = getattr(before, field), getattr(after, field)
        if old is None or new is None or old == new:
            continue
        consequence = f": {less}" if new < old else ""
        yield _finding(comparison, type_name, "risky" if new < old else "safe", f"{old} -> {new} {what}{consequence}")


def _spot(comparison: Comparison, before: Capacity, after: Capacity) -> Iterator[Finding]:
    """The base says something only where there is Spot beyond it."""
    taken = "AWS may take those with two minutes' notice"
    if before.spot_percent != after.spot_percent:
        more = after.spot_percent > before.spot_percent
        text = f"{before.spot_percent:g} -> {after.spot_percent:g} % of the tasks beyond {after.on_demand_base} run on Spot"
        yield _finding(comparison, SERVICE, "risky" if more else "safe", f"{text}: {taken}" if more else text)
    elif after.spot_percent and before.on_demand_base != after.on_demand_base:
        less = after.on_demand_base < before.on_demand_base
        text = f"{before.on_demand_base} -> {after.on_demand_base} tasks never run on Spot"
        yield _finding(comparison, SERVICE, "risky" if less else "safe", f"{text}; {taken} beyond them" if less else text)


def _too_few(found: Capacity) -> bool:
    return found.min_tasks is not None and found.min_tasks < found.zones


def _finding(comparison: Comparison, type_name: str, verdict: Verdict, text: str, mend: str = "") -> Finding:
    stack, resource = place(comparison.after, type_name)
    return Finding(rule="capacity-changed", topic="capacity", verdict=verdict, text=text, stack=stack, resource=resource, mend=mend)


RULES: tuple[Rule, ...] = (
    Rule("capacity-changed", capacity_changed, "ECS developer guide, Fargate capacity providers: Spot tasks get a two-minute warning"),
)
