"""What a drift-aware change set (DeploymentMode REVERT_DRIFT) adds to another: it starts from what is live."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.local.cloudformation import changes, template
from pipeline.local.cloudformation.changes import Change
from pipeline.local.cloudformation.drift import detect
from pipeline.local.cloudformation.stack import Goal, Stack
from pipeline.local.protocol import Call
from pipeline.local.world import World

MODE = "REVERT_DRIFT"


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """`statuses` are the drift of each resource; None where nobody asked for it."""

    rows: list[Change]
    statuses: Mapping[str, str] | None = None
    synced: list[dict[str, Any]] = field(default_factory=list)


def predict(world: World, stack: Stack, goal: Goal, call: Call) -> Prediction:
    mode = call.params.get("DeploymentMode")
    if mode is None:
        return Prediction(rows=changes.predict(world, stack, goal))
    if mode != MODE or (call.params.get("ChangeSetType") or "UPDATE") != "UPDATE":
        raise template.invalid(f"DeploymentMode {mode} is only for an update, and only {MODE}")
    seen, statuses = detect.as_live(world, stack)
    rows = changes.predict(world, seen, goal)
    touched = {row.name for row in rows}
    synced = [
        {
            "Action": "SyncWithActual",
            "LogicalResourceId": name,
            "PhysicalResourceId": resource.id,
            "ResourceType": resource.type,
            "ResourceDriftStatus": statuses[name],
        }
        for name, resource in stack.resources.items()
        if name in seen.resources and name not in touched and resource.properties != seen.resources[name].properties
    ]
    return Prediction(rows=rows, statuses=statuses, synced=synced)


def begin(world: World, stack: Stack) -> None:
    """From here on the stack's record is what is live, so that whatever differs is brought back, and a rollback ends there."""
    stack.resources = detect.as_live(world, stack)[0].resources
