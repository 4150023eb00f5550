"""The cron expressions that CodePipeline's DeploymentWindow rule reads (its reference: Quartz, seconds first)."""

from __future__ import annotations

import re
from typing import NamedTuple

from stacks.config_problems import shown

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


class Part(NamedTuple):
    """One field of the expression. `names` stand for the numbers from `low` on; `blank` fields may be `?`."""

    name: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    blank: bool = False


PARTS = (
    Part("second", 0, 59),
    Part("minute", 0, 59),
    Part("hour", 0, 23),
    Part("day of month", 1, 31, blank=True),
    Part("month", 1, 12, MONTHS),
    Part("day of week", 1, 7, DAYS, blank=True),
    Part("year", 1970, 2199),
)
DAY_OF_MONTH, DAY_OF_WEEK = 3, 5


def cron(value: str) -> str:
    fields = value.split()
    if len(fields) not in {len(PARTS) - 1, len(PARTS)}:
        raise ValueError(
            f"{shown(value)} has {len(fields)} fields; it needs second, minute, hour, day of month, month, day of week and, if you like, "
            "year, like '* * 9-17 ? * MON-THU'"
        )
    for part, field in zip(PARTS, fields, strict=False):
        wrong = next((item for item in field.split(",") if not _valid(part, item)), None)
        if wrong is not None:
            raise ValueError(f"{shown(value)}: {shown(wrong)} is no {part.name}; {_right(part)}")
    if (fields[DAY_OF_MONTH] == "?") == (fields[DAY_OF_WEEK] == "?"):
        raise ValueError(f"{shown(value)}: exactly one of day of month and day of week has to be '?'")
    return value


def _valid(part: Part, item: str) -> bool:
    if item == "?":
        return part.blank
    found = re.fullmatch(r"(?:\*|(\w+)(?:-(\w+))?)(?:/([0-9]{1,2}))?", item, re.ASCII)
    if not found:
        return False
    first, last, step = found.groups()
    low = part.low if first is None else _number(part, first)
    high = part.high if last is None else _number(part, last)
    return low is not None and high is not None and low <= high and step not in {"0", "00"}


def _number(part: Part, text: str) -> int | None:
    if text in part.names:
        return part.low + part.names.index(text)
    if not text.isdigit():
        return None
    number = int(text[:5])
    return number if part.low <= number <= part.high else None


def _right(part: Part) -> str:
    names = f" or {part.names[0]} to {part.names[-1]}" if part.names else ""
    blank = ", or '?'" if part.blank else ""
    return f"allowed are {part.low} to {part.high}{names}, lists 1,2, ranges 1-2, steps */2, '*'{blank}"
