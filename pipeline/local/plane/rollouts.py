"""What is remembered about each deployment of a service, and what ECS would answer about it."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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
    """`row` counts failures since the last healthy task: what the circuit breaker looks at."""

    id: str
    state: str = "IN_PROGRESS"
    reason: str = ""
    failed: int = 0
    row: int = 0
    rollback_of: str = ""
    # Of this engine's clock: when the next start may be tried.
    not_before: float = field(default=0.0, compare=False)

    def failure(self) -> None:
        self.failed += 1
        self.row += 1
        self.not_before = time.monotonic() + min(_FIRST_PAUSE_SECONDS * 2 ** (self.row - 1), _LONGEST_PAUSE_SECONDS)


def load(store: Store) -> dict[str, Rollout]:
    return {record["id"]: Rollout(**record) for record in store.all(KIND)}


def save(rollout: Rollout, store: Store) -> None:
    document = dataclasses.asdict(rollout)
    del document["not_before"]
    if store.get(KIND, rollout.id) != document:
        store.put(KIND, rollout.id, document)


def remember_completed(service: Service, store: Store) -> None:
    """What a rollback returns to: everything that makes a revision of the service."""
    kept = ("id", "taskDefinition", "networkConfiguration", "capacityProviderStrategy", "platformVersion")
    revision = {key: service.primary.document[key] for key in kept if key in service.primary.document}
    store.put(COMPLETED, service.arn, revision | {"loadBalancers": list(service.balancers)})


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
