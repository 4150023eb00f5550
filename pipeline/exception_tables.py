"""The tables of policy/exceptions.toml, each a dataclass of texts and a last day.

Read without pydantic, which would take a review as long as everything else that it does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

from pipeline.errors import PipelineError

EXCEPTIONS = Path("policy/exceptions.toml")
T = TypeVar("T")
# What else is wrong with an entry, which has these texts that are none.
More = Callable[[Mapping[str, Any], list[str]], Iterator[str]]


def parse(text: str | None, name: str, kind: type[T], more: More, *, may_be_empty: str = "") -> tuple[T, ...]:
    """The entries of [[name]]. `text` None: there is no such file. Raises PipelineError with everything that is wrong."""
    try:
        entries = tomllib.loads(text or "").get(name, [])
    except tomllib.TOMLDecodeError as error:
        raise PipelineError(f"{EXCEPTIONS}: {error}") from error
    if not isinstance(entries, list):
        raise PipelineError(f"{EXCEPTIONS}: {name}: is no list of tables; write [[{name}]]")
    # Every T here is a dataclass, for which mypy has no bound.
    keys = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    problems = [
        f"{EXCEPTIONS}: {name}.{number}.{problem}"
        for number, entry in enumerate(entries)
        for problem in (_problems(entry, keys, more, may_be_empty) if isinstance(entry, dict) else [f"is no table; write [[{name}]]"])
    ]
    if problems:
        raise PipelineError("\n".join(problems))
    return tuple(kind(**entry) for entry in entries)


def _problems(entry: Mapping[str, Any], keys: list[str], more: More, may_be_empty: str) -> Iterator[str]:
    yield from (f"{key}: is missing" for key in keys if key not in entry)
    yield from (f"{key}: there is no such key; there are {', '.join(keys)}" for key in entry if key not in keys)
    texts = [key for key in keys if key in entry and key != "expires"]
    wrong = [key for key in texts if not isinstance(entry[key], str) or (key != may_be_empty and not entry[key].strip())]
    yield from (f"{key}: {entry[key]!r} is no text" for key in wrong)
    if "expires" in entry and (not isinstance(entry["expires"], date) or isinstance(entry["expires"], datetime)):
        yield f"expires: {entry['expires']!r} is no day; write 2027-01-31, without quotes"
    yield from more(entry, wrong)
