"""Lines of the log from CloudWatch Logs, oldest first."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.aws import Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.logs.question import Question, pattern, wanted
from stacks.environment import Environment
from stacks.queries import log_group

# A table of more lines than this says so: each thousand or so is a call, and AWS allows a few a second.
MOST = 50_000
# Tasks send their lines every few seconds and not in order, so what is followed is read again from a while ago.
OVERLAP = 30_000
FIELDS = {"client": "client", "site": "host", "status": "status"}

Line = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    """`key` is a client, a host or a status; times are in seconds, sizes in bytes."""

    key: str
    requests: int
    errors: int
    refused: int
    bytes_out: int
    seconds: float


def lines(aws: Aws, env: Environment, question: Question, start: int, seen: dict[str, int] | None = None) -> Iterator[Line]:
    """From `start` on, in milliseconds since 1970. What is in `seen` (event to its time) is left out, and new ones are put there."""
    known = {} if seen is None else seen
    group = log_group(env)
    try:
        for event in aws.pages("logs", "filter_log_events", "events", logGroupName=group, startTime=start, filterPattern=pattern(question)):
            line = _read(event["message"])
            if event["eventId"] not in known and wanted(question, line):
                if seen is not None:
                    seen[event["eventId"]] = event["timestamp"]
                yield line
    except RefusedError as refused:
        if refused.code == "ResourceNotFoundException":
            raise PipelineError(f"{env.name}: there is no log group {group} yet; deploy first: git push") from refused
        raise


def follow(aws: Aws, env: Environment, question: Question, start: int, pause: Callable[[], None]) -> Iterator[Line]:
    """Without an end: whoever reads stops."""
    seen: dict[str, int] = {}
    while True:
        yield from lines(aws, env, question, start, seen)
        start = max(start, max(seen.values(), default=0) - OVERLAP)
        seen = {event: moment for event, moment in seen.items() if moment >= start}
        pause()


def table(found: Iterable[Line], by: str) -> list[Row]:
    """The most requests first."""
    counted: dict[str, Counter[str]] = {}
    for line in found:
        row = counted.setdefault(str(line.get(FIELDS[by], "")), Counter())
        row["requests"] += 1
        row["errors"] += int(line.get("status") or 0) >= 500  # noqa: PLR2004 - HTTP's server errors
        row["refused"] += bool(line.get("refused"))
        row["bytes_out"] += int(line.get("bytes_out") or 0)
        row["milliseconds"] += round(float(line.get("request_time") or 0) * 1000)
    rows = [
        Row(key=key, seconds=row["milliseconds"] / 1000, **{name: row[name] for name in ("requests", "errors", "refused", "bytes_out")})
        for key, row in counted.items()
    ]
    return sorted(rows, key=lambda row: (-row.requests, row.key))


def row_text(row: Row) -> str:
    facts = asdict(row)
    return "{key:<40} {requests:>9} {errors:>7} {refused:>7} {seconds:>10.1f}".format(**{**facts, "key": plain(row.key) or "-"})


def heading(by: str) -> str:
    return f"{by:<40} {'requests':>9} {'5xx':>7} {'refused':>7} {'seconds':>10}"


def text(line: Line) -> str:
    """One line of a terminal; the day is in it, for --since 2d."""
    when = str(line.get("time", ""))[5:19].replace("T", " ")
    what = (
        f"{line['method']} {line.get('host', '')}{line.get('uri', '')}"
        if "method" in line
        else f"port {line.get('port')} {line.get('host', '')}"
    )
    why = f"  refused: {line['refused']}" if line.get("refused") else ""
    return plain(f"{when} {line.get('client', ''):<15} {line.get('status', '')} {float(line.get('request_time') or 0):>8.3f} {what}{why}")


def plain(told: str) -> str:
    """A client writes the path; nothing of it may move a terminal's cursor."""
    return "".join(one if one.isprintable() else f"\\x{ord(one):02x}" for one in told)


def _read(message: str) -> Line:
    try:
        found = json.loads(message)
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
