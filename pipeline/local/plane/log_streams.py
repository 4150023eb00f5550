"""What the tasks' log driver sends to CloudWatch Logs. Here it stays in the files that nginx writes, and is read when it is asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zlib import crc32

from pipeline.local.plane import execution, observe
from pipeline.local.plane.tasks import Task, load

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.local.world import World

FILES = ("stdout.log", "stderr.log")


@dataclass(frozen=True, kw_only=True)
class Line:
    id: str
    stream: str
    milliseconds: int
    text: str


def lines(world: World, account: str, region: str, group: str) -> Iterator[Line]:
    """Of every task that is remembered, and whose definition names the log group."""
    for task in load(world).values():
        if (task.account, task.region) != (account, region):
            continue
        definition = observe.definition(account, region, task.definition) or {"containers": ()}
        for written, stream, where in execution.streams(task, definition):
            mine = stream.split("/")[-2] == task.container_name and written == group
            if mine and execution.writes(definition["execution_role"], account, where, group, stream):
                yield from _of(task, task.folder(world), stream)


def _of(task: Task, folder: Path, stream: str) -> Iterator[Line]:
    moment = _milliseconds(task.created_at)
    for number, name in enumerate(FILES):
        file = folder / name
        if not file.exists():
            continue
        with file.open(encoding="utf-8", errors="replace") as opened:
            for place, text in enumerate(opened):
                # A line that does not end yet is still being written.
                if not text.endswith("\n"):
                    break
                moment = _said(text) or moment
                yield Line(
                    id=f"{moment:014d}{crc32(stream.encode()):010d}{number}{place:09d}",
                    stream=stream,
                    milliseconds=moment,
                    text=text.rstrip("\n"),
                )


def _said(text: str) -> int | None:
    """When the line says that it was written: the driver would stamp it a moment later."""
    try:
        if text.startswith("{"):
            document: Any = json.loads(text)
            return _milliseconds(document["time"])
        # nginx's own messages: 2026/01/31 12:00:00 [error] ..., in the time of the machine.
        return int(datetime.strptime(text[:19], "%Y/%m/%d %H:%M:%S").astimezone().timestamp() * 1000)
    except (ValueError, KeyError, TypeError):
        return None


def _milliseconds(moment: str) -> int:
    found = datetime.fromisoformat(moment)
    return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000)
