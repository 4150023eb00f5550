"""What holds state is kept, and keeps its logical ID: a renamed one is a new one to CloudFormation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stacks import connection, registry
from stacks.project import Project

STATEFUL = {
    "AWS::CertificateManager::Certificate",
    "AWS::CodeConnections::Connection",
    "AWS::EC2::EIP",
    "AWS::ECR::Repository",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
}
# What CloudFormation cannot replace without an outage or a clash of names; with the stateful ones, what an ID stands for.
LOCKED_TYPES = STATEFUL | {
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
}
# Never rename one of these in a project that is deployed somewhere: CloudFormation would make a new one and forget the old one.
LOCKED = {
    "network": {
        "Vpc": "AWS::EC2::VPC",
        "SubnetA": "AWS::EC2::Subnet",
        "SubnetC": "AWS::EC2::Subnet",
        "FlowLogs": "AWS::Logs::LogGroup",
    },
    "addresses": {"EipA": "AWS::EC2::EIP", "EipC": "AWS::EC2::EIP"},
    "security": {"LoadBalancerGroup": "AWS::EC2::SecurityGroup", "TaskGroup": "AWS::EC2::SecurityGroup"},
    "certificate": {"Certificate": "AWS::CertificateManager::Certificate"},
    "loadbalancer": {
        "AccessLogs": "AWS::S3::Bucket",
        "LoadBalancer": "AWS::ElasticLoadBalancingV2::LoadBalancer",
        "TargetGroup": "AWS::ElasticLoadBalancingV2::TargetGroup",
    },
    "service": {"Cluster": "AWS::ECS::Cluster", "Logs": "AWS::Logs::LogGroup", "Service": "AWS::ECS::Service"},
    "monitoring": {"TopicKey": "AWS::KMS::Key"},
}
LOCKED_SHARED = {
    "connection": {"Connection": "AWS::CodeConnections::Connection"},
    "registry": {"Repository": "AWS::ECR::Repository"},
}


def locked(document: dict[str, Any]) -> dict[str, str]:
    return {name: r["Type"] for name, r in document["Resources"].items() if r["Type"] in LOCKED_TYPES}


def shared(project: Project) -> dict[str, dict[str, Any]]:
    return {spec.name: json.loads(spec.build(project).to_json()) for spec in (connection.STACK, registry.STACK)}


def test_logical_ids_of_what_must_not_be_replaced(variant: Any) -> None:
    built = variant(certificate={"name": "*.example.com", "hosted_zone": "Z0123456789ABCDEFGHIJ"})
    assert {stack: locked(document) for stack, document in built.items()} == LOCKED


def test_logical_ids_of_what_is_shared(project: Project) -> None:
    assert {stack: locked(document) for stack, document in shared(project).items()} == LOCKED_SHARED


def test_ids_of_two_zones_are_the_same_when_a_third_comes(variant: Any) -> None:
    zones = {"a": "10.20.0.0/24", "c": "10.20.1.0/24", "d": "10.20.2.0/24"}
    more = variant(network={"create": {"cidr": "10.20.0.0/16", "zones": zones}})
    for stack, document in variant().items():
        assert locked(document).items() <= locked(more[stack]).items(), stack


def kept(document: dict[str, Any]) -> None:
    for name, resource in document["Resources"].items():
        if resource["Type"] in STATEFUL:
            assert resource.get("DeletionPolicy") in ("Retain", "RetainExceptOnCreate"), name
            assert resource.get("UpdateReplacePolicy") == "Retain", name


def test_what_holds_state_is_kept_both_ways(built: dict[str, dict[str, Any]]) -> None:
    for document in built.values():
        kept(document)


def test_what_is_shared_and_holds_state_is_kept_both_ways(project: Project) -> None:
    for document in shared(project).values():
        kept(document)


def test_a_named_thing_goes_when_its_stack_fails_to_be_created(built: dict[str, dict[str, Any]]) -> None:
    """With Retain the next attempt would find the name taken."""
    for document in built.values():
        for name, resource in document["Resources"].items():
            if resource["Type"] == "AWS::Logs::LogGroup":
                assert resource["DeletionPolicy"] == "RetainExceptOnCreate", name


def test_every_log_group_forgets(env: Any, built: dict[str, dict[str, Any]]) -> None:
    for document in built.values():
        for resource in document["Resources"].values():
            if resource["Type"] == "AWS::Logs::LogGroup":
                assert resource["Properties"]["RetentionInDays"] == env.service.log_days


@pytest.mark.parametrize("spec", [connection.STACK, registry.STACK], ids=lambda spec: spec.name)
def test_the_shared_stacks_are_protected(spec: Any) -> None:
    assert spec.protected
