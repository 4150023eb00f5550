"""Live against deployed against Git: what CloudFormation answers, where Git stands, what may be taken back, how it is adopted."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from troposphere import Template, ec2

from pipeline.apply_change_set import ChangeSet
from pipeline.aws import Aws
from pipeline.drift import adopt, detection, revert, three_ways
from pipeline.drift.model import Drift, Found, Row
from pipeline.errors import PipelineError
from pipeline.gate import BlockedError
from pipeline.review.model import Side, Stack
from pipeline.review.resource_types import BALANCER
from stacks.environment import Environment
from stacks.project import load

GROUP = "AWS::EC2::SecurityGroup"
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def rule(cidr: str, note: str = "Example Bank", port: int = 443) -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": cidr, "Description": note}


BANK, NEW, THIRD = rule("203.0.113.0/28"), rule("192.0.2.9/32", "incident"), rule("198.51.100.1/32")
OUT = {"IpProtocol": "tcp", "DestinationSecurityGroupId": {"Fn::GetAtt": ["TaskGroup", "GroupId"]}}


def stack(*rules: dict[str, Any]) -> Stack:
    properties = {"SecurityGroupIngress": [*rules], "SecurityGroupEgress": [OUT]}
    resources = {"LoadBalancerGroup": {"Type": GROUP, "Properties": properties}}
    return Stack(stack="security", path="x", template={"Resources": resources}, name="demo-test-security")


def row(*live: dict[str, Any], out: str = "sg-2") -> Row:
    resolved = {"IpProtocol": "tcp", "DestinationSecurityGroupId": "sg-2"}
    expected = {"SecurityGroupIngress": [BANK], "SecurityGroupEgress": [resolved]}
    actual = {"SecurityGroupIngress": [*live], "SecurityGroupEgress": [{**resolved, "DestinationSecurityGroupId": out}]}
    differing = tuple(name for name in expected if expected[name] != actual[name])
    return Row(
        logical_id="LoadBalancerGroup",
        physical_id="sg-1",
        type=GROUP,
        status="MODIFIED",
        expected=expected,
        actual=actual,
        differing=differing,
    )


def drift(git: Stack | None, *live: dict[str, Any], out: str = "sg-2") -> Drift:
    stacks = {} if git is None else {"security": git}
    side = Side(stacks={"security": stack(BANK)})
    found, _ = three_ways.drifts(
        "test", side, Side(stacks=stacks), {"security": (row(*live, out=out),)}, {"security": "stacks/security.py"}
    )
    (one,) = found
    return one


@pytest.mark.parametrize(
    ("git", "stands"),
    [(stack(BANK), "as deployed"), (stack(NEW, BANK), "as live"), (stack(BANK, THIRD), "otherwise"), (None, "gone")],
)
def test_where_git_stands(git: Stack | None, stands: str) -> None:
    (one,) = drift(git, NEW, BANK).properties
    assert (one.stands, one.deployed, one.live) == (stands, [BANK], [BANK, NEW])


def test_what_a_template_refers_to_is_told_as_it_refers() -> None:
    (one,) = drift(stack(BANK), BANK, out="sg-other").properties
    assert (one.deployed, one.live) == ([OUT], [{**OUT, "DestinationSecurityGroupId": "sg-other"}])


def test_the_words_are_of_the_review() -> None:
    found = drift(stack(BANK), BANK, rule("0.0.0.0/0"))
    (told,) = found.findings
    assert (told.rule, told.verdict) == ("task-reach", "risky")
    assert "be reached by EVERYBODY on the Internet (0.0.0.0/0) on port 443" in told.text
    assert found.module == "stacks/security.py"


def answer(**more: Any) -> dict[str, Any]:
    found = {"StackId": "s", "LogicalResourceId": "A", "ResourceType": GROUP, "StackResourceDriftStatus": "MODIFIED", "Timestamp": NOW}
    difference = {"PropertyPath": "/Tags/0/Value", "ExpectedValue": "a", "ActualValue": "b", "DifferenceType": "NOT_EQUAL"}
    return {**found, "ExpectedProperties": "{}", "ActualProperties": "{}", "PropertyDifferences": [difference, difference], **more}


def test_a_detection_is_waited_for_and_read_to_the_last_page(
    aws: Aws, answers: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "sleep", lambda _: None)
    asked = {"StackId": "s", "StackDriftDetectionId": "d", "Timestamp": NOW}
    answers("cloudformation", "detect_stack_drift", {"StackDriftDetectionId": "d"}, {"StackName": "demo-test-a"})
    answers("cloudformation", "describe_stack_drift_detection_status", {**asked, "DetectionStatus": "DETECTION_IN_PROGRESS"})
    failed = {**asked, "DetectionStatus": "DETECTION_FAILED", "DetectionStatusReason": "not authorized to perform kms:DescribeKey"}
    answers("cloudformation", "describe_stack_drift_detection_status", failed)
    answers("cloudformation", "describe_stack_resource_drifts", {"StackResourceDrifts": [answer()], "NextToken": "n"})
    second = answer(LogicalResourceId="B")
    answers(
        "cloudformation",
        "describe_stack_resource_drifts",
        {"StackResourceDrifts": [second]},
        {"StackName": "demo-test-a", "NextToken": "n"},
    )
    done: list[str] = []
    found = detection.detect(aws, {"a": "demo-test-a"}, done.append)["a"]
    assert [(one.logical_id, one.differing) for one in found.rows] == [("A", ("Tags",)), ("B", ("Tags",))]
    assert (found.failure, done) == ("not authorized to perform kms:DescribeKey", ["a"])


def test_a_stack_that_is_being_changed_is_told_and_no_error(aws: Aws, answers: Callable[..., None]) -> None:
    answers("cloudformation", "detect_stack_drift", "ValidationError")
    assert detection.detect(aws, {"a": "demo-test-a"}, lambda _: None)["a"].failure


def changes(**more: Any) -> revert.Revert:
    change = {"Action": "Modify", "LogicalResourceId": "LoadBalancerGroup", "ResourceType": GROUP, "Replacement": "False", **more}
    made = ChangeSet(id="c", stack_id="s", name="n", stack="demo-test-security", changes=[change], new=False)
    return revert.Revert(stack="security", change_set=made, drifts=(drift(stack(BANK), NEW),), left=())


@pytest.mark.parametrize(
    "change",
    [
        {"Replacement": "True"},
        {"Replacement": "Conditional"},
        {"Action": "Remove"},
        {"ResourceType": "AWS::EC2::EIP"},
        {"ResourceType": "AWS::EC2::EIP", "Action": "Add"},
        {"ResourceType": BALANCER, "Action": "Add"},
        {"ResourceType": BALANCER, "Details": [{"Target": {"Name": "SubnetMappings"}}]},
    ],
)
def test_a_revert_that_would_lose_something_is_blocked(change: dict[str, Any]) -> None:
    with pytest.raises(BlockedError, match="this revert cannot be done"):
        revert.refuse_dangerous(changes(**change))


@pytest.mark.parametrize(
    "change", [{}, {"Action": "SyncWithActual"}, {"ResourceType": BALANCER, "Details": [{"Target": {"Name": "Tags"}}]}]
)
def test_another_revert_is_not_blocked(change: dict[str, Any]) -> None:
    revert.refuse_dangerous(changes(**change))
    revert.refuse_others(changes(**change))


def test_what_was_not_named_is_not_taken_back() -> None:
    with pytest.raises(PipelineError, match=r"would also change Listener \(Modify, MODIFIED\)"):
        revert.refuse_others(changes(LogicalResourceId="Listener", ResourceDriftStatus="MODIFIED"))
    dynamic = {"LogicalResourceId": "Service", "ResourceDriftStatus": "IN_SYNC", "Details": [{"Evaluation": "Dynamic"}]}
    revert.refuse_others(changes(**dynamic))


def test_the_fingerprint_is_of_what_happens_not_of_names() -> None:
    first = changes()
    again = replace(first, change_set=replace(first.change_set, id="d", name="m")) if first.change_set else first
    assert revert.fingerprint([first]) == revert.fingerprint([again])
    assert revert.fingerprint([first]) != revert.fingerprint([changes(Details=[{"Target": {"Name": "Tags"}}])])
    further = replace(first, drifts=(drift(stack(BANK), NEW, THIRD),))
    assert revert.fingerprint([first]) != revert.fingerprint([further])


def test_accepted_drift_is_not_taken_back_along() -> None:
    mine, accepted = drift(stack(BANK), NEW), replace(drift(stack(BANK), NEW), logical_id="TaskGroup", accepted="by me")
    found = Found(owner="test", checked=2, drifts=(mine, accepted), ignored=(), unchecked={}, unsupported={}, ahead=(), unused=())
    with pytest.raises(PipelineError, match="security/TaskGroup would go with it"):
        revert.chosen(found, [])
    assert revert.chosen(found, [mine.place, accepted.place]) == (mine, accepted)


@pytest.fixture
def env(checkout: Callable[..., Path], valid: Callable[[], Any]) -> Environment:
    return load(checkout(valid())).environments[0]


def test_clients_are_adopted_as_entries(env: Environment) -> None:
    lines = list(adopt.advice(drift(stack(BANK), NEW), env))
    assert tomllib.loads("\n".join(lines)) == {"access": {"allow": [{"cidr": "192.0.2.9/32", "note": "incident"}]}}
    assert '# stacks/environments/test.toml: remove the entry [[access.allow]] with cidr = "203.0.113.0/28"' in lines


def test_what_no_entry_can_say_goes_into_the_module(env: Environment) -> None:
    ssh = rule("192.0.2.9/32", port=22)
    lines = list(adopt.advice(drift(stack(BANK), BANK, ssh), env))
    assert lines[0] == "# access.allow cannot say this: tcp 22, 192.0.2.9/32 (Example Bank)"
    assert lines[1].startswith("# stacks/security.py, build(), before its `return t`")
    t = Template()
    t.add_resource(ec2.SecurityGroup("LoadBalancerGroup", GroupDescription="x"))
    exec("\n".join(lines), {"env": env, "t": t})  # as it would be pasted
    assert t.to_dict()["Resources"]["LoadBalancerGroup"]["Properties"]["SecurityGroupIngress"] == [BANK, ssh]
    exec("\n".join(lines), {"env": env.model_copy(update={"name": "other"}), "t": Template()})


def test_what_git_says_already_is_only_deployed(env: Environment) -> None:
    assert list(adopt.advice(drift(stack(NEW, BANK), BANK, NEW), env)) == [
        "# security/LoadBalancerGroup SecurityGroupIngress: Git says what is live already; deploy it: git push"
    ]
