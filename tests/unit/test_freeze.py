"""Days on which an environment stays as it is: when they begin and end, and what the gate says on them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from stacks.config_freeze import Freeze

YEAR_END = {"start": date(2030, 12, 24), "until": date(2031, 1, 3), "reason": "Year end at the bank"}


@pytest.mark.parametrize(
    ("now", "frozen"),
    [
        # Midnight in Tokyo is 15:00 UTC of the day before.
        (datetime(2030, 12, 23, 14, 59, 59, tzinfo=UTC), False),
        (datetime(2030, 12, 23, 15, tzinfo=UTC), True),
        (datetime(2031, 1, 3, 14, 59, 59, tzinfo=UTC), True),
        (datetime(2031, 1, 3, 15, tzinfo=UTC), False),
    ],
)
def test_the_last_day_counts_and_days_are_those_of_the_time_zone(now: datetime, *, frozen: bool) -> None:
    assert Freeze.model_validate(YEAR_END).holds(now) is frozen


def test_a_moment_is_a_moment_in_every_time_zone() -> None:
    start = datetime(2030, 12, 24, 18, tzinfo=UTC)
    freeze = Freeze(start=start, until=start + timedelta(hours=1), reason="A release of the bank's", timezone="America/New_York")
    assert [freeze.holds(start + timedelta(minutes=after)) for after in (-1, 0, 59, 60)] == [False, True, True, False]


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"until": date(2030, 12, 23)}, "freeze[0].until: 2030-12-23 is not after start = 2030-12-24, so nothing is frozen; exchange them"),
        ({"until": date(2030, 12, 24)}, ""),
        ({"start": 5}, "freeze[0].start: 5 is no day and no moment; write it like 2030-12-24 or 2030-12-24T18:00:00+09:00, without quotes"),
        ({"until": date(9999, 12, 31)}, "freeze[0].until: 9999-12-31 is no day of these times; write one between 1971 and 2198"),
        ({"reason": " "}, "freeze[0].reason: is empty; write a sentence that the next person understands"),
        ({"timezone": "Tokyo"}, "freeze[0].timezone: 'Tokyo' is not a name of the time zone database; write it like 'Asia/Tokyo' or 'UTC'"),
    ],
)
def test_what_a_freeze_must_be(judge: Callable[[dict[str, Any]], list[str]], edit: dict[str, Any], said: str) -> None:
    assert judge({"freeze": [{**YEAR_END, **edit}]}) == [said] * bool(said)


def test_a_moment_needs_its_offset() -> None:
    naive = datetime(2030, 12, 24, 18)  # noqa: DTZ001 - that is the case
    with pytest.raises(ValueError, match=r"add its offset, like 2030-12-24T18:00:00\+09:00"):
        Freeze.model_validate({**YEAR_END, "start": naive})
