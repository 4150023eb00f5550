"""Times in which an environment stays as it is. A deploy window repeats itself; a freeze has days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import PlainValidator, WithJsonSchema

from stacks.config_problems import Model, Problem, shown
from stacks.config_values import OneLine, TimeZone


def moment(value: Any) -> date | datetime:
    if not isinstance(value, date):
        # pydantic turns only a ValueError into a sentence for the file's author.
        raise ValueError(  # noqa: TRY004
            f"{shown(value)} is no day and no moment; write it like 2030-12-24 or 2030-12-24T18:00:00+09:00, without quotes"
        )
    if not date(1971, 1, 1) < date(value.year, value.month, value.day) < date(2199, 1, 1):
        raise ValueError(f"{value} is no day of these times; write one between 1971 and 2198")
    if isinstance(value, datetime) and value.tzinfo is None:
        raise ValueError(f"{value.isoformat()} is at another moment in each time zone; add its offset, like {value.isoformat()}+09:00")
    return value


Moment = Annotated[
    date | datetime,
    PlainValidator(moment),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}),
]


def begins_before_it_ends(start: date | datetime, until: date | datetime, timezone: str) -> Iterator[Problem]:
    if _instant(start, timezone, days=0) >= _instant(until, timezone, days=1):
        yield Problem(("until",), f"{until} is not after start = {start}, so nothing is frozen; exchange them")


class Freeze(Model):
    """A time in which nothing is deployed, however it was approved. To deploy all the same, edit this and push."""

    start: Moment
    """The first day, or the moment at which it begins, with its offset."""
    until: Moment
    """The last day, or the moment at which it ends, with its offset."""
    reason: OneLine
    """Why; whoever waits reads it."""
    timezone: TimeZone = "Asia/Tokyo"
    """Where the days begin and end, as a name of the time zone database."""

    RULES = ((("start", "until", "timezone"), begins_before_it_ends),)

    @property
    def begins(self) -> datetime:
        """The first moment of it."""
        return _instant(self.start, self.timezone, days=0)

    @property
    def ends(self) -> datetime:
        """The first moment after it."""
        return _instant(self.until, self.timezone, days=1)

    def holds(self, now: datetime) -> bool:
        return self.begins <= now < self.ends


def _instant(value: date | datetime, zone: str, *, days: int) -> datetime:
    """A moment as it is; of a day its beginning, or that of a day so many later."""
    if isinstance(value, datetime):
        return value
    return datetime.combine(value + timedelta(days=days), time(), ZoneInfo(zone))
