"""What the last detection found, stack by stack."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.local.cloudformation.stack import moment
from pipeline.local.world import World

KIND = "cloudformation-drift"
DRIFTED = ("MODIFIED", "DELETED")


def put(world: World, stack: str, detection: str, time: str, rows: Mapping[str, Any]) -> None:
    world.store.put(KIND, stack, {"stack": stack, "detection": detection, "time": time, "rows": dict(rows)})


def get(world: World, stack: str) -> dict[str, Any] | None:
    return world.store.get(KIND, stack)


def replace(world: World, stack: str, name: str, row: Mapping[str, Any]) -> None:
    found = get(world, stack)
    if found is not None:
        world.store.put(KIND, stack, {**found, "rows": {**found["rows"], name: dict(row)}})


def by_detection(world: World, detection: str) -> dict[str, Any] | None:
    return next((one for one in world.store.all(KIND) if one["detection"] == detection), None)


def drifted(found: Mapping[str, Any]) -> list[str]:
    return [name for name, row in found["rows"].items() if row["StackResourceDriftStatus"] in DRIFTED]


def information(world: World, stack: str) -> dict[str, Any]:
    """Of a stack, as DescribeStacks tells it."""
    found = get(world, stack)
    if found is None:
        return {"StackDriftStatus": "NOT_CHECKED"}
    return {"StackDriftStatus": "DRIFTED" if drifted(found) else "IN_SYNC", "LastCheckTimestamp": moment(found["time"])}
