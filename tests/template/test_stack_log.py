"""What is asked of the log is what the log says: metric filters and saved queries against the list of its fields."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pipeline import log_guide
from stacks import access_log, log_metrics, queries
from stacks.environment import Environment

REQUEST = {field.name for field in access_log.REQUEST}
CONNECTION = {field.name for field in access_log.CONNECTION}
# CloudWatch Logs Insights: commands, functions and operators that are used here.
WORDS = set(re.findall(r"\w+", "filter stats sort limit display by as and or not desc asc ispresent count avg max sum pct"))


def fields(query: queries.Query) -> set[str]:
    without_text = re.sub(r'"[^"]*"', "", query.text)
    aliases = set(re.findall(r"\bas (\w+)", without_text))
    return set(re.findall(r"(?<![\w@])[a-z_]\w*", without_text)) - aliases - WORDS


@pytest.mark.parametrize("query", queries.OF_REQUESTS, ids=lambda query: query.name)
def test_a_question_about_requests_names_fields_of_requests(query: queries.Query) -> None:
    assert fields(query) <= REQUEST
    assert fields(query), "a query without a field asks nothing of the log"


@pytest.mark.parametrize("query", queries.OF_CONNECTIONS, ids=lambda query: query.name)
def test_a_question_about_connections_names_fields_of_connections(query: queries.Query) -> None:
    assert fields(query) <= CONNECTION
    assert "port" in fields(query)


@pytest.mark.parametrize("one", log_metrics.OF_REQUESTS, ids=lambda one: one.metric)
def test_a_metric_of_requests_counts_requests_only(one: log_metrics.Counted) -> None:
    """A connection on a further port has a status too."""
    named = set(re.findall(r"\$\.(\w+)", f"{one.pattern} {one.value}"))
    assert named <= REQUEST
    assert "method" in named
    assert "method" not in CONNECTION


@pytest.mark.parametrize("one", log_metrics.OF_CONNECTIONS, ids=lambda one: one.metric)
def test_a_metric_of_connections_counts_connections_only(one: log_metrics.Counted) -> None:
    named = set(re.findall(r"\$\.(\w+)", f"{one.pattern} {one.value}"))
    assert named <= CONNECTION
    assert "port" in named
    assert "port" not in REQUEST


@pytest.mark.parametrize(
    ("metrics", "logged", "numbers"),
    [
        (log_metrics.OF_REQUESTS, access_log.REQUEST, {"status", "request_time"}),
        (log_metrics.OF_CONNECTIONS, access_log.CONNECTION, {"status"}),
    ],
)
def test_what_is_taken_for_a_number_is_one(
    metrics: tuple[log_metrics.Counted, ...], logged: tuple[access_log.Field, ...], numbers: set[str]
) -> None:
    """A metric filter never matches a text with a number, and takes no value from one."""
    compared = {name for one in metrics for name in re.findall(r"\$\.(\w+) [<>]=? \d", one.pattern)}
    taken = {one.value.removeprefix("$.") for one in metrics if one.value.startswith("$.")}
    assert compared | taken == numbers
    assert numbers <= {field.name for field in logged if field.number}


def test_questions_and_metrics_of_connections_are_there_where_ports_are(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    assert ("QueryConnections" in built["monitoring"]["Resources"]) == bool(env.ports)
    assert ("FailedConnectionsFilter" in built["service"]["Resources"]) == bool(env.ports)


def test_questions_go_to_the_log_group_of_the_proxy(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    group = built["service"]["Resources"]["Logs"]["Properties"]["LogGroupName"]
    saved = [r["Properties"] for r in built["monitoring"]["Resources"].values() if r["Type"] == "AWS::Logs::QueryDefinition"]
    assert len(saved) == len(queries.OF_REQUESTS) + bool(env.ports) * len(queries.OF_CONNECTIONS)
    assert all(query["LogGroupNames"] == [group] and query["Name"].startswith(group.strip("/").removesuffix("proxy")) for query in saved)


def test_the_guide_names_every_field_and_shows_every_question() -> None:
    (text,) = log_guide.files().values()
    for field in (*access_log.REQUEST, *access_log.CONNECTION):
        assert f"| `{field.name}` | {field.meaning} |" in text
    for query in queries.ALL:
        assert f"{query.question}\n\n```\n{query.text}\n```" in text
