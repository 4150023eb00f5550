"""The engine's one process: `python -m pipeline.local.daemon` in the folder of the checkout, until SIGTERM."""

from __future__ import annotations

import errno
import fcntl
import functools
import os
import shlex
import signal
import sys
import threading
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pipeline import paths
from pipeline.errors import PipelineError
from pipeline.local import connections, endpoints, outside, prerequisites, public_registry, pull_request, push, schedules, server
from pipeline.local.cloudformation import api as cloudformation
from pipeline.local.cloudformation import deploy as stack_operations
from pipeline.local.cloudformation import workers as stack_workers
from pipeline.local.codebuild import api as codebuild
from pipeline.local.codepipeline import api as codepipeline
from pipeline.local.codepipeline.runner import Runner
from pipeline.local.engine import BUSY, ENDPOINT, LOCK, PID, home, unusable
from pipeline.local.store import Store
from pipeline.local.world import World
from stacks import project as projects
from stacks.environment import ConfigError

if TYPE_CHECKING:
    from pipeline.local.protocol import Operation

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)

SERVICES: Mapping[str, Mapping[str, Operation]] = {
    "cloudformation": cloudformation.OPERATIONS,
    "codepipeline": codepipeline.OPERATIONS,
    "codebuild": codebuild.OPERATIONS,
    "codeconnections": connections.OPERATIONS,
    "codestar-connections": connections.OPERATIONS,
    "ecr-public": public_registry.OPERATIONS,
}


def lock(folder: Path) -> IO[str] | None:
    """Held as long as the file is open, and by no more than one process: kill -9 cannot leave it behind."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / LOCK).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def _last_port(folder: Path) -> int:
    file = folder / ENDPOINT
    return urllib.parse.urlsplit(file.read_text().strip()).port or 0 if file.exists() else 0


def make_world(folder: Path, root: Path, endpoint: str) -> World:
    memory, objects = folder / "engine.sqlite", folder / "moto.pickle"
    if objects.exists() and not memory.exists():
        raise PipelineError(
            f"{memory} is missing, with the stacks that made what {objects.name} holds; put it back, "
            f"or start anew, without the addresses it held: rm -r {shlex.quote(str(folder))}"
        )
    config = projects.load(root).pipeline
    return World(home=folder, root=root, endpoint=endpoint, account=config.account, region=config.region, store=Store(memory))


def main() -> int:
    folder = home()
    held = lock(folder)
    if held is None:
        sys.stderr.write("another engine runs in this folder\n")
        return BUSY
    # Not closed by us: who waits for the folder waits for the end of the process.
    os.dup(held.fileno())
    # Of an engine that was killed: its number may be another program's by now.
    (folder / PID).unlink(missing_ok=True)
    try:
        _run(folder)
    except PipelineError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        if error.errno not in FULL:
            raise
        sys.stderr.write(f"{unusable(folder, error)}\n")
        return PipelineError.exit_code
    return 0


def _run(folder: Path) -> None:
    listening = server.listen(_last_port(folder))
    endpoint = f"http://127.0.0.1:{listening.server_port}"
    world = make_world(folder, paths.ROOT, endpoint)
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: world.closing.set())
    threading.excepthook = functools.partial(_end, world)
    # From here on the parts call each other through the endpoint; it answers 503 until they are ready.
    threading.Thread(target=listening.serve_forever, name="http", daemon=True).start()
    stop = _parts(world, listening)
    (folder / PID).write_text(f"{os.getpid()}\n")
    (folder / ENDPOINT).write_text(f"{endpoint}\n")
    world.closing.wait()
    with world.changed:
        world.changed.notify_all()
    stop()
    listening.shutdown()
    world.store.close()
    (folder / PID).unlink(missing_ok=True)


def _end(world: World, fault: threading.ExceptHookArgs) -> None:
    """A part that has died (a full disk) leaves what waits for it waiting for ever: end, and go on from the memory at the next start."""
    # First, because a full disk takes no log.
    world.closing.set()
    threading.__excepthook__(fault)
    sys.stderr.write(f"the engine ends, because its {fault.thread and fault.thread.name} failed: {fault.exc_value}\n")


def _parts(world: World, listening: Any) -> Callable[[], None]:
    """Starts everything behind the endpoint; returns what stops it."""
    from pipeline.local import emulator, plane
    from pipeline.local.gaps import logs
    from pipeline.local.plane import log_streams

    emulator.restore(world)
    logs.LINES[:] = [functools.partial(log_streams.lines, world)]
    application = emulator.application(world)
    codebuild.forget_interrupted(world)
    standing: list[plane.Plane] = []

    def provide() -> Iterator[str]:
        try:
            environments = projects.load(world.root).environments
        except ConfigError as error:
            yield f"the checkout's configuration is not valid, so what it says is in the account already is not made:\n{error}"
            return
        prerequisites.provide(world, environments)
        emulator.snapshot(world)

    def received(body: Mapping[str, Any]) -> Iterator[str]:
        yield from provide()
        yield from push.received(world, body)

    def poke() -> None:
        for one in standing:
            one.poke()

    def connected(body: Mapping[str, Any]) -> Iterator[str]:
        connections.complete(world, body["arn"])
        yield "ok"

    sys.stderr.writelines(f"{line}\n" for line in provide())
    listening.app = server.Front(
        world=world,
        services=SERVICES,
        emulator=application,
        internal={
            "/_kotei/health": lambda _body: iter(["ok"]),
            "/_kotei/push": received,
            "/_kotei/pull-request": lambda body: pull_request.again(world, body),
            "/_kotei/start": lambda body: push.start(world, body),
            "/_kotei/follow": lambda body: push.resume(world, body),
            "/_kotei/connect": connected,
            "/_kotei/outside": lambda body: outside.told(world.home, body),
            "/_kotei/plane": lambda _body: endpoints.told(standing[0]),
        },
        after_call=poke,
    )
    standing.append(plane.start(world))
    stack_operations.resume(world)
    runner = Runner(world=world)
    runner.start()
    threading.Thread(target=schedules.watch, args=(world,), name="schedules", daemon=True).start()

    def stop() -> None:
        runner.leave()
        standing[0].stop()
        stack_workers.wait()
        emulator.snapshot(world)

    return stop


if __name__ == "__main__":
    sys.exit(main())
