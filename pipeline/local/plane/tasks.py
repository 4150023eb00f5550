"""One ECS task: a network interface in moto, a nginx process here, and what both say about it."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import shutil
import signal
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.local import translate
from pipeline.local.plane import connections, container, execution, init_containers, process, secrets
from pipeline.local.plane.process import Process

if TYPE_CHECKING:
    from pipeline.local.plane.model import Seen, Service
    from pipeline.local.world import World

KIND = "plane-task"
# deregistration_delay.timeout_seconds is at least honoured in order; its length is cut to this, so that a deploy here takes seconds.
LONGEST_DRAIN_SECONDS = 5.0


@dataclass
class Task:
    """`stage`: running, draining (deregistered, old connections end), stopping (signalled), stopped."""

    arn: str
    account: str
    region: str
    service: str
    service_name: str
    cluster_arn: str
    deployment: str
    definition: str
    zone: str
    provider: str | None
    stage: str = "running"
    subnet: str = ""
    interface: str = ""
    mac: str = ""
    address: str = ""
    pid: int = 0
    started: int = 0
    digest: str = ""
    image: str = ""
    container_name: str = ""
    cpu: str = ""
    memory: str = ""
    stop_signal: str = "SIGTERM"
    stop_seconds: float = 30.0
    hosts: list[str] = field(default_factory=list)
    # As `configuration.Facts` has them. What an earlier engine wrote may lack how an origin is spoken to: by TLS.
    origins: list[list[Any]] = field(default_factory=list)
    certified: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    # Containers that ran before nginx, with their exit codes.
    ended: dict[str, int] = field(default_factory=dict)
    targets: list[list[Any]] = field(default_factory=list)
    was_healthy: bool = False
    exit_code: int | None = None
    reason: str = ""
    stop_code: str = ""
    detail: str = ""
    created_at: str = ""
    stopped_at: str = ""
    # Seconds of this engine's clock: meaningless to the next engine, which starts these waits anew.
    born: float = field(default_factory=time.monotonic)
    deadline: float | None = None

    @property
    def process(self) -> Process:
        return Process(self.pid, self.started)

    @property
    def living(self) -> bool:
        return self.stage != "stopped"

    def folder(self, world: World) -> Path:
        return world.home / "plane" / "tasks" / self.arn.rpartition("/")[2]


def new(service: Service, seen: Seen, *, subnet: str, provider: str | None) -> Task:
    definition = seen.definitions[service.primary.definition]
    proxy = container.proxy(definition)
    return Task(
        arn=f"{service.cluster_arn.replace(':cluster/', ':task/')}/{uuid.uuid4().hex}",
        account=service.account,
        region=service.region,
        service=service.arn,
        service_name=service.name,
        cluster_arn=service.cluster_arn,
        deployment=service.primary.id,
        definition=service.primary.definition,
        zone=seen.subnet_zones.get(subnet, ""),
        provider=provider,
        subnet=subnet,
        image=proxy["image"],
        container_name=proxy["name"],
        cpu=str(definition["cpu"] or ""),
        memory=str(definition["memory"] or ""),
        created_at=_now(),
    )


def launch(
    task: Task, service: Service, definition: dict[str, Any], world: World, *, target_groups: list[str], resolver: str, authority: Path
) -> None:
    """Interface, files, process, targets: in ECS's order. What fails leaves a stopped task that says why."""
    ec2 = world.client("ec2", account=task.account, region=task.region)
    groups = service.network.get("securityGroups", [])
    interface = ec2.create_network_interface(SubnetId=task.subnet, Groups=groups, Description=task.arn)["NetworkInterface"]
    task.interface, task.address, task.mac = interface["NetworkInterfaceId"], interface["PrivateIpAddress"], interface["MacAddress"]
    try:
        run(task, definition, world, resolver=resolver, authority=authority)
    except execution.FailedToStartError as error:
        finish(task, world, reason=str(error), code="TaskFailedToStart")
        return
    except init_containers.DependencyError as error:
        task.exit_code, task.detail = init_containers.NEVER_STARTED, str(error)
        finish(task, world, reason="Essential container in task exited", code="EssentialContainerExited")
        return
    except Exception as error:
        # Without this the record would say that a process ended, which never ran.
        finish(task, world, reason=f"CannotStartContainerError: {type(error).__name__}: {error}", code="TaskFailedToStart")
        raise
    balancing = world.client("elbv2", account=task.account, region=task.region)
    for balancer, group in zip(service.balancers, target_groups, strict=True):
        balancing.register_targets(TargetGroupArn=group, Targets=[{"Id": task.address, "Port": balancer["containerPort"]}])
        task.targets.append([group, task.address, int(balancer["containerPort"])])


def run(task: Task, definition: dict[str, Any], world: World, *, resolver: str, authority: Path) -> None:
    folder = task.folder(world)
    shutil.rmtree(folder / "root", ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    session = execution.role(task, definition, world)
    execution.log_in(session, task.image)
    read = secrets.values(definition, session, world)
    execution.pull(session, task.image)
    place = container.Place(home=world.home, address=translate.address(task.address), resolver=resolver, authority=authority)
    prepared = container.prepared(definition, folder, place)
    execution.log(session, task, definition, world)
    environments = {one["name"]: container.environment(one) | read[one["name"]] for one in definition["containers"]}
    task.digest, task.ended = prepared.digest, {}
    init_containers.run(definition, folder, environments, task.ended)
    running = process.start(prepared.arguments, folder, environments[container.proxy(definition)["name"]])
    task.pid, task.started = running.pid, running.started
    facts = prepared.facts
    task.hosts, task.origins, task.certified = list(facts.hosts), [list(origin) for origin in facts.origins], list(facts.certified)
    task.shown = list(facts.shown)
    task.stop_signal, task.stop_seconds = prepared.stop_signal, prepared.stop_seconds
    task.born, task.deadline = time.monotonic(), None


def drain(task: Task, world: World, *, reason: str, code: str = "ServiceSchedulerInitiated") -> None:
    task.stage, task.reason, task.stop_code, task.deadline = "draining", reason, code, None
    _deregister(task, world)


def drained(task: Task, seen: Seen) -> bool:
    """Whether nothing is under way to it any more, or the group's delay (compressed) is over."""
    delays = [
        float(seen.target_groups[group].attributes.get("deregistration_delay.timeout_seconds", 300))
        for group, _, _ in task.targets
        if group in seen.target_groups
    ]
    if task.deadline is None:
        task.deadline = time.monotonic() + min([LONGEST_DRAIN_SECONDS, *delays])
    open_now = sum(connections.established(translate.address(address), translate.port(port)) for _, address, port in task.targets)
    return open_now == 0 or time.monotonic() > task.deadline


def ask_to_stop(task: Task) -> None:
    task.stage, task.deadline = "stopping", time.monotonic() + task.stop_seconds
    task.process.signal(signal.Signals[task.stop_signal])


def overdue(task: Task) -> bool:
    if task.deadline is None:
        task.deadline = time.monotonic() + task.stop_seconds
    return time.monotonic() > task.deadline


def finish(task: Task, world: World, *, reason: str = "", code: str = "") -> None:
    """Nothing is left of it but the record and the logs."""
    if task.pid:
        if not task.process.alive():
            task.exit_code = task.process.exit_code()
        task.process.end(task.folder(world))
        task.detail = process.last_line(task.folder(world)) if task.exit_code else ""
    task.reason, task.stop_code = task.reason or reason, task.stop_code or code
    task.stage, task.stopped_at = "stopped", _now()
    _deregister(task, world)
    if task.interface:
        ec2 = world.client("ec2", account=task.account, region=task.region)
        # The interface may be gone with its subnet, when somebody deleted both.
        with contextlib.suppress(ec2.exceptions.ClientError):
            ec2.delete_network_interface(NetworkInterfaceId=task.interface)
    shutil.rmtree(task.folder(world) / "root", ignore_errors=True)


def _deregister(task: Task, world: World) -> None:
    balancing = world.client("elbv2", account=task.account, region=task.region)
    for group, address, port in task.targets:
        # moto answers InvalidTarget for what is not registered (any more): then there is nothing to do.
        with contextlib.suppress(balancing.exceptions.InvalidTargetException, balancing.exceptions.TargetGroupNotFoundException):
            balancing.deregister_targets(TargetGroupArn=group, Targets=[{"Id": address, "Port": port}])


def load(world: World) -> dict[str, Task]:
    names = {field.name for field in dataclasses.fields(Task)} - {"born", "deadline"}
    records = [{key: value for key, value in record.items() if key in names} for record in world.store.all(KIND)]
    return {record["arn"]: Task(**record) for record in records}


def save(task: Task, world: World) -> None:
    document = dataclasses.asdict(task)
    del document["born"], document["deadline"]
    if world.store.get(KIND, task.arn) != document:
        world.store.put(KIND, task.arn, document)


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat()
