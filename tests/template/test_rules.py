"""Every house rule has one good and one bad template, and the bad one trips that rule alone."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from pipeline.checks import template_rules
from pipeline.checks.template_rules import Validator
from pipeline.paths import GUARD_RULES, ROOT

FIXTURES = Path(__file__).parent / "rules"
REGION = "ap-northeast-1"
RULES = sorted(
    name for path in template_rules.rule_files(ROOT / GUARD_RULES) for name in re.findall(r"^rule\s+(\w+)", path.read_text(), re.MULTILINE)
)


@pytest.fixture(scope="module")
def validate() -> Validator:
    return template_rules.validator(ROOT / GUARD_RULES)


def broken(validate: Validator, path: Path) -> set[str]:
    return {finding.rule for finding in validate(path.name, path.read_text(), REGION)} & set(RULES)


def test_names_are_unique() -> None:
    assert [name for name, count in Counter(RULES).items() if count > 1] == []


def test_every_rule_has_its_two_templates_and_nothing_is_left_over() -> None:
    wanted = {f"{rule}/{kind}.yaml" for rule in RULES for kind in ("good", "bad")}
    assert {path.relative_to(FIXTURES).as_posix() for path in FIXTURES.rglob("*.yaml")} == wanted


@pytest.mark.parametrize("rule", RULES)
def test_the_bad_template_trips_its_rule_alone(validate: Validator, rule: str) -> None:
    assert broken(validate, FIXTURES / rule / "bad.yaml") == {rule}


@pytest.mark.parametrize("rule", RULES)
def test_the_good_template_trips_no_rule(validate: Validator, rule: str) -> None:
    assert broken(validate, FIXTURES / rule / "good.yaml") == set()


@pytest.mark.parametrize("rule", RULES)
def test_the_good_template_holds_what_the_rule_is_about(rule: str) -> None:
    """A good template that shares no resource type with the bad one would prove nothing."""
    good, bad = (yaml.safe_load((FIXTURES / rule / f"{kind}.yaml").read_text()) for kind in ("good", "bad"))
    types = [{resource["Type"] for resource in document["Resources"].values()} for document in (good, bad)]
    assert types[0] & types[1]


@pytest.mark.parametrize("rule", RULES)
def test_every_message_says_what_to_do(validate: Validator, rule: str) -> None:
    found = validate("bad.yaml", (FIXTURES / rule / "bad.yaml").read_text(), REGION)
    messages = [finding.message for finding in found if finding.rule == rule]
    assert all(re.search(r"[:,] \w+.*\.$", message) or message.startswith("Set ") for message in messages), messages
    assert not any("Guard check" in message for message in messages), "a clause without a message of its own"
