"""A command at a terminal of its own, and somebody who types."""

from __future__ import annotations

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DEADLINE = 60.0
# The terminal is the one from which Ctrl-C comes, and whoever runs the tests in the background has it ignored otherwise.
OWN = (
    "import fcntl, os, signal, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True, kw_only=True)
class Shown:
    code: int
    raw: str

    @property
    def text(self) -> str:
        """Without what colours it and moves the cursor."""
        return ESCAPES.sub("", self.raw).replace("\r\n", "\n")


def at_a_terminal(command: Sequence[str], answers: Sequence[tuple[str, str]], environment: Mapping[str, str], cwd: Path) -> Shown:
    """Each answer is typed once the words before it are shown."""
    person, terminal = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", OWN, *command],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=environment,
        cwd=cwd,
        start_new_session=True,
    )
    os.close(terminal)
    end, left, shown, place = time.monotonic() + DEADLINE, list(answers), b"", 0
    try:
        while time.monotonic() < end:
            if not select.select([person], [], [], 1)[0]:
                continue
            try:
                shown += os.read(person, 65536)
            except OSError:
                # EIO: nobody holds the other end any more.
                return Shown(code=process.wait(DEADLINE), raw=shown.decode())
            if left and left[0][0].encode() in shown[place:]:
                place = len(shown)
                os.write(person, left.pop(0)[1].encode())
        raise AssertionError(f"{' '.join(command)} does not end; so far: {shown.decode()}")
    finally:
        os.close(person)
        if process.poll() is None:
            process.kill()
            process.wait()
