"""A build's log in CloudWatch Logs, where `aws logs` looks for it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.local.iam import sessions

if TYPE_CHECKING:
    from pipeline.local.world import World

# PutLogEvents takes at most 10,000 events a call.
BATCH = 5000


def begin(world: World, build: Mapping[str, Any], role: sessions.Session) -> None:
    """Before anything is run. As the build's role, like all that CodeBuild does with a log."""
    group, stream = build["logs"]["groupName"], build["logs"]["streamName"]
    client = sessions.client(world, role, "logs")
    try:
        client.create_log_stream(logGroupName=group, logStreamName=stream)
    except client.exceptions.ResourceNotFoundException:
        with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_group(logGroupName=group)
        client.create_log_stream(logGroupName=group, logStreamName=stream)


def publish(world: World, build: Mapping[str, Any], log: Path, role: sessions.Session) -> None:
    group, stream = build["logs"]["groupName"], build["logs"]["streamName"]
    client = sessions.client(world, role, "logs")
    at = int(world.clock().timestamp() * 1000)
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    for batch in _batches([line for line in lines if line]):
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[{"timestamp": at, "message": line} for line in batch])


def _batches(lines: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(lines), BATCH):
        yield lines[start : start + BATCH]
