"""Stacks that cannot be updated: what is said about each state, and what of it is safe to do."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.stack_events import Event, cause, plain, sentence
from pipeline.stuck import HEALTHY, MENDED, UNBORN, way_out

STACK = "AWS::CloudFormation::Stack"


def event(resource: str, status: str, reason: str = "", kind: str = "AWS::EC2::EIP") -> Event:
    return Event(
        id=f"{resource}-{status}",
        stack="s",
        time="2030-01-01T00:00:00",
        resource=resource,
        type=kind,
        physical="id",
        status=status,
        reason=reason,
    )


def began(status: str) -> Event:
    return event("s", status, "User Initiated", STACK)


def stack(status: str, **more: Any) -> dict[str, Any]:
    return {"StackName": "s", "StackStatus": status, **more}


HANDLER = (
    'Resource handler returned message: "The maximum number of addresses has been reached. (Service: Ec2, Status Code: 400)" '
    "(RequestToken: 0f0f, HandlerErrorCode: ServiceLimitExceeded)"
)
CREATION = (
    began("CREATE_IN_PROGRESS"),
    event("EipA", "CREATE_FAILED", "Resource creation cancelled"),
    event("EipC", "CREATE_FAILED", HANDLER),
    event("EipD", "CREATE_FAILED", "Resource creation cancelled"),
    event("s", "ROLLBACK_IN_PROGRESS", "The following resource(s) failed to create: [EipA, EipC, EipD].", STACK),
    event("EipB", "DELETE_SKIPPED"),
)


def test_the_cause_is_what_failed_of_its_own_accord() -> None:
    found = cause(CREATION)
    assert found
    assert found.resource == "EipC"
    assert sentence(CREATION) == (
        "EipC (AWS::EC2::EIP): The maximum number of addresses has been reached. (Service: Ec2, Status Code: 400) "
        "[ServiceLimitExceeded] (2 more were cancelled because of it)"
    )


def test_a_reason_within_a_reason_is_taken_out() -> None:
    outer = f'Resource handler returned message: "{HANDLER}" (Operation: Create, Code: Failed)'
    assert plain(outer).startswith("The maximum number of addresses")
    assert plain("") == "no reason given"


def test_where_only_the_stack_says_why_it_is_believed() -> None:
    assert sentence([event("s", "IMPORT_ROLLBACK_IN_PROGRESS", "the group is not there", STACK)]) == "the group is not there"


@pytest.mark.parametrize("status", HEALTHY)
def test_a_healthy_stack_is_not_stuck(status: str) -> None:
    assert way_out(stack(status), CREATION, (), "staging") is None


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"])
def test_a_first_creation_that_failed_says_what_is_kept_and_can_only_be_deleted(status: str) -> None:
    left = [{"LogicalResourceId": "Vpc", "ResourceType": "AWS::EC2::VPC", "PhysicalResourceId": "vpc-1", "ResourceStatus": "DELETE_FAILED"}]
    found = way_out(stack(status), CREATION, left, "staging")
    assert found
    assert "AWS keeps EipB (AWS::EC2::EIP id); still there: Vpc (AWS::EC2::VPC)" in found.sentence
    assert any("kotei apply staging --import" in line for line in found.commands)
    assert found.safe
    assert (found.safe.operation, found.safe.parameters) == ("delete_stack", {"StackName": "s"})


def test_a_rollback_that_failed_names_what_to_mend_or_skip() -> None:
    events = (
        began("UPDATE_IN_PROGRESS"),
        event("Service", "UPDATE_FAILED", "no capacity"),
        event("s", "UPDATE_ROLLBACK_IN_PROGRESS", "The following resource(s) failed to update: [Service].", STACK),
        event("Alarm", "UPDATE_FAILED", "Resource update cancelled"),
        event("Group", "UPDATE_FAILED", "the group was deleted by hand"),
        event("s", "UPDATE_ROLLBACK_FAILED", "The following resource(s) failed to update: [Group, Alarm].", STACK),
    )
    found = way_out(stack("UPDATE_ROLLBACK_FAILED"), events, (), "staging")
    assert found
    assert "Service (AWS::EC2::EIP): no capacity" in found.sentence
    assert found.sentence.endswith("Group (AWS::EC2::EIP): the group was deleted by hand")
    assert any(line.endswith("--stack-name s --resources-to-skip Group") for line in found.commands)
    assert found.safe
    assert (found.safe.operation, dict(found.safe.parameters)) == ("continue_update_rollback", {"StackName": "s"})


def test_what_could_not_be_deleted_may_be_left_in_the_account() -> None:
    rows = [
        {"LogicalResourceId": "Vpc", "ResourceType": "AWS::EC2::VPC", "PhysicalResourceId": "vpc-1", "ResourceStatus": "DELETE_FAILED"},
        {"LogicalResourceId": "Gone", "ResourceType": "AWS::EC2::VPC", "PhysicalResourceId": "x", "ResourceStatus": "DELETE_COMPLETE"},
    ]
    events = (began("DELETE_IN_PROGRESS"), event("Vpc", "DELETE_FAILED", "it has dependencies", "AWS::EC2::VPC"))
    found = way_out(stack("DELETE_FAILED"), events, rows, "staging")
    assert found
    assert "Vpc (AWS::EC2::VPC): it has dependencies" in found.sentence
    assert any(line.endswith("--retain-resources Vpc") for line in found.commands)


def test_a_role_that_is_gone_is_made_anew_first() -> None:
    role = "arn:aws:iam::111122223333:role/gone"
    events = (began("DELETE_IN_PROGRESS"), event("Vpc", "DELETE_FAILED", f"Role {role} is invalid or cannot be assumed"))
    found = way_out(stack("DELETE_FAILED", RoleARN=role), events, (), "staging")
    assert found
    assert any(role in line and "kotei apply shared" in line for line in found.commands)


@pytest.mark.parametrize(
    "status", ["CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "DELETE_IN_PROGRESS"]
)
def test_a_stack_that_moves_is_waited_for(status: str) -> None:
    found = way_out(stack(status), (began(status),), (), "staging")
    assert found
    assert "since 2030-01-01T00:00:00" in found.sentence
    assert any("cloudtrail lookup-events" in line for line in found.commands)
    assert any("cancel-update-stack" in line for line in found.commands) is (status == "UPDATE_IN_PROGRESS")
    assert found.safe is None


def test_an_empty_change_set_and_a_half_update_have_their_own_ways() -> None:
    review = way_out(stack("REVIEW_IN_PROGRESS"), (), (), "staging")
    half = way_out(stack("UPDATE_FAILED"), CREATION, (), "staging")
    assert review
    assert review.safe
    assert review.safe.operation == "delete_stack"
    assert half
    assert half.safe
    assert half.safe.operation == "rollback_stack"


def test_a_state_nobody_thought_of_promises_nothing() -> None:
    found = way_out(stack("IMPORT_ROLLBACK_FAILED"), CREATION, (), "staging")
    assert found
    assert found.safe is None
    assert "describe-stack-events" in found.commands[0]


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", *UNBORN, *MENDED])
@pytest.mark.parametrize("owner", ["accounts/444455556666", "regions/us-west-2"])
def test_only_bootstrap_is_named_for_what_the_pipeline_needs_elsewhere(status: str, owner: str) -> None:
    found = way_out(stack(status), CREATION, (), owner)
    assert found
    assert found.safe
    assert "kotei bootstrap" in str(found)
    assert "kotei apply" not in str(found)


def test_a_shared_stack_that_never_was_is_for_bootstrap_and_one_that_was_for_apply() -> None:
    never, was = (str(way_out(stack(status), CREATION, (), "shared")) for status in ("ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"))
    assert "then: kotei bootstrap" in never
    assert "kotei apply" not in never
    assert "then: kotei apply shared --unstick" in was
