"""Questions to the log, and CloudWatch's patterns as the local engine reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.aws import Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.local import filter_pattern
from pipeline.logs import read
from pipeline.logs.question import Question, asked, pattern, seconds, wanted
from stacks import log_metrics
from stacks.environment import Environment

ENV = Environment.model_construct(name="test", project="demo")
LINE = {"method": "GET", "client": "203.0.113.5", "host": "api.example.com", "status": 502, "request_time": 1.5, "refused": "", "uri": "/"}


def question(**given: Any) -> Question:
    return asked(**{"client": "", "site": "", "status": "", "slow": None, "refused": False, **given})


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ({}, "{ ($.method = *) || ($.port = *) }"),
        ({"client": "203.0.113.5"}, '{ ($.client = "203.0.113.5") }'),
        ({"client": "203.0.113.0/28"}, "{ ($.client = 203.0.113.*) }"),
        ({"client": "203.0.0.0/15", "refused": True}, "{ ($.client = 203.*) && ($.refused = %[a-z]%) }"),
        ({"client": "2001:db8::/32"}, "{ ($.client = *) }"),
        ({"site": "API.example.com", "status": "5xx"}, '{ ($.host = "api.example.com") && ($.status >= 500) && ($.status < 600) }'),
        ({"site": "*.example.com", "slow": 0.5}, "{ ($.host = *.example.com) && ($.request_time >= 0.5) }"),
        ({"status": "404"}, "{ ($.status = 404) }"),
    ],
)
def test_a_question_is_a_pattern(given: dict[str, Any], text: str) -> None:
    assert pattern(question(**given)) == text
    filter_pattern.test(text)


@pytest.mark.parametrize("given", [{"status": "6xx"}, {"status": "5x"}, {"client": "203.0.113"}, {"site": 'x"} || {$.a = "'}])
def test_what_means_nothing_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(PipelineError, match="give "):
        question(**given)


@pytest.mark.parametrize(("text", "number"), [("30s", 30), ("15m", 900), ("2h", 7200), ("1d", 86_400)])
def test_how_far_back(text: str, number: int) -> None:
    assert seconds(text) == number


def test_how_far_back_needs_a_unit() -> None:
    with pytest.raises(PipelineError, match="15m"):
        seconds("15")


def test_a_network_is_looked_at_where_a_pattern_lets_more_through() -> None:
    inside = question(client="203.0.113.0/28")
    assert wanted(inside, LINE)
    assert not wanted(inside, {**LINE, "client": "203.0.113.99"})
    assert not wanted(inside, {})


@pytest.mark.parametrize(
    ("text", "through"),
    [
        ('{ $.client = "203.0.113.5" }', True),
        ("{ $.client = 203.0.113.* }", True),
        ("{ $.client = 198.* }", False),
        ("{ ($.status >= 500) && ($.status < 600) }", True),
        ("{ ($.status = 404) || ($.host = *.example.com) }", True),
        ("{ $.status = 50 }", False),
        ("{ $.request_time > 1.5 }", False),
        ("{ $.refused = %[a-z]% }", False),
        ("{ $.uri != %secret% }", True),
        ("{ $.port = * }", False),
        ("{ $.method = * }", True),
        ("GET", True),
        ('"api.example.com"', True),
        ("", True),
    ],
)
def test_the_local_engine_reads_patterns_as_the_service_does(text: str, *, through: bool) -> None:
    assert filter_pattern.test(text)(json.dumps(LINE)) is through


@pytest.mark.parametrize(
    "text", ["{ $.a = 1", "{ $.a }", "{ a = 1 }", "[a, b]", "{ $.a > x }", "{ ($.a = 1 }", "{ $.a = %(x)% }", "{ $.a IS NULL }"]
)
def test_what_it_does_not_read_is_refused(text: str) -> None:
    with pytest.raises(filter_pattern.UnreadablePatternError):
        filter_pattern.test(text)


def test_every_pattern_of_the_metrics_is_read() -> None:
    counted = {one.metric: filter_pattern.test(one.pattern) for one in (*log_metrics.OF_REQUESTS, *log_metrics.OF_CONNECTIONS)}
    line = json.dumps(LINE)
    assert {metric for metric, matches in counted.items() if matches(line)} == {"Requests", "ServerErrors", "RequestTime"}


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {"eventId": str(number), "timestamp": number, "message": json.dumps({**LINE, **fields}), "logStreamName": "proxy/1"}


def test_lines_come_from_every_page(aws: Aws, answers: Callable[..., None]) -> None:
    asked_for = {"logGroupName": "/demo/test/proxy", "startTime": 7, "filterPattern": "{ ($.client = 203.0.113.*) }"}
    answers("logs", "filter_log_events", {"events": [event(1)], "nextToken": "more"}, asked_for)
    answers("logs", "filter_log_events", {"events": [event(2, client="203.0.113.77"), event(3)]}, {**asked_for, "nextToken": "more"})
    assert len(list(read.lines(aws, ENV, question(client="203.0.113.0/28"), 7))) == 2


def test_what_is_followed_is_shown_once(aws: Aws, answers: Callable[..., None]) -> None:
    for events in ([event(100_000)], [event(100_000), event(99_000)]):
        answers("logs", "filter_log_events", {"events": events})
    pauses = iter((False, True))

    def pause() -> None:
        if next(pauses):
            raise KeyboardInterrupt

    seen: list[read.Line] = []

    def gather() -> None:
        # One after the other, so that what came before the end is kept.
        for line in read.follow(aws, ENV, question(), 5, pause):
            seen.append(line)  # noqa: PERF402 - as above

    with pytest.raises(KeyboardInterrupt):
        gather()
    assert len(seen) == 2


def test_without_a_log_group_the_command_that_makes_it_is_named(aws: Aws, answers: Callable[..., None]) -> None:
    answers("logs", "filter_log_events", "ResourceNotFoundException")
    with pytest.raises(PipelineError, match="there is no log group /demo/test/proxy yet; deploy first: git push"):
        list(read.lines(aws, ENV, question(), 0))


def test_a_denied_call_stays_denied(aws: Aws, answers: Callable[..., None]) -> None:
    answers("logs", "filter_log_events", "AccessDeniedException")
    with pytest.raises(RefusedError, match=r"logs\.filter_log_events"):
        list(read.lines(aws, ENV, question(), 0))


def test_a_table_counts_and_puts_the_most_first() -> None:
    rows = read.table(
        [LINE, {**LINE, "status": 403, "refused": "path denied"}, {**LINE, "client": "198.51.100.1", "status": 200}], "client"
    )
    assert [(row.key, row.requests, row.errors, row.refused, row.seconds) for row in rows] == [
        ("203.0.113.5", 2, 1, 1, 3.0),
        ("198.51.100.1", 1, 0, 0, 1.5),
    ]


def test_a_path_moves_no_cursor() -> None:
    told = read.text({**LINE, "uri": "/\x1b[2J\n"})
    assert "\\x1b[2J\\x0a" in told
    assert "\n" not in told
