"""nginx started from a configuration's text, and stopped again."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline import nginx_check

DEADLINE = 20


@dataclass(frozen=True)
class Nginx:
    process: subprocess.Popen[bytes]
    prefix: Path
    address: str
    port: int

    def finish(self) -> int:
        """SIGQUIT, as ECS sends it; returns the exit code when the last request is done."""
        self.process.send_signal(signal.SIGQUIT)
        return self.process.wait(DEADLINE)


@contextmanager
def nginx(text: str, prefix: Path, address: str, port: int) -> Iterator[Nginx]:
    prefix.mkdir(parents=True, exist_ok=True)
    (prefix / "tmp").mkdir(exist_ok=True)
    conf = prefix / "nginx.conf"
    conf.write_text(text)
    said = prefix / "said"
    with said.open("wb") as out:
        process = subprocess.Popen(
            [nginx_check.binary(), "-p", prefix, "-e", prefix / "first-errors", "-c", conf, "-g", "daemon off;"],
            stdout=out,
            stderr=out,
        )
    try:
        _wait_until_it_listens(process, address, port, said)
        yield Nginx(process, prefix, address, port)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(DEADLINE)


def _wait_until_it_listens(process: subprocess.Popen[bytes], address: str, port: int, said: Path) -> None:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(f"nginx ended with {process.returncode}: {said.read_text()}")
        with socket.socket() as probe:
            if probe.connect_ex((address, port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nginx does not listen on {address}:{port}: {said.read_text()}")
