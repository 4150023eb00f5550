"""The loop: look at what the emulated AWS says, and make processes, health and answers agree with it."""

from __future__ import annotations

import contextlib
import hashlib
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from pipeline.local import translate
from pipeline.local.gaps import ecs as ecs_answers
from pipeline.local.gaps import elbv2 as elbv2_answers
from pipeline.local.plane import balancer, certificates, dns, health, observe, rollouts, services, stand_ins, standing, task_answers, tasks
from pipeline.local.plane.model import Seen

if TYPE_CHECKING:
    from pipeline.local.plane.model import Balancer, Service
    from pipeline.local.plane.services import State
    from pipeline.local.plane.standing import Standing
    from pipeline.local.world import World

BUSY_SECONDS = 0.1
IDLE_SECONDS = 1.0
# Many requests in a row (a stack being made) are one reason to look.
GATHER_SECONDS = 0.05
STOP_SECONDS = 3.0
KEPT_STOPPED_TASKS = 20
_VPC_RESOLVER = ("169.254.169.253", 53)
_RESOLVER_KIND = "plane-resolver"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where a client of this computer finds a load balancer."""

    balancer: str
    zone: str
    address: str
    port: int
    hosts: tuple[str, ...]


@dataclass
class Plane:
    state: State
    stand_ins: stand_ins.StandIns
    standing: dict[str, Standing]
    seen: Seen = field(default_factory=Seen)
    _problems: dict[str, str] = field(default_factory=dict)
    _wake: threading.Event = field(default_factory=threading.Event)
    _halting: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def poke(self) -> None:
        """Something may have changed: look now."""
        self._wake.set()

    def problems(self) -> tuple[str, ...]:
        return tuple(self._problems.values())

    def endpoints(self) -> list[Endpoint]:
        seen = self.seen
        return [
            Endpoint(
                balancer=found.name,
                zone=zone.name,
                address=translate.address(zone.public_ip),
                port=translate.port(listener.port),
                # A further port passes on what it does not read.
                hosts=self._hosts({group for group, _ in listener.target_groups}) if listener.protocol == "TLS" else (),
            )
            for found in seen.balancers.values()
            for listener in found.listeners
            for zone in found.zones
            if zone.public_ip is not None
        ]

    def run(self) -> None:
        self._thread = threading.Thread(target=self._loop, name="plane", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Everything that was started ends; what was running is started again, at its addresses, by the next engine."""
        self.halt()
        living = [task for task in self.state.tasks.values() if task.living and task.pid]
        for task in living:
            task.process.signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while any(task.process.alive() for task in living) and time.monotonic() < deadline:
            time.sleep(0.01)
        for task in living:
            task.process.end(task.folder(self.state.world))
        for name in list(self.standing):
            self.standing.pop(name).stop()

    def halt(self) -> None:
        """The loop, the name server and the plain origins end; the processes go on, as when the engine is killed."""
        self._halting.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        self.stand_ins.stop()
        self.state.checks.pool.shutdown()
        # What this plane measured is no longer true; ECS and ELBv2 answer from these tables.
        for table in (
            ecs_answers.TASKS,
            ecs_answers.DEPLOYMENTS,
            ecs_answers.SERVICE_DEPLOYMENTS,
            ecs_answers.STOP_REQUESTS,
            elbv2_answers.TARGET_HEALTH,
        ):
            table.clear()

    def _loop(self) -> None:
        while not self._halting.is_set():
            self._wake.clear()
            self.guarded("plane", self._turn)
            self._wake.wait(BUSY_SECONDS if self._busy() else IDLE_SECONDS)
            self._halting.wait(GATHER_SECONDS)

    def guarded(self, name: str, action: Callable[[], None]) -> None:
        try:
            action()
        # The top of this thread, and of each service in it: one that fails is told about and must not stop the others.
        except Exception as error:  # noqa: BLE001
            if name not in self._problems:
                # Into engine.log, once for each spell of trouble.
                traceback.print_exc()
            self._problems[name] = f"{name}: {type(error).__name__}: {error}"
        else:
            self._problems.pop(name, None)

    def _turn(self) -> None:
        self.seen = seen = observe.look()
        state = self.state
        self._forget_gone(seen)
        for task in [task for task in state.tasks.values() if task.living]:
            self.guarded(task.arn, partial(self._advance, task, seen))
        for service in seen.services.values():
            if service.desired < service.minimum:
                self.guarded(f"scaling of {service.name}", partial(self._scale, service))
            else:
                self.guarded(service.arn, partial(services.turn, service, seen, state))
        self.guarded("origins", self._stand_in)
        self.seen = seen = observe.look()
        state.checks.run(seen)
        for found in seen.balancers.values():
            self.guarded(found.arn, partial(self._balance, found, seen))
        for task in state.tasks.values():
            if task.stage == "draining" and not self._routed(task) and tasks.drained(task, seen):
                tasks.ask_to_stop(task)
        self._publish(seen)

    def _advance(self, task: tasks.Task, seen: Seen) -> None:
        services.reap(task, self.state)
        # A target group that is deleted judges nobody any more.
        task.targets = [target for target in task.targets if target[0] in seen.target_groups]
        if task.stage != "running":
            return
        if task.arn in ecs_answers.STOP_REQUESTS:
            tasks.drain(task, self.state.world, reason=ecs_answers.STOP_REQUESTS.pop(task.arn), code="UserInitiated")
        elif task.service not in seen.services:
            tasks.drain(task, self.state.world, reason="Service was deleted")

    def _scale(self, service: Service) -> None:
        client = self.state.world.client("ecs", account=service.account, region=service.region)
        client.update_service(cluster=service.cluster, service=service.name, desiredCount=service.minimum)

    def _stand_in(self) -> None:
        wanted = stand_ins.wanted(self.state.tasks.values())
        if wanted.tls or wanted.tcp:
            self.stand_ins.ensure(wanted, self._standing("origins"))

    def _balance(self, found: Balancer, seen: Seen) -> None:
        name = _balancer_name(found.arn)
        if not found.listeners:
            return
        stand = self._standing(name)
        context = balancer.Context(
            seen=seen,
            folder=stand.folder,
            health=self.state.checks.state,
            certificate=lambda names: certificates.issued(self.state.world.home, names),
        )
        stand.ensure(balancer.config(found, context))

    def _standing(self, name: str) -> Standing:
        if name not in self.standing:
            self.standing[name] = standing.adopted(name, self.state.world.home / "plane" / name, self.state.world.store)
        return self.standing[name]

    def _forget_gone(self, seen: Seen) -> None:
        wanted = {_balancer_name(found.arn) for found in seen.balancers.values() if found.listeners} | {"origins"}
        for name in [name for name in self.standing if name not in wanted]:
            self.standing.pop(name).stop()
        existing = {*seen.services, *seen.balancers, *(task.arn for task in self.state.tasks.values() if task.living)}
        for name in [name for name in self._problems if name.startswith("arn:") and name not in existing]:
            del self._problems[name]

    def _routed(self, task: tasks.Task) -> bool:
        """Whether a load balancer may still open connections to it."""
        addresses = [f" {translate.address(address)}:{translate.port(port)} " for _, address, port in task.targets]
        return any(address in (stand.applied or "") for stand in self.standing.values() for address in addresses)

    def _busy(self) -> bool:
        moving = any(task.living and (task.stage != "running" or not task.was_healthy) for task in self.state.tasks.values())
        rolling = any(
            found.primary.id not in self.state.rollouts or self.state.rollouts[found.primary.id].state == "IN_PROGRESS"
            for found in self.seen.services.values()
        )
        return moving or rolling

    def _hosts(self, groups: set[str]) -> tuple[str, ...]:
        serving = [task for task in self.state.tasks.values() if task.living and any(group in groups for group, _, _ in task.targets)]
        return tuple(dict.fromkeys(host for task in serving for host in task.hosts))

    def _publish(self, seen: Seen) -> None:
        """Into the tables that the emulated ECS and ELBv2 answer from, and into the store."""
        state = self.state
        for task in list(state.tasks.values()):
            verdict = "HEALTHY" if task.stage == "running" and services.healthy(task, state) else "UNKNOWN"
            ecs_answers.TASKS[task.arn] = task_answers.described(task, verdict)
            tasks.save(task, state.world)
        undoing = {rollout.rollback_of: rollout for rollout in state.rollouts.values() if rollout.rollback_of}
        for service in seen.services.values():
            for deployment in service.deployments:
                rollout = state.rollouts.get(deployment.id) or rollouts.Rollout(deployment.id)
                primary = state.rollouts.get(service.primary.id) or rollouts.Rollout(service.primary.id)
                answer = rollouts.described(deployment, rollout, state.tasks.values(), service=service, primary=primary)
                ecs_answers.DEPLOYMENTS[deployment.id] = answer
                ecs_answers.SERVICE_DEPLOYMENTS[deployment.id] = rollouts.service_deployment(
                    rollout, state.tasks.values(), service=service, rollback=undoing.get(deployment.id)
                )
        draining = [target for task in state.tasks.values() if task.stage == "draining" for target in task.targets]
        for group in seen.target_groups.values():
            measured = {
                f"{address}:{port}": state.checks.probes[key].state
                for key in state.checks.probes
                for arn, address, port in [key]
                if arn == group.arn
            }
            leaving = {f"{address}:{port}": health.DRAINING for arn, address, port in draining if arn == group.arn}
            elbv2_answers.TARGET_HEALTH[group.arn] = {**leaving, **measured}
        self._drop_old_records()

    def _drop_old_records(self) -> None:
        stopped = sorted((task for task in self.state.tasks.values() if not task.living), key=lambda task: task.stopped_at)
        for task in stopped[:-KEPT_STOPPED_TASKS]:
            del self.state.tasks[task.arn]
            ecs_answers.TASKS.pop(task.arn, None)
            self.state.world.store.delete(tasks.KIND, task.arn)


def start(world: World) -> Plane:
    """Adopts what an earlier engine left running, starts again what has ended, and begins to look."""
    seen = observe.look()
    digest = hashlib.sha256(str(world.home.resolve()).encode()).digest()
    names, moved = _name_server(world, f"127.254.{digest[2]}.{digest[3] or 1}")
    state = services.State(
        world=world,
        tasks=tasks.load(world),
        rollouts=rollouts.load(world.store),
        checks=health.Checks(),
        resolver=f"{names.address[0]}:{names.address[1]}",
        authority=certificates.authority(world.home),
    )
    kept = {record["name"] for record in world.store.all(standing.KIND)}
    plane = Plane(
        state,
        stand_ins.StandIns(world.home, names),
        {name: standing.adopted(name, world.home / "plane" / name, world.store) for name in sorted(kept)},
    )
    plane.seen = seen
    for task in [task for task in state.tasks.values() if task.living]:
        plane.guarded(task.arn, partial(_resume, task, seen, state, moved=moved))
    plane.run()
    return plane


def _resume(task: tasks.Task, seen: Seen, state: State, *, moved: bool) -> None:
    """A task that runs is left alone; one that was running when the engine went down is started again where it was."""
    if task.process.alive() and not (moved and task.stage == "running"):
        return
    task.process.end(task.folder(state.world))
    if task.stage == "running" and task.definition in seen.definitions and task.address in seen.zone_of:
        tasks.run(task, seen.definitions[task.definition], state.world, resolver=state.resolver, authority=state.authority)


def _name_server(world: World, other: str) -> tuple[dns.NameServer, bool]:
    """On the resolver's stand-in; on an address of its own when another engine of this computer is there. And whether it moved."""
    usual = translate.address(_VPC_RESOLVER[0])
    known = world.store.get(_RESOLVER_KIND, "address")
    choices = dict.fromkeys([*([known["address"]] if known else []), usual, other])
    for address in choices:
        with contextlib.suppress(OSError):
            names = dns.serve((address, translate.port(_VPC_RESOLVER[1])), partial(stand_ins.address, world.home))
            world.store.put(_RESOLVER_KIND, "address", {"address": address})
            return names, known is not None and known["address"] != address
    raise OSError(f"no name server can be started on {', '.join(choices)} port {translate.port(_VPC_RESOLVER[1])}")


def _balancer_name(arn: str) -> str:
    return "balancer-" + "-".join(arn.split("/")[-2:])
