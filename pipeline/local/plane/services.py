"""One service's turn: what died, what the deployment wants, what to start and what to let go."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.local.plane import deployments, rollouts, shifts, tasks
from pipeline.local.plane.deployments import Running
from pipeline.local.plane.rollouts import Rollout

if TYPE_CHECKING:
    from pipeline.local.plane.health import Checks
    from pipeline.local.plane.model import Seen, Service
    from pipeline.local.plane.tasks import Task
    from pipeline.local.world import World

# healthCheckGracePeriodSeconds in compressed time; a task that no target group judges is healthy after this.
LONGEST_GRACE_SECONDS = 3.0
STEADY_SECONDS = 0.5


@dataclass
class State:
    """What the data plane remembers between two turns."""

    world: World
    tasks: dict[str, Task]
    rollouts: dict[str, Rollout]
    checks: Checks
    resolver: str
    authority: Path


def turn(service: Service, seen: Seen, state: State) -> None:
    mine = [task for task in state.tasks.values() if task.service == service.arn and task.living]
    rollout = state.rollouts.get(service.primary.id) or _begin(service, seen, mine, state)
    for task in mine:
        if task.stage == "running" and not task.was_healthy and healthy(task, state):
            task.was_healthy = True
            if service.breaker.get("resetOnHealthyTask", True):
                rollout.row = 0
    if rollout.state == "IN_PROGRESS" and (failure := _failure(service, rollout, seen)):
        _fail(service, rollout, state, *failure)
        return
    decision = deployments.decide(
        desired=service.desired,
        least_percent=service.least_percent,
        most_percent=service.most_percent,
        tasks=_concerned(service, rollout, mine, state),
        failed=rollout.state == "FAILED",
    )
    for arn, reason in decision.stop:
        _stop(state.tasks[arn], reason, state)
    if rollout.not_before <= time.monotonic():
        for _ in range(decision.start):
            _start(service, rollout, seen, state)
    left = any(task.stage == "draining" for task in mine)
    if decision.done and rollout.state == "IN_PROGRESS" and shifts.advance(service, rollout, state.world) and not left:
        rollout.state, rollout.reason = "COMPLETED", f"ECS deployment {rollout.id} completed."
        rollouts.remember_completed(service, state.world.store)
    rollouts.save(rollout, state.world.store)


def _concerned(service: Service, rollout: Rollout, mine: list[Task], state: State) -> list[Running]:
    running = [task for task in mine if task.stage == "running"]
    if rollout.former and rollout.stage != shifts.CLEAN_UP:
        # What an earlier deployment left in the target groups that are the new tasks' now.
        for task in running:
            if task.deployment != rollout.id and any(group in rollout.groups for group, _, _ in task.targets):
                _stop(task, "Deployment replaced the task", state)
        # The tasks before serve on, whatever becomes of the new ones.
        running = [task for task in running if task.deployment == rollout.id]
    return [_running(task, service, state) for task in running]


def reap(task: Task, state: State) -> None:
    """A task whose process has ended, or should have."""
    if task.process.alive():
        if task.stage == "stopping" and tasks.overdue(task):
            task.process.end(task.folder(state.world))
            tasks.finish(task, state.world)
        return
    wanted = task.stage == "running"
    tasks.finish(task, state.world, reason="Essential container in task exited", code="EssentialContainerExited")
    if wanted:
        _note_failure(task, state)


def healthy(task: Task, state: State) -> bool:
    if not task.targets:
        return time.monotonic() - task.born > STEADY_SECONDS
    return all(state.checks.state(group, address, port) == "healthy" for group, address, port in task.targets)


def _running(task: Task, service: Service, state: State) -> Running:
    judged = any(state.checks.state(group, address, port) == "unhealthy" for group, address, port in task.targets)
    patient = time.monotonic() - task.born < min(service.grace, LONGEST_GRACE_SECONDS)
    return Running(
        arn=task.arn,
        primary=task.deployment == service.primary.id,
        healthy=healthy(task, state),
        unhealthy=judged and not patient,
    )


def _begin(service: Service, seen: Seen, mine: list[Task], state: State) -> Rollout:
    groups, former = shifts.serving(service, seen), []
    if service.configuration.get("strategy") in shifts.STRATEGIES and any(task.deployment != service.primary.id for task in mine):
        groups, former = shifts.opposite(service, groups), groups
    on = [name for name in service.alarms.get("alarmNames", ()) if (service.account, service.region, name) in seen.alarms]
    rollout = state.rollouts[service.primary.id] = Rollout(service.primary.id, groups=groups, former=former, ignored=on)
    if former:
        # Health checks ask only what a listener knows.
        shifts.turn(service, rollout, 0, state.world)
    return rollout


def _failure(service: Service, rollout: Rollout, seen: Seen) -> tuple[str, str] | None:
    """Who found it, and what."""
    if deployments.breaks(service.breaker, desired=service.desired, failures=rollout.row):
        last = rollout.reason.partition("last failed task: ")[2]
        return "circuit breaker", "tasks failed to start." + (f" Last: {last}" if last else "")
    if rollout.refused:
        return "lifecycle stage", rollout.refused
    if shifts.overdue(rollout) and rollout.former:
        return "lifecycle stage", "the new tasks did not become healthy in time."
    if not rollout.rollback_of:
        names = [name for name in service.alarms.get("alarmNames", ()) if (service.account, service.region, name) in seen.alarms]
        if new := [name for name in names if name not in rollout.ignored]:
            return "alarm", f"{', '.join(new)} went into ALARM."
    return None


def _start(service: Service, rollout: Rollout, seen: Seen, state: State) -> None:
    if not shifts.may_register(service, rollout, state.world):
        return
    living = [task for task in state.tasks.values() if task.deployment == service.primary.id and task.living]
    task = tasks.new(
        service,
        seen,
        subnet=deployments.subnet(service.network.get("subnets", []), seen.subnet_zones, [task.zone for task in living]),
        provider=deployments.provider(service.strategy, [task.provider for task in living]),
    )
    state.tasks[task.arn] = task
    definition = seen.definitions[task.definition]
    world, resolver, authority = state.world, state.resolver, state.authority
    tasks.launch(task, service, definition, world, target_groups=rollout.groups, resolver=resolver, authority=authority)
    if not task.living:
        _note_failure(task, state)


def _stop(task: Task, reason: str, state: State) -> None:
    if reason.startswith("Task failed"):
        _note_failure(task, state)
    tasks.drain(task, state.world, reason=reason)


def _note_failure(task: Task, state: State) -> None:
    """Tasks that had served are replaced without a count: the circuit breaker judges the new revision."""
    rollout = state.rollouts.get(task.deployment)
    if rollout is None:
        return
    if task.was_healthy:
        return
    rollout.failure()
    why = task.reason if not task.detail else f"{task.reason}: {task.detail}"
    if rollout.state == "IN_PROGRESS" and not rollout.rollback_of:
        rollout.reason = f"ECS deployment {rollout.id} in progress; last failed task: {why}" if why else rollout.reason


def _fail(service: Service, rollout: Rollout, state: State, finder: str, why: str) -> None:
    rollout.state, rollout.reason = "FAILED", f"ECS deployment {finder}: {why}"
    rollouts.save(rollout, state.world.store)
    before = rollouts.last_completed(service, state.world.store)
    wanted = service.breaker if finder == "circuit breaker" else service.alarms
    # A rollback that fails is not undone in its turn (ROLLBACK_FAILED).
    if rollout.rollback_of or not wanted.get("rollback") or before is None or before["id"] == rollout.id:
        return
    back = not rollout.share or not rollout.former or shifts.turn(service, rollout, 0, state.world)
    completed = before.pop("id")
    ecs = state.world.client("ecs", account=service.account, region=service.region)
    answer = ecs.update_service(cluster=service.cluster, service=service.name, forceNewDeployment=True, **before)
    fresh = answer["service"]["deployments"][0]["id"]
    reason = f"ECS deployment {finder}: rolling back to deploymentId {completed}."
    groups = rollout.former or rollout.groups
    state.rollouts[fresh] = Rollout(fresh, reason=reason, rollback_of=rollout.id, groups=groups, refused="" if back else rollout.refused)
    rollouts.save(state.rollouts[fresh], state.world.store)
    # The tasks of the revision that is returned to go on serving: they are the rollback's.
    for task in state.tasks.values():
        if task.deployment == completed and task.living:
            task.deployment = fresh
