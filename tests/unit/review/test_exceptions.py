"""Accepted findings of a review: what they make milder, what they never touch, and every way to write one wrongly."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipeline.errors import PipelineError
from pipeline.review import exceptions
from pipeline.review.compare import compare
from pipeline.review.judge import judge
from pipeline.review.model import Finding, OwnerReview, Side, Stack

ENTRY = """
[[review]]
rule = "removed"
stack = "production/monitoring"
resource = "Dashboard"
owner = "platform team"
reason = "nobody looks at it"
expires = 2030-01-31
"""
DASHBOARD = {"Dashboard": {"Type": "AWS::CloudWatch::Dashboard"}, "Other": {"Type": "AWS::CloudWatch::Dashboard"}}


def judged(text: str, today: date, *, owner: str = "production") -> OwnerReview:
    """Of two dashboards, of which one goes."""
    stacks = [
        Stack(stack="monitoring", path="stacks/rendered/production/monitoring.yaml", template={"Resources": resources})
        for resources in (DASHBOARD, {"Other": DASHBOARD["Other"]})
    ]
    before, after = (Side(stacks={"monitoring": stack}) for stack in stacks)
    return judge(compare(owner, before, after), exceptions.parse(text), today)


def removal(review: OwnerReview) -> Finding:
    (found,) = [one for one in review.findings if one.rule == "removed"]
    return found


def test_an_accepted_finding_is_milder_and_still_told() -> None:
    found = removal(judged(ENTRY, date(2030, 1, 31)))
    assert (found.verdict, found.accepted) == ("safe", "accepted by platform team until 2030-01-31: nobody looks at it")


def test_it_was_risky_without_the_exception() -> None:
    assert removal(judged("", date(2030, 1, 31))).verdict == "risky"


def test_an_expired_exception_makes_nothing_milder() -> None:
    found = removal(judged(ENTRY, date(2030, 2, 1)))
    assert (found.verdict, found.accepted) == ("risky", "")


@pytest.mark.parametrize(
    ("key", "value", "covered"),
    [
        ("rule", "replaced", False),
        ("stack", "production/service", False),
        ("stack", "production/*", True),
        ("stack", "staging/*", False),
        ("resource", "Dash", False),
        ("resource", "Dash*", True),
        ("resource", "*", True),
        ("resource", "", False),
    ],
)
def test_an_exception_covers_what_it_names(key: str, value: str, covered: bool) -> None:  # noqa: FBT001 - a table
    lines = [f'{key} = "{value}"' if line.startswith(f"{key} ") else line for line in ENTRY.splitlines()]
    assert bool(removal(judged("\n".join(lines), date(2029, 1, 1))).accepted) is covered


@pytest.mark.parametrize("missing", ["rule", "stack", "resource", "owner", "reason", "expires"])
def test_a_key_that_is_missing_is_named(missing: str) -> None:
    text = "\n".join(line for line in ENTRY.splitlines() if not line.startswith(f"{missing} "))
    with pytest.raises(PipelineError, match=rf"policy/exceptions\.toml: review\.0\.{missing}: is missing"):
        exceptions.parse(text)


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("rule", '"*"', "stands for more than one"),
        ("rule", '"remove?"', "stands for more than one"),
        ("rule", '"no-such-rule"', "there is no rule 'no-such-rule'; there are"),
        ("rule", '"address-lost"', "can never be accepted: an address that is lost does not come back"),
        ("rule", '"address-swap"', "can never be accepted"),
        ("rule", '"address-replaced"', "can never be accepted"),
        ("rule", '"pinned-address"', "can never be accepted"),
        ("stack", '"production"', "is not environment/stack"),
        ("stack", '"/monitoring"', "is not environment/stack"),
        ("stack", '"*/monitoring"', "stands for too much"),
        ("stack", '"production/mon*"', "stands for too much"),
        ("owner", '" "', "is no text"),
        ("reason", '""', "is no text"),
        ("resource", "3", "is no text"),
        ("expires", '"2030-01-31"', "is no day; write 2027-01-31, without quotes"),
        ("expires", "2030-01-31T00:00:00Z", "is no day"),
        ("wheer", '"x"', "there is no such key; there are rule, stack"),
    ],
)
def test_what_is_written_wrongly_is_named(key: str, value: str, said: str) -> None:
    lines = [line for line in ENTRY.splitlines() if not line.startswith(f"{key} ")]
    with pytest.raises(PipelineError, match=rf"policy/exceptions\.toml: review\.0\.{key}: .*{said}"):
        exceptions.parse("\n".join([*lines, f"{key} = {value}"]))


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(PipelineError) as raised:
        exceptions.parse('[[review]]\nrule = "*"\n[[review]]\nowner = ""\n')
    said = str(raised.value).splitlines()
    assert len(said) == 12
    assert "policy/exceptions.toml: review.1.owner: '' is no text" in said


@pytest.mark.parametrize("text", ["[[review]", "[review]\nrule = 1", "review = 3", "review = [3]"])
def test_a_file_that_holds_something_else_is_named(text: str) -> None:
    with pytest.raises(PipelineError, match=r"policy/exceptions\.toml: "):
        exceptions.parse(text)


@pytest.mark.parametrize("text", [None, "", '[[accepted]]\nrule = "DL3059"\n'])
def test_a_file_without_any_accepts_nothing(text: Any) -> None:
    assert exceptions.parse(text) == ()
