"""Quartz cron expressions as CodePipeline's DeploymentWindow rule reads them, to see whether a moment is inside the window.

Fields: seconds (only `*`, as AWS's table of allowed values has it), minutes, hours, day of month, month, day of week (1 = SUN),
optionally the year.
"""

from __future__ import annotations

import calendar
import re
from datetime import date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_YEAR = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEK = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
MONTHS = {name: number for number, name in enumerate(_YEAR, start=1)}
DAYS = {name: number for number, name in enumerate(_WEEK, start=1)}
FIELDS_WITHOUT_YEAR = 6
FIELDS_WITH_YEAR = 7
OFFSET = re.compile(r"UTC([+-])(\d{2}):(\d{2})")
SATURDAY = 7


def zone(name: str) -> tzinfo:
    """Region/City, or UTC+hh:mm."""
    offset = OFFSET.fullmatch(name)
    if offset:
        distance = timedelta(hours=int(offset[2]), minutes=int(offset[3]))
        return timezone(distance if offset[1] == "+" else -distance)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"time zone {name!r} is not known") from error


def matches(expression: str, moment: datetime) -> bool:
    """`moment` in the window's time zone."""
    fields = expression.upper().split()
    if len(fields) not in (FIELDS_WITHOUT_YEAR, FIELDS_WITH_YEAR):
        raise ValueError(
            f"cron {expression!r} has {len(fields)} fields, not 6 or 7 (seconds minutes hours day-of-month month day-of-week [year])"
        )
    seconds, minutes, hours, day, month, weekday = fields[:FIELDS_WITHOUT_YEAR]
    year = fields[FIELDS_WITHOUT_YEAR] if len(fields) == FIELDS_WITH_YEAR else "*"
    if seconds != "*":
        raise ValueError(f"cron {expression!r}: CodePipeline allows only * for the seconds")
    if (day == "?") == (weekday == "?"):
        raise ValueError(f"cron {expression!r}: exactly one of day-of-month and day-of-week must be ?")
    today = moment.date()
    return (
        _within(minutes, moment.minute, 0, 59, {})
        and _within(hours, moment.hour, 0, 23, {})
        and _within(month, moment.month, 1, 12, MONTHS)
        and _within(year, moment.year, 1970, 2199, {})
        and (day == "?" or _day_of_month(day, today))
        and (weekday == "?" or _day_of_week(weekday, today))
    )


def _number(text: str, low: int, high: int, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isdigit() or not low <= int(text) <= high:
        raise ValueError(f"cron: {text!r} is not between {low} and {high}")
    return int(text)


def _within(field: str, value: int, low: int, high: int, names: dict[str, int]) -> bool:
    return any([_part(part, value, low, high, names) for part in field.split(",")])  # noqa: C419 - every part is read, so that a wrong one is named


def _part(part: str, value: int, low: int, high: int, names: dict[str, int]) -> bool:
    span, slash, step_text = part.partition("/")
    step = _number(step_text, 1, high, {}) if slash else 1
    if span == "*":
        first, last = low, high
    elif "-" in span:
        first_text, _, last_text = span.partition("-")
        first, last = _number(first_text, low, high, names), _number(last_text, low, high, names)
    else:
        first = _number(span, low, high, names)
        last = high if slash else first
    if first > last:
        # FRI-MON wraps round, as Quartz has it.
        return (value >= first or value <= last) and step == 1
    return first <= value <= last and (value - first) % step == 0


def _last_day(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _day_of_month(field: str, today: date) -> bool:
    last = _last_day(today)
    if field == "L":
        return today.day == last
    if field.startswith("L-"):
        return today.day == last - _number(field[2:], 1, 30, {})
    if field.endswith("W"):
        wanted = last if field == "LW" else min(_number(field[:-1], 1, 31, {}), last)
        return today.day == _nearest_weekday(today.replace(day=wanted)).day
    return _within(field, today.day, 1, 31, {})


def _nearest_weekday(day: date) -> date:
    """Monday to Friday, without leaving the month."""
    if day.isoweekday() == 6:  # noqa: PLR2004 - ISO's Saturday
        return day - timedelta(days=1) if day.day > 1 else day + timedelta(days=2)
    if day.isoweekday() == SATURDAY:
        return day + timedelta(days=1) if day.day < _last_day(day) else day - timedelta(days=2)
    return day


def _day_of_week(field: str, today: date) -> bool:
    number = today.isoweekday() % 7 + 1
    if field == "L":
        return number == SATURDAY
    if field.endswith("L"):
        return number == _number(field[:-1], 1, 7, DAYS) and today.day > _last_day(today) - 7
    if "#" in field:
        name, _, which = field.partition("#")
        return number == _number(name, 1, 7, DAYS) and (today.day - 1) // 7 + 1 == _number(which, 1, 5, {})
    return _within(field, number, 1, 7, DAYS)
