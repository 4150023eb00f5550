"""Every part of the real pipeline guards something: to take it away is told. And no template, however odd, stops a review."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.review.compare import compare
from pipeline.review.model import Comparison, Finding, Side, Stack
from pipeline.review.rules import delivery, permissions
from tests.unit.review.edits import edited

RULES = (*delivery.RULES, *permissions.RULES)


def _base() -> Side:
    return edited(None, ())["shared"]


def _stages(side: Side) -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = side.stacks["pipeline"].template["Resources"]["Pipeline"]["Properties"]["Stages"]
    return stages


def _with_stages(stages: list[dict[str, Any]]) -> Side:
    side = _base()
    template = copy.deepcopy(dict(side.stacks["pipeline"].template))
    template["Resources"]["Pipeline"]["Properties"]["Stages"] = stages
    return replace(side, stacks={**side.stacks, "pipeline": replace(side.stacks["pipeline"], template=template)})


def _findings(before: Side, after: Side) -> list[Finding]:
    comparison = compare("shared", before, after)
    return [one for rule in RULES for one in rule.judge(comparison)]


@pytest.mark.parametrize("name", [stage["Name"] for stage in _stages(_base())])
def test_no_stage_goes_without_a_word(name: str) -> None:
    side = _base()
    found = _findings(side, _with_stages([stage for stage in _stages(side) if stage["Name"] != name]))
    assert {one.rule for one in found if one.verdict == "risky"} & {"gate-removed", "source-changed", "environment-removed"}


@pytest.mark.parametrize(
    "name", [stage["Name"] for stage in _stages(_base()) if stage["Name"].endswith(("-Plan", "-Approve", "-Update", "-Deploy"))]
)
def test_no_stage_moves_to_the_end_without_a_word(name: str) -> None:
    side = _base()
    moved = sorted(_stages(side), key=lambda stage: stage["Name"] == name)
    assert any(one.rule == "gate-removed" for one in _findings(side, _with_stages(moved)))


def test_production_does_not_come_before_staging_without_a_word() -> None:
    side = _base()
    later = sorted(_stages(side), key=lambda stage: stage["Name"].startswith("Staging-"))
    found = [one.text for one in _findings(side, _with_stages(later)) if one.rule == "gate-removed"]
    assert found == ["production is deployed before staging, so nothing is tried there first"]


def test_what_goes_on_the_way_there_comes_on_the_way_back() -> None:
    side = _base()
    without = _with_stages(
        [stage for stage in _stages(side) if not stage["Name"].endswith(("-Approve", "-Verify")) and stage["Name"] != "Check"]
    )
    lost = [one for one in _findings(side, without) if one.rule == "gate-removed"]
    won = [one for one in _findings(without, side) if one.rule == "gate-added"]
    assert len(lost) == len(won) >= 4
    assert {one.verdict for one in won} == {"safe"}


SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-2, 9), st.sampled_from(("", "*", "Allow", "${Role}", "SKIP", "main", "[", "{}")))
WORDS = (
    "Ref Fn::GetAtt Fn::Sub Fn::If Statement Effect Action NotAction Resource Principal Condition AWS "
    "Name Actions Configuration Conditions Rules Result ActionTypeId Category RunOrder StringLike k Push"
)
KEYS = st.sampled_from(WORDS.split())
VALUES = st.recursive(
    SCALARS, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)), max_leaves=14
)
TYPES: Mapping[str, tuple[str, ...]] = {
    "AWS::IAM::Role": ("Policies", "ManagedPolicyArns", "PermissionsBoundary", "AssumeRolePolicyDocument", "RoleName"),
    "AWS::IAM::ManagedPolicy": ("PolicyDocument", "Roles"),
    "AWS::S3::Bucket": ("PublicAccessBlockConfiguration",),
    "AWS::S3::BucketPolicy": ("PolicyDocument", "Bucket"),
    "AWS::SNS::TopicPolicy": ("PolicyDocument", "Topics"),
    "AWS::KMS::Key": ("KeyPolicy",),
    "AWS::CodePipeline::Pipeline": ("Stages", "Triggers", "ExecutionMode"),
    "AWS::CodeBuild::Project": ("Environment", "Source", "Triggers", "ServiceRole"),
    "AWS::CodeConnections::Connection": ("ConnectionName",),
    "AWS::SNS::Subscription": ("Endpoint", "TopicArn"),
    "AWS::Events::Rule": ("Targets", "EventPattern", "State"),
}


@st.composite
def odd_resources(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(TYPES)))
    properties = draw(st.one_of(st.fixed_dictionaries({}, optional=dict.fromkeys(TYPES[kind], VALUES)), SCALARS))
    return {"Type": kind, "Properties": properties}


ODD = st.dictionaries(st.sampled_from(("Role", "Policy", "Pipeline", "Topic")), odd_resources(), max_size=4)


def _odd(resources: dict[str, Any]) -> Side:
    return Side(stacks={"pipeline": Stack(stack="pipeline", path="x", template={"Resources": resources})})


@settings(max_examples=100, deadline=None)
@given(ODD, ODD)
def test_no_rule_stops_at_an_odd_template(before: dict[str, Any], after: dict[str, Any]) -> None:
    comparison: Comparison = compare("shared", _odd(before), _odd(after))
    for rule in RULES:
        for finding in rule.judge(comparison):
            assert finding.rule == rule.name
            assert finding.text.strip()


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_no_rule_stops_where_one_place_of_the_real_templates_is_odd(data: st.DataObject) -> None:
    side = _base()
    name = data.draw(st.sampled_from(("pipeline", "roles", "connection")))
    template = copy.deepcopy(dict(side.stacks[name].template))
    here: Any = template["Resources"]
    while True:
        key = data.draw(st.sampled_from(range(len(here)) if isinstance(here, list) else sorted(here)))
        if not here[key] or not isinstance(here[key], dict | list) or data.draw(st.integers(0, 5)) == 0:
            break
        here = here[key]
    here[key] = data.draw(VALUES)
    odd = replace(side, stacks={**side.stacks, name: replace(side.stacks[name], template=template)})
    _findings(side, odd)
    _findings(odd, side)


@settings(max_examples=50, deadline=None)
@given(ODD)
def test_nothing_is_told_of_what_stays(resources: dict[str, Any]) -> None:
    comparison = compare("shared", _odd(resources), _odd(copy.deepcopy(resources)))
    assert [finding for rule in RULES for finding in rule.judge(comparison)] == []
