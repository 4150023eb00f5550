"""What a run has found, as it is kept in results.json."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.bench.behaviour import Compared
from tests.bench.closed_loop import Closed, Row
from tests.bench.open_loop import Level, Open
from tests.bench.sites import Sites


@dataclass(frozen=True, kw_only=True)
class Results:
    taken: str
    command: str
    machine: dict[str, str]
    versions: dict[str, str]
    skipped: dict[str, str]
    closed: list[Closed]
    open: list[Open]
    sites: list[Sites]
    behaviour: list[Compared]

    def rows(self) -> list[Row]:
        return list(dict.fromkeys(Row(one.body, one.connections) for one in self.closed))

    def levels(self) -> list[Level]:
        return list(dict.fromkeys(Level(one.body, one.rate, one.connections) for one in self.open))

    def subjects(self) -> list[str]:
        return list(dict.fromkeys(one.subject for one in self.closed if one.round == 0))

    def closed_median(self, row: Row, subject: str, value: Callable[[Closed], float | None]) -> float | None:
        return _median(self._closed(row, subject, value).values())

    def open_median(self, level: Level, subject: str, value: Callable[[Open], float]) -> float | None:
        chosen = [one for one in self.open if (one.body, one.rate, one.subject) == (level.body, level.rate, subject)]
        return _median([value(one) for one in chosen])

    def ratio(self, row: Row, subject: str, other: str, value: Callable[[Closed], float | None]) -> float | None:
        """The median of what each round says by itself: the rounds of a busy machine differ, the subjects of one round less."""
        ours, theirs = self._closed(row, subject, value), self._closed(row, other, value)
        return _median([mine / theirs[number] for number, mine in ours.items() if theirs.get(number)])

    def open_ratio(self, level: Level, subject: str, other: str, value: Callable[[Open], float]) -> float | None:
        rounds: dict[str, dict[int, float]] = {subject: {}, other: {}}
        for one in self.open:
            if one.subject in rounds and (one.body, one.rate) == (level.body, level.rate):
                rounds[one.subject][one.round] = value(one)
        return _median([mine / rounds[other][number] for number, mine in rounds[subject].items() if rounds[other].get(number)])

    def _closed(self, row: Row, subject: str, value: Callable[[Closed], float | None]) -> dict[int, float]:
        chosen = [one for one in self.closed if (one.body, one.connections, one.subject) == (row.body, row.connections, subject)]
        return {one.round: found for one in chosen if (found := value(one)) is not None}


def _median(values: Iterable[float]) -> float | None:
    found = list(values)
    return statistics.median(found) if found else None


def write(results: Results, path: Path) -> None:
    """One line a measurement, so that two runs can be compared."""
    document = asdict(results)
    lines = []
    for key, value in document.items():
        if isinstance(value, list):
            inner = ",\n".join(f"    {json.dumps(one)}" for one in value)
            lines.append(f"  {json.dumps(key)}: [\n{inner}\n  ]" if inner else f"  {json.dumps(key)}: []")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def read(path: Path) -> Results:
    document: dict[str, Any] = json.loads(path.read_text())
    kinds: dict[str, Any] = {"closed": Closed, "open": Open, "sites": Sites, "behaviour": Compared}
    for key, kind in kinds.items():
        document[key] = [kind(**one) for one in document[key]]
    return Results(**document)
