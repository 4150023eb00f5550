"""What AWS has, as the plan takes it: templates whoever wrote them, and answers that a role may not have."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pipeline import live
from pipeline.aws import Aws, RefusedError
from pipeline.live import Live
from pipeline.paths import RENDERED, ROOT
from pipeline.template_text import document

NAME = "demo-test-network"
POLICY = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("A: !Ref B", {"A": {"Ref": "B"}}),
        ("A: !GetAtt B.Arn", {"A": {"Fn::GetAtt": ["B", "Arn"]}}),
        ("A: !GetAtt [B, Arn]", {"A": {"Fn::GetAtt": ["B", "Arn"]}}),
        ("A: !Sub '${B}-x'", {"A": {"Fn::Sub": "${B}-x"}}),
        ("A: !If [C, !Ref B, x]", {"A": {"Fn::If": ["C", {"Ref": "B"}, "x"]}}),
        ('{"A": {"Ref": "B"}}', {"A": {"Ref": "B"}}),
    ],
)
def test_short_forms_are_read_as_their_long_forms(text: str, parsed: dict[str, Any]) -> None:
    assert document(text) == parsed


def test_a_template_that_botocore_has_parsed_stays_as_it_is() -> None:
    assert document({"Resources": {}}) == {"Resources": {}}


def test_every_rendered_template_is_read() -> None:
    files = list((ROOT / RENDERED).rglob("*.yaml"))
    assert files
    for file in files:
        assert document(file.read_text(encoding="utf-8"))["Resources"]


def described(**more: Any) -> dict[str, Any]:
    stack = {
        "StackId": "arn:stack/1",
        "StackName": NAME,
        "StackStatus": "UPDATE_COMPLETE",
        "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
        "LastUpdatedTime": datetime(2026, 1, 2, tzinfo=UTC),
        "Parameters": [{"ParameterKey": "VpcId", "ParameterValue": "vpc-1"}],
        "Outputs": [{"OutputKey": "SubnetA", "OutputValue": "subnet-1"}],
        "Tags": [{"Key": "Project", "Value": "demo"}, {"Key": "aws:servicecatalog", "Value": "x"}],
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }
    return {"Stacks": [{**stack, **more}]}


def row(name: str) -> dict[str, Any]:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    return {"LogicalResourceId": name, "ResourceType": "AWS::EC2::VPC", "LastUpdatedTimestamp": now, "ResourceStatus": "CREATE_COMPLETE"}


def read(aws: Aws) -> Live:
    found = live.read(aws, "test", "network", NAME)
    assert found
    return found


def test_a_stack_is_read_whole(aws: Aws, answers: Callable[..., None]) -> None:
    answers("cloudformation", "describe_stacks", described(), {"StackName": NAME})
    answers("cloudformation", "get_template", {"TemplateBody": "Resources:\n  Vpc:\n    Type: AWS::EC2::VPC\n"})
    answers("cloudformation", "get_stack_policy", {"StackPolicyBody": json.dumps(POLICY)})
    rows = [{**row("Vpc"), "PhysicalResourceId": "vpc-1"}, row("Unborn")]
    answers("cloudformation", "list_stack_resources", {"StackResourceSummaries": rows})
    found = read(aws)
    assert (found.id, found.changed, found.unread) == ("arn:stack/1", "2026-01-02T00:00:00+00:00", ())
    stack = found.stack
    assert (stack.stack, stack.name, stack.status, stack.path) == (
        "network",
        NAME,
        "UPDATE_COMPLETE",
        "stacks/rendered/test/network.yaml",
    )
    assert stack.template == {"Resources": {"Vpc": {"Type": "AWS::EC2::VPC"}}}
    assert (stack.tags, stack.policy) == ({"Project": "demo"}, POLICY)
    assert (stack.parameters, stack.outputs) == ({"VpcId": "vpc-1"}, {"SubnetA": "subnet-1"})
    assert (stack.resources, stack.drifted) == ({"Vpc": "vpc-1"}, ())


def test_what_has_drifted_is_asked_for_only_where_something_has(aws: Aws, answers: Callable[..., None]) -> None:
    answers("cloudformation", "describe_stacks", described(DriftInformation={"StackDriftStatus": "DRIFTED"}))
    answers("cloudformation", "get_template", {"TemplateBody": "Resources: {}"})
    answers("cloudformation", "get_stack_policy", {})
    answers("cloudformation", "list_stack_resources", {"StackResourceSummaries": []})
    wanted = {"StackName": NAME, "StackResourceDriftStatusFilters": ["MODIFIED", "DELETED"]}
    for token, name in (({"NextToken": "2"}, "Vpc"), ({}, "SubnetA")):
        drift = {
            "StackId": "arn:stack/1",
            "LogicalResourceId": name,
            "ResourceType": "AWS::EC2::VPC",
            "StackResourceDriftStatus": "MODIFIED",
            "Timestamp": datetime(2026, 1, 2, tzinfo=UTC),
        }
        answers("cloudformation", "describe_stack_resource_drifts", {"StackResourceDrifts": [drift], **token}, wanted)
        wanted = {**wanted, "NextToken": "2"}
    found = read(aws)
    assert (found.stack.policy, found.stack.drifted) == (None, ("SubnetA", "Vpc"))


def test_what_a_role_may_not_read_is_left_out_and_named(aws: Aws, answers: Callable[..., None]) -> None:
    """A pipeline from before the plan looked at this must be able to plan its own update."""
    answers("cloudformation", "describe_stacks", described(DriftInformation={"StackDriftStatus": "DRIFTED"}))
    answers("cloudformation", "get_template", {"TemplateBody": "Resources: {}"})
    answers("cloudformation", "get_stack_policy", "AccessDenied")
    answers("cloudformation", "list_stack_resources", "AccessDenied")
    answers("cloudformation", "describe_stack_resource_drifts", "AccessDenied")
    found = read(aws)
    assert found.unread == ("GetStackPolicy", "ListStackResources", "DescribeStackResourceDrifts")
    assert (found.stack.policy, found.stack.resources, found.stack.drifted) == (None, {}, ())


def test_another_refusal_is_not_left_out(aws: Aws, answers: Callable[..., None]) -> None:
    answers("cloudformation", "describe_stacks", described())
    answers("cloudformation", "get_template", {"TemplateBody": "Resources: {}"})
    answers("cloudformation", "get_stack_policy", "ValidationError")
    with pytest.raises(RefusedError, match="get_stack_policy"):
        read(aws)


@pytest.mark.parametrize("call", ["describe_stacks", "get_template"])
def test_without_what_a_plan_is_made_from_there_is_none(aws: Aws, answers: Callable[..., None], call: str) -> None:
    if call == "get_template":
        answers("cloudformation", "describe_stacks", described())
    answers("cloudformation", call, "AccessDenied")
    with pytest.raises(RefusedError, match=call):
        read(aws)


def test_a_change_set_without_a_stack_is_no_stack(aws: Aws, answers: Callable[..., None]) -> None:
    answers("cloudformation", "describe_stacks", described(StackStatus="REVIEW_IN_PROGRESS"))
    assert live.read(aws, "test", "network", NAME) is None
