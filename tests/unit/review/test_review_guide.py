"""docs/review.md names every rule, in words of its own."""

from __future__ import annotations

from datetime import date
from functools import partial

import pytest

from pipeline import review_guide
from pipeline.review import exceptions
from pipeline.review.rules import RULES
from pipeline.review.rules.rule import Rule
from pipeline.review.updates import OVERRIDES


@pytest.fixture(scope="module")
def text() -> str:
    (found,) = review_guide.files().values()
    return found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_says_in_one_sentence_what_it_is_about(rule: Rule) -> None:
    said = review_guide.meaning(rule)
    assert said, f"{rule.judge} has no docstring"
    assert not isinstance(rule.judge, partial) or rule.name in review_guide.MEANINGS
    assert [other.name for other in RULES if review_guide.meaning(other) == said] == [rule.name]
    assert rule.source


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_verdicts_of_a_rule_are_known(rule: Rule, text: str) -> None:
    assert review_guide.verdicts(rule)
    assert f"| `{rule.name}` | {', '.join(review_guide.verdicts(rule))} |" in text


def test_no_meaning_is_left_over() -> None:
    assert review_guide.MEANINGS.keys() <= {rule.name for rule in RULES}


def test_every_override_is_told(text: str) -> None:
    assert all(f"| `{kind}` `{prop}` | {one.update} |" in text for kind, table in OVERRIDES.items() for prop, one in table.items())


def test_the_exception_that_is_shown_is_one(text: str) -> None:
    shown = text.partition("```toml\n")[2].partition("```")[0]
    [accepted] = exceptions.parse(shown)
    assert (accepted.rule, accepted.expires) == ("removed", date(2027, 1, 31))


def test_no_row_of_a_table_breaks(text: str) -> None:
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in tables} == {3, 4, 5}
