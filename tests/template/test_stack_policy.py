"""What an update may not do, as CloudFormation reads a stack policy."""

from __future__ import annotations

import json
from typing import Any

import pytest

from policy import stack_policy


def allows(document: dict[str, Any], action: str, kind: str, name: str = "Any") -> bool:
    """CloudFormation's rule: allowed by some statement, denied by none."""

    def applies(statement: dict[str, Any]) -> bool:
        kinds = statement.get("Condition", {}).get("StringEquals", {}).get("ResourceType", [kind])
        names = ("*", f"LogicalResourceId/{name}")
        return kind in kinds and statement["Resource"] in names and (action in statement["Action"] or "Update:*" in statement["Action"])

    effects = {statement["Effect"] for statement in document["Statement"] if applies(statement)}
    return effects == {"Allow"}


@pytest.mark.parametrize("action", ["Update:Replace", "Update:Delete"])
@pytest.mark.parametrize("kind", ["AWS::EC2::EIP", "AWS::ECR::Repository", "AWS::CodeConnections::Connection"])
def test_a_protected_stack_loses_nothing(action: str, kind: str) -> None:
    assert not allows(stack_policy.document(protected=True), action, kind)


def test_a_protected_stack_can_be_modified() -> None:
    assert allows(stack_policy.document(protected=True), "Update:Modify", "AWS::ECR::Repository")


@pytest.mark.parametrize("kind", ["AWS::ElasticLoadBalancingV2::LoadBalancer", "AWS::ECS::Service", "AWS::EC2::SecurityGroup"])
def test_what_cuts_clients_off_is_neither_replaced_nor_deleted(kind: str) -> None:
    document = stack_policy.document(protected=False)
    assert not allows(document, "Update:Replace", kind)
    assert not allows(document, "Update:Delete", kind)
    assert allows(document, "Update:Modify", kind)


def test_target_group_of_the_sites_stays_and_that_of_a_further_port_may_go() -> None:
    document, kind = stack_policy.document(protected=False), "AWS::ElasticLoadBalancingV2::TargetGroup"
    assert not allows(document, "Update:Delete", kind, "TargetGroup")
    assert allows(document, "Update:Delete", kind, "TargetGroup5432")
    assert not allows(document, "Update:Replace", kind, "TargetGroup5432")


def test_what_every_deployment_replaces_is_replaced() -> None:
    assert allows(stack_policy.document(protected=False), "Update:Replace", "AWS::ECS::TaskDefinition")


def test_a_zone_may_be_given_up() -> None:
    assert allows(stack_policy.document(protected=False), "Update:Delete", "AWS::EC2::Subnet")


@pytest.mark.parametrize("protected", [True, False])
def test_the_policy_fits(*, protected: bool) -> None:
    assert len(json.dumps(stack_policy.document(protected=protected))) <= 16_384
