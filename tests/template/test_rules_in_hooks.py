"""The house rules in what a Guard hook gets: the template as it was given, beside what the hook is told and the template before."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from pipeline.checks import template_rules
from pipeline.checks.template_rules import Validator
from pipeline.paths import GUARD_RULES, ROOT

CASES = Path(__file__).parent / "rules"


@pytest.fixture(scope="module")
def validate() -> Validator:
    return template_rules.validator(ROOT / GUARD_RULES)


@pytest.mark.parametrize("kind", ["bad", "good"])
@pytest.mark.parametrize("rule", sorted(path.name for path in CASES.iterdir() if path.is_dir()))
def test_a_rule_says_the_same_there(rule: str, kind: str, validate: Validator) -> None:
    given = yaml.safe_load((CASES / rule / f"{kind}.yaml").read_text())
    other = yaml.safe_load((CASES / rule / f"{'good' if kind == 'bad' else 'bad'}.yaml").read_text())
    asked = {"HookContext": {"TargetType": "STACK", "InvocationPoint": "UPDATE_PRE_PROVISION"}, **given, "Previous": other}
    found = {finding.rule for finding in validate("template.json", json.dumps(asked, default=str), "ap-northeast-1")}
    assert (rule in found) == (kind == "bad")
