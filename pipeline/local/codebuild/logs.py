"""A build's log in CloudWatch Logs, where `aws logs` looks for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.local.world import World

# PutLogEvents takes at most 10,000 events a call.
BATCH = 5000


def publish(world: World, build: Mapping[str, Any], log: Path) -> None:
    group, stream = build["logs"]["groupName"], build["logs"]["streamName"]
    client = world.client("logs")
    for create, name in (
        (client.create_log_group, {"logGroupName": group}),
        (client.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
    ):
        try:
            create(**name)
        except client.exceptions.ResourceAlreadyExistsException:
            continue
    at = int(world.clock().timestamp() * 1000)
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    for batch in _batches([line for line in lines if line]):
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": at, "message": line} for line in batch])


def _batches(lines: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(lines), BATCH):
        yield lines[start : start + BATCH]
