"""Closed loop: so many connections, each asks again as soon as it has its answer. wrk asks, from a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench import os_facts, programs
from tests.bench.lab import BODIES, HOST, Subject

SCRIPT = Path(__file__).parent / "wrk_report.lua"
PATIENCE = 60
MICROSECONDS = 1_000_000
# Of the time that wrk takes: by then it has its connections, and the proxy its own.
BEGIN, END = 0.2, 0.95


@dataclass(frozen=True)
class Row:
    body: str
    connections: int

    @property
    def title(self) -> str:
        return f"{self.body}, {self.connections}"


@dataclass(frozen=True, kw_only=True)
class Closed:
    """One measurement; the proxy's own figures are None for the origin without a proxy."""

    body: str
    connections: int
    subject: str
    round: int
    requests: int
    errors: int
    requests_per_second: float
    cpu_microseconds: float | None
    memory_mib: float | None
    temporary_mib: float | None
    handshakes: int
    time_wait: int


@dataclass(frozen=True)
class _Moment:
    seconds: float
    received: int
    cpu: float
    written: float
    handshakes: int


def measure(subject: Subject, row: Row, round_number: int, seconds: int) -> Closed:
    """What happens between two moments while wrk runs; beginning and end, where connections are opened and cut off, do not count."""
    wrk = programs.from_debian("wrk")
    size = BODIES[row.body]
    command: list[str | Path] = [wrk.path, "--threads", "1", "--connections", str(row.connections), "--duration", f"{seconds}s"]
    command += ["--timeout", "30s", "--header", f"Host: {HOST}", "--script", SCRIPT, f"{subject.url}/size/{size}"]
    with subprocess.Popen(
        command, env=os.environ | wrk.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        time.sleep(seconds * BEGIN)
        first = _moment(subject, process.pid)
        time.sleep(seconds * (END - BEGIN))
        last = _moment(subject, process.pid)
        memory = os_facts.memory_mib(subject.process) if subject.process else None
        text, _ = process.communicate(timeout=PATIENCE)
    if process.returncode:
        raise RuntimeError(f"wrk against {subject.name}: {text}")
    said: dict[str, Any] = json.loads(text.splitlines()[-1])
    # A small answer is read in one piece, so wrk's sums tell its size; of large ones it counts pieces too.
    answer_bytes = said["bytes"] / max(1, said["requests"]) if row.body == "1 KiB" else size
    answers = (last.received - first.received) / answer_bytes
    return Closed(
        body=row.body,
        connections=row.connections,
        subject=subject.name,
        round=round_number,
        requests=said["requests"],
        errors=said["errors"],
        requests_per_second=answers / (last.seconds - first.seconds),
        cpu_microseconds=(last.cpu - first.cpu) / answers * MICROSECONDS if subject.process else None,
        memory_mib=memory,
        temporary_mib=max(0.0, last.written - first.written) if subject.process else None,
        handshakes=last.handshakes - first.handshakes,
        time_wait=os_facts.time_wait(subject.place.origin),
    )


def _moment(subject: Subject, wrk: int) -> _Moment:
    return _Moment(
        time.monotonic(),
        os_facts.read_bytes(wrk),
        os_facts.cpu_seconds(subject.process) if subject.process else 0.0,
        os_facts.written_mib(subject.process, subject.place.folder) if subject.process else 0.0,
        subject.connections(),
    )
