"""One bash of a build: its output into the log, its events into phases, its end on time."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

PID = "pid"
POLL_SECONDS = 0.05
GRACE_SECONDS = 5.0


@dataclass(frozen=True, kw_only=True)
class Ran:
    """`ended`: exited, timed out, or interrupted; `status` is bash's exit status."""

    ended: str
    status: int


def run(driver: Path, *, cwd: Path, environment: Mapping[str, str], log: Path, seconds: float, watch: Callable[[], bool]) -> Ran:
    """`watch` is called again and again while bash runs; it returns True to have the build killed."""
    deadline = time.monotonic() + seconds
    with log.open("ab") as output:
        process = subprocess.Popen(
            ["bash", "--noprofile", "--norc", str(driver)],
            cwd=cwd,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Its own group, so that whatever the commands started can be ended with it.
            start_new_session=True,
        )
    (log.parent / PID).write_text(str(process.pid))
    ended = "exited"
    try:
        while process.poll() is None:
            if watch():
                ended = "interrupted"
                break
            if time.monotonic() > deadline:
                ended = "timed out"
                break
            time.sleep(POLL_SECONDS)
    finally:
        _end_group(process)
    return Ran(ended=ended, status=process.returncode)


def end_left_behind(folder: Path) -> None:
    """The bash of a build whose engine was killed. Its number may belong to another process by now, so the command line decides."""
    file = folder / PID
    if not file.exists():
        return
    shown = subprocess.run(["ps", "-o", "command=", "-p", file.read_text()], capture_output=True, text=True, check=False).stdout
    if str(folder) in shown:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(int(file.read_text()), signal.SIGKILL)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """CodeBuild throws the container away: nothing that a build started outlives it."""
    for sign, patience in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, None)):
        try:
            os.killpg(process.pid, sign)
        except ProcessLookupError:
            break
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        if sign == signal.SIGTERM:
            # bash is gone; what it left in the background may ignore SIGTERM.
            continue
    process.wait()
