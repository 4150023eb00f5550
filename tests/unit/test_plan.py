"""What counts as safe, risky and blocked, what moves the fingerprint, and when a person is asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.live import Live
from pipeline.plan import Desired, Plan, compare, different_paths, fingerprint, needs_approval

EIP = {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}}
BALANCER = {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"Scheme": "internet-facing", "Type": "network"}}
ROLE = {"Type": "AWS::IAM::Role", "Properties": {"Description": "old"}}
ALARM = {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Threshold": 1}}


def live(resources: dict[str, Any], **changes: Any) -> Live:
    stack = Live(
        stack="s",
        id="arn:stack/s/1",
        status="UPDATE_COMPLETE",
        changed="2026-01-01T00:00:00+00:00",
        template={"Resources": resources},
        parameters={},
        outputs={},
    )
    return replace(stack, **changes)


def plan(old: dict[str, Any] | None, new: dict[str, Any], inputs: dict[str, str] | None = None, **changes: Any) -> Plan:
    desired = Desired(stack="s", name="demo-s", template={"Resources": new}, inputs=inputs or {})
    return compare("staging", (desired,), {"s": None if old is None else live(old, **changes)})


def test_the_same_is_no_change() -> None:
    result = plan({"Eip": EIP, "Role": ROLE}, {"Eip": EIP, "Role": ROLE})
    assert result.empty
    assert (result.verdict, result.reasons) == ("safe", ())


def test_a_new_stack_is_safe_and_lists_everything() -> None:
    result = plan(None, {"Eip": EIP, "Role": ROLE})
    assert [(change.action, change.logical_id) for change in result.stacks[0].changes] == [("add", "Eip"), ("add", "Role")]
    assert (result.stacks[0].action, result.verdict) == ("create", "safe")


@pytest.mark.parametrize("resource", [EIP, BALANCER])
def test_losing_what_holds_an_address_is_blocked(resource: dict[str, Any]) -> None:
    result = plan({"Held": resource}, {})
    assert result.verdict == "blocked"
    assert "removes Held" in result.reasons[0]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (EIP, {**EIP, "Properties": {"Domain": "vpc", "Address": "203.0.113.3"}}),
        (BALANCER, {**BALANCER, "Properties": {"Scheme": "internal", "Type": "network"}}),
        (BALANCER, {**BALANCER, "Properties": {**BALANCER["Properties"], "Name": "other"}}),
        (EIP, ALARM),
    ],
)
def test_replacing_what_holds_an_address_is_blocked(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert plan({"Held": old}, {"Held": new}).verdict == "blocked"


def test_changing_a_load_balancer_in_place_is_risky_not_blocked() -> None:
    new = {**BALANCER, "Properties": {**BALANCER["Properties"], "SubnetMappings": []}}
    result = plan({"Held": BALANCER}, {"Held": new})
    assert (result.verdict, result.stacks[0].changes[0].replaces) == ("risky", False)


def test_changing_who_may_do_what_is_risky() -> None:
    result = plan({"Role": ROLE}, {"Role": {**ROLE, "Properties": {"Description": "new"}}})
    assert result.verdict == "risky"
    assert result.stacks[0].changes[0].paths == ("Properties.Description",)


def test_adding_who_may_do_what_to_a_live_stack_is_risky() -> None:
    assert plan({"Alarm": ALARM}, {"Alarm": ALARM, "Role": ROLE}).verdict == "risky"


def test_any_removal_is_risky() -> None:
    assert plan({"Alarm": ALARM}, {}).verdict == "risky"


def test_changing_an_alarm_is_safe_and_not_known_to_replace_nothing() -> None:
    result = plan({"Alarm": ALARM}, {"Alarm": {**ALARM, "Properties": {"Threshold": 2}}})
    assert (result.verdict, result.stacks[0].action, result.stacks[0].changes[0].replaces) == ("safe", "update", None)


def test_a_change_of_a_deletion_policy_replaces_nothing() -> None:
    result = plan({"Alarm": {**ALARM, "DeletionPolicy": "Retain"}}, {"Alarm": ALARM})
    assert result.stacks[0].changes[0].replaces is False


def test_a_new_image_is_an_update() -> None:
    result = plan({"Alarm": ALARM}, {"Alarm": ALARM}, inputs={"ImageDigest": "sha256:2"}, parameters={"ImageDigest": "sha256:1"})
    assert (result.stacks[0].action, result.stacks[0].parameters) == ("update", ("ImageDigest",))
    assert plan({"A": ALARM}, {"A": ALARM}, inputs={"ImageDigest": "1"}, parameters={"ImageDigest": "1"}).empty


@pytest.mark.parametrize(
    ("status", "command"), [("ROLLBACK_COMPLETE", "delete-stack"), ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback")]
)
def test_a_stack_that_cannot_be_updated_is_blocked(status: str, command: str) -> None:
    result = plan({"Alarm": ALARM}, {"Alarm": ALARM}, status=status)
    assert result.verdict == "blocked"
    assert f"run: aws cloudformation {command} --stack-name " in result.reasons[0]


@pytest.mark.parametrize(
    ("policy", "old", "asked"),
    [
        ("always", {"Alarm": ALARM}, True),
        ("always", {}, True),
        ("risky", {"Alarm": ALARM}, True),
        ("risky", {}, False),
        ("never", {"Alarm": ALARM}, False),
    ],
)
def test_when_a_person_is_asked(policy: Any, old: dict[str, Any], asked: bool) -> None:  # noqa: FBT001 - a table
    assert needs_approval(plan(old, {}), policy) is asked


def test_the_fingerprint_moves_with_everything_that_the_plan_rests_on() -> None:
    stack = live({"Alarm": ALARM})
    first = fingerprint({"a": "1"}, {"ImageDigest": "x"}, {"s": stack})
    others = [
        fingerprint({"a": "2"}, {"ImageDigest": "x"}, {"s": stack}),
        fingerprint({"b": "1"}, {"ImageDigest": "x"}, {"s": stack}),
        fingerprint({"a": "1"}, {"ImageDigest": "y"}, {"s": stack}),
        fingerprint({"a": "1"}, {"ImageDigest": "x"}, {"s": None}),
        fingerprint({"a": "1"}, {"ImageDigest": "x"}, {"s": replace(stack, changed="2026-01-01T00:00:01+00:00")}),
        fingerprint({"a": "1"}, {"ImageDigest": "x"}, {"s": replace(stack, id="arn:stack/s/2")}),
        fingerprint({"a": "1"}, {"ImageDigest": "x"}, {"s": replace(stack, template={})}),
        fingerprint({"a": "1"}, {"ImageDigest": "x"}, {"s": replace(stack, outputs={"VpcId": "vpc-2"})}),
    ]
    assert first == fingerprint({"a": "1"}, {"ImageDigest": "x"}, {"s": stack})
    assert len({first, *others}) == len(others) + 1


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(VALUES, VALUES)
def test_paths_differ_exactly_when_the_documents_differ(old: Any, new: Any) -> None:
    assert bool(list(different_paths({"x": old}, {"x": new}))) is ({"x": old} != {"x": new})
