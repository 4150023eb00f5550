"""The engine's process seen from outside: is it there, start it, stop it."""

from __future__ import annotations

import fcntl
import http.client
import os
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline import paths
from pipeline.errors import PipelineError
from pipeline.local import hook

ENDPOINT = "endpoint"
PID = "engine.pid"
LOG = "engine.log"
LOCK = "engine.lock"
UP = "up.lock"
# How a second engine of the same folder ends.
BUSY = 75
START_SECONDS = 90.0
STOP_SECONDS = 30.0
LOG_TAIL = 15


def home() -> Path:
    """The engine's folder: KOTEI_HOME, or .kotei in the checkout."""
    return Path(os.environ.get("KOTEI_HOME") or paths.ROOT / ".kotei").resolve()


def held(home: Path) -> bool:
    """Does a process hold the engine's lock? A lock cannot outlive its process, so a stale pid file deceives nobody."""
    file = home / LOCK
    if not file.exists():
        return False
    with file.open("r") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


@contextmanager
def alone(home: Path, say: Callable[[str], None]) -> Iterator[None]:
    """One `kotei local up` at a time: a second one waits, and then finds the work done."""
    with _ours(home).open("w") as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another `kotei local up` is under way here; waiting for it")
            fcntl.flock(opened, fcntl.LOCK_EX)
        yield


def _ours(home: Path) -> Path:
    """The file that `alone` locks, in a folder that can be written."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        (home / UP).touch()
    except OSError as error:
        raise unusable(home, error) from error
    return home / UP


def unusable(home: Path, error: OSError) -> PipelineError:
    return PipelineError(f"the engine's folder {home} cannot be written ({error.strerror}); mend that, or set KOTEI_HOME to another folder")


def endpoint(home: Path) -> str | None:
    """The address of an engine that answers."""
    file = home / ENDPOINT
    if not held(home) or not file.exists():
        return None
    found = file.read_text().strip()
    where = urllib.parse.urlsplit(found)
    connection = http.client.HTTPConnection(where.hostname or "127.0.0.1", where.port, timeout=5)
    try:
        connection.request("GET", "/_kotei/health")
        return found if connection.getresponse().status == http.HTTPStatus.OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


def start(home: Path, root: Path, say: Callable[[str], None]) -> str:
    """Its endpoint, once it answers. One that is there already is left as it is."""
    home.mkdir(parents=True, exist_ok=True)
    process, earlier = None, 0
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        found = endpoint(home)
        if found:
            return found
        # Busy: another start was faster, and its engine will answer.
        if process and process.poll() not in (None, BUSY):
            raise PipelineError(f"the local engine did not start:\n{log_tail(home, earlier)}\nthe whole log: {home / LOG}")
        # One that is just ending holds the folder to its end.
        if (process is None or process.poll() == BUSY) and not held(home):
            say("starting the local engine")
            earlier = (home / LOG).stat().st_size if (home / LOG).exists() else 0
            process = _spawn(home, root)
        time.sleep(0.1)
    raise PipelineError(f"the local engine does not answer after {START_SECONDS:.0f} s; its log: {home / LOG}")


def _spawn(home: Path, root: Path) -> subprocess.Popen[bytes]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "GIT_"))}
    environment |= {"KOTEI_HOME": str(home), "PYTHONPATH": str(root), "PYTHONUNBUFFERED": "1"}
    with (home / LOG).open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline.local.daemon"],
            cwd=root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C at the terminal, and closing it, leave the engine alone.
            start_new_session=True,
        )


def log_tail(home: Path, earlier: int) -> str:
    """The last lines, without what had been written before."""
    with (home / LOG).open("rb") as log:
        log.seek(earlier)
        return "\n".join(log.read().decode(errors="replace").splitlines()[-LOG_TAIL:])


def stop(home: Path) -> bool:
    """Whether there was one to stop."""
    if not held(home):
        return False
    file = home / PID
    deadline = time.monotonic() + STOP_SECONDS
    # One that is just starting can be stopped when it says who it is.
    while not file.exists() and held(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    if not held(home):
        return True
    if not file.exists():
        raise PipelineError(f"the local engine does not say which process it is; its log: {home / LOG}")
    os.kill(int(file.read_text()), signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while held(home):
        if time.monotonic() > deadline:
            raise PipelineError(f"the local engine does not end; its process is the one that holds {home / LOCK}, its log {home / LOG}")
        time.sleep(0.05)
    return True


def ask(home: Path, path: str, body: Any) -> Iterator[str]:
    """What an internal address of the running engine says."""
    found = endpoint(home)
    if found is None:
        raise PipelineError("the local engine is not running; run: kotei local up")
    return hook.lines(found, path, body)
