"""Recorded changes and what they mean: cases/<rule>.yaml has, for the rule of its name, changes on which it fires and near misses.

A case:

    - name: the scheme changes
      why: one sentence, for whoever wonders (optional)
      before: [...]                 edits of the base (edits.py), for the old side; none: the base itself
      after: [...]                  edits of the old side that make the new one
      owner: production             (the default)
      fires: blocked                the verdict of the rule's finding; `no` where it must not fire
      resource: LoadBalancer        where the finding is (optional; also `stack`)
      says: [internet]              words that its text holds (optional)
      verdict: blocked              of the whole owner (optional)
      behaviour: {loadbalancer/LoadBalancer: replacement}     predicted for the resource: add, remove or the update (optional)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.review.compare import compare
from pipeline.review.judge import judge
from pipeline.review.model import Side
from pipeline.review.rules import RULES
from tests.unit.review.edits import edited

FOLDER = Path(__file__).parent / "cases"
TODAY = date(2026, 11, 22)
KEYS = {"name", "why", "before", "after", "owner", "fires", "resource", "stack", "says", "verdict", "behaviour"}


def _cases() -> Iterator[Any]:
    for file in sorted(FOLDER.glob("*.yaml")):
        for case in yaml.safe_load(file.read_text()):
            yield pytest.param(file.stem, case, id=f"{file.stem}/{case['name']}".replace(" ", "-"))


@pytest.mark.parametrize(("rule", "case"), list(_cases()))
def test_a_recorded_change_means_what_was_recorded(rule: str, case: dict[str, Any]) -> None:
    assert case.keys() <= KEYS
    owner = case.get("owner", "production")
    before = edited(None, case.get("before", ()))
    after = edited(before, case.get("after", ()))
    comparison = compare(owner, before.get(owner, Side()), after.get(owner, Side()))
    review = judge(comparison, (), TODAY)
    # Asked by itself: a review leaves out what another rule says better.
    found = [one for asked in RULES if asked.name == rule for one in asked.judge(replace(comparison, today=TODAY))]
    for field in ("resource", "stack"):
        found = [one for one in found if field not in case or getattr(one, field) == case[field]]
    everything = "\n".join(f"{one.verdict} [{one.rule}] {one.stack}/{one.resource}: {one.text}" for one in review.findings)
    if case["fires"] in (False, "no"):
        assert not found, everything
    else:
        assert case["fires"] in {one.verdict for one in found}, everything
        for words in case.get("says", ()):
            assert any(words in one.text for one in found), everything
    if "verdict" in case:
        assert review.verdict == case["verdict"], everything
    actual = {f"{one.stack}/{one.logical_id}": one.update if one.action == "modify" else one.action for one in comparison.changes}
    for where, behaviour in case.get("behaviour", {}).items():
        assert actual.get(where, "unchanged") == behaviour, actual


@pytest.mark.parametrize("rule", sorted({rule.name for rule in RULES}))
def test_every_rule_has_a_case_that_fires_and_a_near_miss(rule: str) -> None:
    file = FOLDER / f"{rule}.yaml"
    assert file.is_file(), f"write {file.relative_to(FOLDER.parent)}"
    fires = {case["fires"] in (False, "no") for case in yaml.safe_load(file.read_text())}
    assert fires == {True, False}


def test_every_case_belongs_to_a_rule_and_rules_have_different_names() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(names)


def test_there_are_sixty_cases_or_more() -> None:
    assert len(list(_cases())) >= 60
