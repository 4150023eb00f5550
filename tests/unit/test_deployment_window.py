"""Quartz cron as the DeploymentWindow rule reads it. 2026-11-23 is a Monday."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pipeline import deployment_window as cron


@pytest.mark.parametrize(
    ("expression", "inside", "outside"),
    [
        ("* * 9-17 ? * MON-FRI", "2026-11-23T17:59", "2026-11-23T18:00"),
        ("* * 9-17 ? * MON-FRI *", "2026-11-27T09:00", "2026-11-28T09:00"),
        ("* 0/15 * * * ?", "2026-11-23T03:45", "2026-11-23T03:46"),
        ("* 5/15 * * * ?", "2026-11-23T03:20", "2026-11-23T03:15"),
        ("* * 22-5 * * ?", "2026-11-23T02:00", "2026-11-23T06:00"),
        ("* * * ? * FRI-MON", "2026-11-22T12:00", "2026-11-25T12:00"),
        ("* * * L * ?", "2026-11-30T12:00", "2026-11-29T12:00"),
        ("* * * L-3 * ?", "2026-11-27T12:00", "2026-11-30T12:00"),
        ("* * * 1W * ?", "2026-08-03T12:00", "2026-08-01T12:00"),
        ("* * * LW * ?", "2026-10-30T12:00", "2026-10-31T12:00"),
        ("* * * ? * 6L", "2026-11-27T12:00", "2026-11-20T12:00"),
        ("* * * ? * MON#2", "2026-11-09T12:00", "2026-11-16T12:00"),
        ("* * * ? NOV,DEC 2 2026", "2026-11-23T12:00", "2027-11-22T12:00"),
        ("* * * 1-10,20 * ?", "2026-11-20T12:00", "2026-11-15T12:00"),
    ],
)
def test_a_moment_is_inside_or_outside(expression: str, inside: str, outside: str) -> None:
    assert cron.matches(expression, datetime.fromisoformat(inside))
    assert not cron.matches(expression, datetime.fromisoformat(outside))


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("* * 9-17 ? *", "has 5 fields"),
        ("0 * 9-17 ? * MON", "allows only \\* for the seconds"),
        ("* * 9-17 * * MON", "exactly one of"),
        ("* * 25 ? * MON", "'25' is not between 0 and 23"),
        ("* * 1,x ? * MON", "'X' is not between"),
    ],
)
def test_a_wrong_expression_is_refused_by_name(expression: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        cron.matches(expression, datetime(2026, 11, 23, 1, tzinfo=UTC))


def test_time_zones() -> None:
    midnight = datetime(2026, 11, 23, tzinfo=UTC)
    assert midnight.astimezone(cron.zone("Asia/Tokyo")).hour == 9
    assert midnight.astimezone(cron.zone("UTC+09:00")).hour == 9
    assert midnight.astimezone(cron.zone("UTC-02:30")).hour == 21
    with pytest.raises(ValueError, match="'Mars/Base' is not known"):
        cron.zone("Mars/Base")
