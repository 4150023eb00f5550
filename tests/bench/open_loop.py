"""Latency under a load that does not wait for the proxy."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from tests.bench import open_loop_client, os_facts
from tests.bench.lab import BODIES, HOST, Subject
from tests.bench.open_loop_client import Task

PATIENCE = 120


@dataclass(frozen=True)
class Level:
    body: str
    rate: int
    connections: int = 256

    @property
    def title(self) -> str:
        return f"{self.body}, {self.rate:,}/s"


@dataclass(frozen=True, kw_only=True)
class Open:
    """Milliseconds from the moment when a request was due; a request without an answer counts as the longest wait."""

    body: str
    rate: int
    connections: int
    subject: str
    round: int
    offered: int
    lost: int
    p50: float
    p99: float
    p999: float


def measure(subject: Subject, level: Level, round_number: int, seconds: float, host: str = HOST) -> Open:
    address, port = subject.target
    task = Task(
        address=address,
        port=port,
        host=host,
        uri=f"/size/{BODIES[level.body]}",
        rate=level.rate,
        seconds=seconds,
        connections=level.connections,
        seed=round_number,
        authority="" if subject.process else str(subject.place.folder / "ca.pem"),
        server_name=subject.place.origin_name,
    )
    command = [sys.executable, "-m", open_loop_client.__name__, json.dumps(asdict(task))]
    with os_facts.on(os_facts.REST):
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=PATIENCE)
    if run.returncode:
        raise RuntimeError(f"the open-loop client against {subject.name}: {run.stderr}")
    said: dict[str, Any] = json.loads(run.stdout)
    answered = said["milliseconds"]
    lost = said["offered"] - len(answered)
    ordered = sorted(answered) + [seconds * 1000] * lost
    return Open(
        body=level.body,
        rate=level.rate,
        connections=level.connections,
        subject=subject.name,
        round=round_number,
        offered=said["offered"],
        lost=lost,
        p50=_percentile(ordered, 0.5),
        p99=_percentile(ordered, 0.99),
        p999=_percentile(ordered, 0.999),
    )


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
