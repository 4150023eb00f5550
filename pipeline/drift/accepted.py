"""Drift that somebody has accepted for a time: the [[drift]] tables of policy/exceptions.toml."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pipeline import exception_tables as tables
from pipeline.drift.model import Drift
from pipeline.exception_tables import EXCEPTIONS


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """`stack` is environment/stack. `value` is of the drift as it was looked at: what changes later is not accepted."""

    stack: str
    resource: str
    value: str
    owner: str
    reason: str
    expires: date

    def covers(self, drift: Drift) -> bool:
        return (self.stack, self.resource, self.value) == (f"{drift.owner}/{drift.stack}", drift.logical_id, drift.value)


def parse(text: str | None) -> tuple[Accepted, ...]:
    """None: there is no such file. Raises PipelineError with everything that is wrong."""
    return tables.parse(text, "drift", Accepted, _problems)


def _problems(entry: Mapping[str, Any], _wrong: list[str]) -> Iterator[str]:
    if isinstance(entry.get("stack"), str) and len(entry["stack"].split("/")) != 2:  # noqa: PLR2004 - both sides of the slash
        yield f"stack: {entry['stack']!r} is not environment/stack, such as production/security"


def mark(drifts: Iterable[Drift], accepted: Sequence[Accepted], today: date) -> tuple[Drift, ...]:
    """Each drift with who accepted it, where somebody did and it is not over."""
    marked = []
    for drift in drifts:
        by = next((one for one in accepted if one.covers(drift) and one.expires >= today), None)
        marked.append(replace(drift, accepted=f"accepted by {by.owner} until {by.expires}: {by.reason}") if by else drift)
    return tuple(marked)


def unused(owner: str, drifts: Sequence[Drift], accepted: Sequence[Accepted]) -> tuple[str, ...]:
    """In words. What drifted further is said, since its exception no longer is one."""
    told = []
    for one in accepted:
        if one.stack.partition("/")[0] != owner or any(one.covers(drift) for drift in drifts):
            continue
        still = any((one.stack, one.resource) == (f"{owner}/{drift.stack}", drift.logical_id) for drift in drifts)
        why = "it has changed again since" if still else "it differs no more"
        told.append(f"nothing needs the exception for {one.stack} {one.resource} (value {one.value}): {why}; remove it from {EXCEPTIONS}")
    return tuple(told)


def entry(drift: Drift, *, owner: str, reason: str, expires: date) -> str:
    """As it is written into the file. JSON's text is TOML's basic string."""
    lines = {"stack": f"{drift.owner}/{drift.stack}", "resource": drift.logical_id, "value": drift.value, "owner": owner, "reason": reason}
    written = "".join(f"{name} = {json.dumps(text, ensure_ascii=False)}\n" for name, text in lines.items())
    return f"[[drift]]\n{written}expires = {expires.isoformat()}\n"
