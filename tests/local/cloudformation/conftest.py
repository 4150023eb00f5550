"""A whole emulated AWS with the local CloudFormation in front, in this process."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from moto.core.base_backend import BackendDict

from pipeline import aws, bootstrap, cli, paths, prepare
from pipeline.local import connections, emulator, prerequisites, server
from pipeline.local.cloudformation import api, deploy, workers
from pipeline.local.codebuild import api as codebuild
from pipeline.local.codepipeline import api as codepipeline
from pipeline.local.gaps import ecs as gaps
from pipeline.local.store import Store
from pipeline.local.world import World
from stacks import project

ACCOUNT = "111122223333"
REGION = "ap-northeast-1"
DEADLINE = 30.0


@dataclass
class Cloud:
    """The endpoint, and shorthand for what nearly every test does."""

    world: World

    def client(self, service: str) -> Any:
        return self.world.client(service)

    @property
    def cfn(self) -> Any:
        return self.client("cloudformation")

    def create(self, name: str, template: dict[str, Any], **more: Any) -> dict[str, Any]:
        self.cfn.create_stack(StackName=name, TemplateBody=json.dumps(template), **more)
        return self.settled(name)

    def update(self, name: str, template: dict[str, Any], **more: Any) -> dict[str, Any]:
        self.cfn.update_stack(StackName=name, TemplateBody=json.dumps(template), **more)
        return self.settled(name)

    def delete(self, name: str) -> dict[str, Any]:
        identity = self.stack(name)["StackId"]
        self.cfn.delete_stack(StackName=name)
        return self.settled(identity)

    def stack(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.cfn.describe_stacks(StackName=name)["Stacks"][0]
        return found

    def settled(self, name: str) -> dict[str, Any]:
        wait_until(lambda: not self.stack(name)["StackStatus"].endswith("_IN_PROGRESS"), lambda: self.stack(name))
        return self.stack(name)

    def outputs(self, name: str) -> dict[str, str]:
        return {one["OutputKey"]: one["OutputValue"] for one in self.stack(name).get("Outputs", [])}

    def ids(self, name: str) -> dict[str, str]:
        rows = self.cfn.list_stack_resources(StackName=name)["StackResourceSummaries"]
        return {row["LogicalResourceId"]: row.get("PhysicalResourceId", "") for row in rows}

    def until(self, predicate: Callable[[], bool], shown: Callable[[], Any]) -> None:
        wait_until(predicate, shown)

    def reasons(self, name: str) -> list[str]:
        """What the events say, oldest first."""
        events = reversed(self.cfn.describe_stack_events(StackName=name)["StackEvents"])
        return [f"{one['LogicalResourceId']} {one['ResourceStatus']} {one.get('ResourceStatusReason', '')}".strip() for one in events]


def wait_until(predicate: Callable[[], bool], shown: Callable[[], Any]) -> None:
    end = time.monotonic() + DEADLINE
    while not predicate():
        assert time.monotonic() < end, f"not within {DEADLINE} s; last seen: {shown()}"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def listening() -> Iterator[Any]:
    """One endpoint for every test: clients are slow to make and are kept by endpoint."""
    opened = server.listen(0)
    thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield opened
    opened.shutdown()
    opened.server_close()
    thread.join()


@pytest.fixture
def cloud(tmp_path: Path, listening: Any) -> Iterator[Cloud]:
    with opened(tmp_path, listening) as found:
        yield found


@contextmanager
def opened(place: Path, listening: Any) -> Iterator[Cloud]:
    BackendDict.reset()
    world = World(
        home=place / "home",
        root=place,
        endpoint=f"http://127.0.0.1:{listening.server_port}",
        account=ACCOUNT,
        region=REGION,
        store=Store(place / "home" / "engine.sqlite"),
    )
    services = {
        "cloudformation": api.OPERATIONS,
        "codebuild": codebuild.OPERATIONS,
        "codeconnections": connections.OPERATIONS,
        "codepipeline": codepipeline.OPERATIONS,
    }
    listening.app = server.Front(world=world, services=services, emulator=emulator.application(world))
    try:
        yield Cloud(world)
    finally:
        workers.wait()
        world.store.close()


@pytest.fixture
def visit(tmp_path: Path) -> Iterator[Callable[[str], Cloud]]:
    """The same shorthand for an engine in another process."""
    store = Store(tmp_path / "visitor.sqlite")
    yield lambda endpoint: Cloud(World(home=tmp_path, root=tmp_path, endpoint=endpoint, account=ACCOUNT, region=REGION, store=store))
    store.close()


@pytest.fixture
def resume() -> Callable[[World], None]:
    return deploy.resume


@pytest.fixture
def rollout(cloud: Cloud) -> Iterator[Callable[[str, str], None]]:
    with playing(cloud) as verdict:
        yield verdict


@contextmanager
def playing(cloud: Cloud) -> Iterator[Callable[[str, str], None]]:
    """Plays the data plane: says what becomes of deployments of an image; `*` is any image."""
    verdicts: dict[str, str] = {}
    stop = threading.Event()
    client = cloud.client("ecs")

    def verdict(deployment: dict[str, Any]) -> None:
        definition = client.describe_task_definition(taskDefinition=deployment["taskDefinition"])["taskDefinition"]
        image = definition["containerDefinitions"][0]["image"]
        state = verdicts.get(image, verdicts.get("*"))
        if state:
            gaps.DEPLOYMENTS[deployment["id"]] = {"rolloutState": state, "rolloutStateReason": f"{image} was tried"}

    def play() -> None:
        while not stop.wait(0.02):
            for cluster in client.list_clusters()["clusterArns"]:
                arns = client.list_services(cluster=cluster)["serviceArns"]
                for service in client.describe_services(cluster=cluster, services=arns)["services"] if arns else []:
                    for deployment in service["deployments"]:
                        verdict(deployment)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield verdicts.__setitem__
    finally:
        # Whatever a failed test left waiting ends, too.
        verdicts["*"] = "COMPLETED"
        workers.wait()
        stop.set()
        thread.join()
        gaps.DEPLOYMENTS.clear()


@pytest.fixture
def kotei(cloud: Any, rollout: Callable[[str, str], None], tmp_path: Path) -> Iterator[Callable[..., int]]:
    with commanding(cloud, rollout, tmp_path) as run:
        yield run


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory, listening: Any) -> Iterator[tuple[Cloud, Callable[..., int]]]:
    """The shared stacks and staging, deployed once for a module, and the command line. Whoever changes them puts them back."""
    place = tmp_path_factory.mktemp("standing")
    with opened(place, listening) as cloud, playing(cloud) as verdict, commanding(cloud, verdict, place) as run:
        assert run("bootstrap", "--yes") == 0
        digest = "sha256:" + "a" * 64
        prepared = prepare.prepare(paths.ROOT, project.load(paths.ROOT), aws.target(paths.ROOT), "staging", digest)
        assert run("apply", "staging", "--image-digest", digest, "--yes", prepared.facts.fingerprint) == 0
        yield cloud, run


@contextmanager
def commanding(cloud: Any, rollout: Callable[[str, str], None], place: Path) -> Iterator[Callable[..., int]]:
    """The command line against this cloud. The connection is confirmed as soon as somebody is asked to."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from _commanding(cloud, rollout, place, monkeypatch)


def _commanding(
    cloud: Any, rollout: Callable[[str, str], None], place: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., int]]:
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(place / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(place / "credentials"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.world.endpoint)
    rollout("*", "COMPLETED")
    prerequisites.provide(cloud.world, project.load(paths.ROOT).environments)
    waited = bootstrap.confirm

    def confirmed(where: aws.Aws, arn: str, say: Any, asked: Any) -> None:
        def click(arn: str) -> None:
            asked(arn)
            connections.complete(cloud.world, arn)

        waited(where, arn, say, click)

    monkeypatch.setattr(bootstrap, "confirm", confirmed)
    aws.target.cache_clear()
    yield lambda *arguments: cli.main(list(arguments))
    aws.target.cache_clear()


@pytest.fixture
def roles(cloud: Cloud) -> None:
    """What CloudFormation acts as, as bootstrap leaves it."""
    template = (paths.ROOT / paths.RENDERED / "shared/roles.yaml").read_text()
    cloud.cfn.create_stack(StackName="kotei-roles", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert cloud.settled("kotei-roles")["StackStatus"] == "CREATE_COMPLETE", cloud.reasons("kotei-roles")
