"""A local engine in this process: its endpoint, its services, its runner; no data plane and no daemon."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.local import emulator, remote, server
from pipeline.local.codebuild import api as codebuild
from pipeline.local.codepipeline.runner import Runner
from pipeline.local.daemon import SERVICES
from pipeline.local.store import Store
from pipeline.local.world import World
from tests.support import small_pipeline
from tests.support.policies import document, trust

ACCOUNT = "111122223333"
REGION = "ap-northeast-1"


@pytest.fixture(autouse=True)
def no_aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith(("AWS_", "GIT_"))]:
        monkeypatch.delenv(name)


@dataclass
class Clock:
    """Real time, moved by hand."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass(frozen=True, kw_only=True)
class Engine:
    world: World
    clock: Clock
    walks: dict[str, threading.Thread]

    def client(self, service: str) -> Any:
        return self.world.client(service)

    def wait(self, predicate: Callable[[], Any], what: str, seconds: float = 60) -> Any:
        """The predicate's first truthy answer; fails by name after the deadline."""
        deadline = datetime.now(UTC) + timedelta(seconds=seconds)
        while datetime.now(UTC) < deadline:
            found = predicate()
            if found:
                return found
            with self.world.changed:
                self.world.changed.wait(0.1)
        pytest.fail(f"waited {seconds} s for {what}")

    def ended(self, execution: str, name: str = "demo") -> dict[str, Any]:
        def end() -> dict[str, Any] | None:
            found = self.client("codepipeline").get_pipeline_execution(pipelineName=name, pipelineExecutionId=execution)[
                "pipelineExecution"
            ]
            return found if found["status"] not in ("InProgress", "Stopping") else None

        found: dict[str, Any] = self.wait(end, f"the end of execution {execution}")
        return found

    def restart(self) -> Engine:
        """As after kill -9: nothing but the store is left, and new walks take over."""
        self.world.closing.set()
        for walk in self.walks.values():
            walk.join(10)
        world = replace(self.world, closing=threading.Event(), changed=threading.Condition())
        return _run(world, self.clock)


def _run(world: World, clock: Clock) -> Engine:
    SERVERS[world.endpoint].app = server.Front(world=world, services=SERVICES, emulator=emulator.application(world))
    codebuild.forget_interrupted(world)
    runner = Runner(world=world)
    runner.start()
    return Engine(world=world, clock=clock, walks=runner.walks)


SERVERS: dict[str, Any] = {}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    # moto costs seconds: only who starts an engine pays.
    from moto.moto_api._internal.models import moto_api_backend  # noqa: PLC0415

    # What the tests before left in this process.
    moto_api_backend.reset()
    listening = server.listen(0)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    endpoint = f"http://127.0.0.1:{listening.server_port}"
    SERVERS[endpoint] = listening
    clock = Clock()
    home = tmp_path / "kotei"
    world = World(
        home=home,
        root=Path(__file__).parents[2],
        endpoint=endpoint,
        account=ACCOUNT,
        region=REGION,
        store=Store(home / "engine.sqlite"),
        clock=clock,
    )
    remote.prepare(home, world.root, "main")
    made = _run(world, clock)
    for name, service in (("pipeline", "codepipeline"), ("build", "codebuild"), ("review", "codebuild")):
        give_role(made, name, service)
    yield made
    listening.app.world.closing.set()
    with listening.app.world.changed:
        listening.app.world.changed.notify_all()
    listening.shutdown()
    listening.server_close()
    thread.join()
    moto_api_backend.reset()


ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def give_role(engine: Engine, name: str, service: str, *statements: dict[str, Any]) -> str:
    """A role that the service takes on; without statements it may do everything, where permissions are not what is tested."""
    iam = engine.client("iam")
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements or (ANYTHING,)))
    return arn


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A working copy with one commit after the other, pushed into the engine's remote without its hook."""

    path: Path
    remote: Path

    def git(self, *arguments: str) -> str:
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        done = subprocess.run(["git", *identity, *arguments], cwd=self.path, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, files: dict[str, str], message: str = "a change", branch: str = "main") -> str:
        for name, content in files.items():
            file = self.path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", f"--message={message}")
        identity = self.git("rev-parse", "HEAD")
        subprocess.run(
            ["git", "-C", str(self.remote), "fetch", "--quiet", str(self.path), f"+HEAD:refs/heads/{branch}"],
            check=True,
            capture_output=True,
        )
        return identity


@pytest.fixture
def checkout(tmp_path: Path, engine: Engine) -> Checkout:
    folder = tmp_path / "checkout"
    folder.mkdir()
    made = Checkout(path=folder, remote=remote.path(engine.world.home))
    made.git("init", "--quiet", "--initial-branch=main")
    return made


@pytest.fixture
def pipeline(engine: Engine, checkout: Checkout) -> Callable[..., Any]:
    return small_pipeline.prepared(engine, checkout)
