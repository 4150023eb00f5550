"""What is remembered about each deployment of a service, and what ECS would answer about it."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.local.plane import shifts

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.local.plane.model import Deployment, Service
    from pipeline.local.plane.tasks import Task
    from pipeline.local.store import Store

KIND = "plane-deployment"
COMPLETED = "plane-completed"
_FIRST_PAUSE_SECONDS = 0.2
_LONGEST_PAUSE_SECONDS = 15.0


@dataclass
class Rollout:
    """`row` counts failures since the last healthy task: what the circuit breaker looks at.

    `groups` are the target groups of its tasks, one for each port; `former`, where traffic is shifted, those of the tasks before.
    `ignored` are the alarms that were on when it began.
    """

    id: str
    state: str = "IN_PROGRESS"
    reason: str = ""
    failed: int = 0
    row: int = 0
    rollback_of: str = ""
    groups: list[str] = field(default_factory=list)
    former: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    step: int = 0
    stage: str = shifts.SCALE_UP
    # Percent of the new connections.
    share: float = 0.0
    # What the infrastructure role did not allow.
    refused: str = ""
    # Of this engine's clock: when the next start may be tried, and since when it is in its step.
    not_before: float = field(default=0.0, compare=False)
    entered: float = field(default_factory=time.monotonic, compare=False)

    def enter(self, number: int, step: shifts.Step) -> None:
        self.step, self.stage, self.share, self.entered = number, step.stage, step.share, time.monotonic()

    def failure(self) -> None:
        self.failed += 1
        self.row += 1
        self.not_before = time.monotonic() + min(_FIRST_PAUSE_SECONDS * 2 ** (self.row - 1), _LONGEST_PAUSE_SECONDS)


def load(store: Store) -> dict[str, Rollout]:
    return {record["id"]: Rollout(**record) for record in store.all(KIND)}


def save(rollout: Rollout, store: Store) -> None:
    document = dataclasses.asdict(rollout)
    del document["not_before"], document["entered"]
    if store.get(KIND, rollout.id) != document:
        store.put(KIND, rollout.id, document)


def remember_completed(service: Service, store: Store) -> None:
    """What a rollback returns to: everything that makes a revision of the service."""
    kept = ("id", "taskDefinition", "networkConfiguration", "capacityProviderStrategy", "platformVersion")
    revision = {key: service.primary.document[key] for key in kept if key in service.primary.document}
    store.put(COMPLETED, service.arn, revision | {"loadBalancers": list(service.balancers)})


def service_deployment(rollout: Rollout, tasks: Iterable[Task], *, service: Service, rollback: Rollout | None) -> dict[str, Any]:
    """The members of a ServiceDeployment that the data plane knows; `rollback` is the rollout that undoes this one."""
    states = {"IN_PROGRESS": "IN_PROGRESS", "COMPLETED": "SUCCESSFUL", "FAILED": "STOPPED"}
    undone = {"IN_PROGRESS": "ROLLBACK_IN_PROGRESS", "COMPLETED": "ROLLBACK_SUCCESSFUL", "FAILED": "ROLLBACK_FAILED"}
    running = sum(task.deployment == rollout.id and task.stage == "running" for task in tasks)
    over = rollout.state == "COMPLETED"
    return {
        "status": undone[rollback.state] if rollback else states[rollout.state],
        "statusReason": rollout.reason,
        "lifecycleStage": shifts.CLEAN_UP if over else rollout.stage,
        "isRollback": bool(rollout.rollback_of),
        "targetServiceRevision": {
            "requestedTaskCount": service.desired,
            "runningTaskCount": running,
            "pendingTaskCount": max(0, service.desired - running),
            "requestedProductionTrafficWeight": 0.0 if rollback else 100.0 if over else rollout.share,
        },
        **({"rollback": {"reason": rollout.reason}} if rollback else {}),
    }


def last_completed(service: Service, store: Store) -> dict[str, Any] | None:
    return store.get(COMPLETED, service.arn)


def described(deployment: Deployment, rollout: Rollout, tasks: Iterable[Task], *, service: Service, primary: Rollout) -> dict[str, Any]:
    """The members of a Deployment that the data plane knows."""
    mine = [task for task in tasks if task.deployment == deployment.id and task.living]
    running = sum(task.stage in ("running", "draining") for task in mine)
    is_primary = deployment.id == service.primary.id
    desired = service.desired if is_primary else sum(task.stage == "running" for task in mine)
    answer = {
        "desiredCount": desired,
        "runningCount": running,
        "pendingCount": max(0, desired - running),
        "failedTasks": rollout.failed,
        "rolloutState": rollout.state,
        "rolloutStateReason": rollout.reason or f"ECS deployment {deployment.id} in progress.",
    }
    # ECS drops a deployment that has no tasks. The one that failed stays listed beside its rollback, as long as that is the newest:
    # whoever waits for it must be able to see why.
    if not is_primary and not mine and primary.rollback_of != deployment.id:
        answer["status"] = "INACTIVE"
    return answer
