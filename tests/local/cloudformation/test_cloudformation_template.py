"""Reading templates: what is understood, and the sentence for what is not."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest

from pipeline import registry_schema as schema
from pipeline.local.cloudformation import intrinsics, template
from pipeline.local.cloudformation.intrinsics import UNKNOWN, Names
from pipeline.local.cloudformation.resources import shape
from pipeline.local.cloudformation.resources.handler import ResourceError
from pipeline.local.protocol import AwsError

EIP = {"Type": "AWS::EC2::EIP"}


def lookup(**known: Any) -> Names:
    return Names(
        ref=lambda name: known[name], attribute=lambda name, path: f"{name}/{path}", zones=lambda region: [f"{region}a", f"{region}c"]
    )


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ({"Ref": "A"}, "one"),
        ({"Fn::GetAtt": ["A", "Outputs.X"]}, "A/Outputs.X"),
        ({"Fn::GetAtt": "A.Arn"}, "A/Arn"),
        ({"Fn::Sub": "${A}-${A.Arn}-${!A}-$x"}, "one-A/Arn-${A}-$x"),
        ({"Fn::Sub": ["${B}${A}", {"B": {"Ref": "A"}}]}, "oneone"),
        ({"Fn::Join": ["-", [{"Ref": "A"}, 1, True]]}, "one-1-true"),
        ({"Fn::Select": [1, {"Fn::Split": [",", "x,y"]}]}, "y"),
        ({"Fn::GetAZs": "r"}, ["ra", "rc"]),
        ({"Fn::Base64": "x"}, "eA=="),
        ({"Keep": 1, "Drop": {"Ref": "AWS::NoValue"}}, {"Keep": 1}),
        ([{"Ref": "AWS::NoValue"}, 2], [2]),
        ({"Fn::Sub": "a ${Later} b"}, UNKNOWN),
        ({"Fn::Join": ["", [{"Ref": "Later"}]]}, UNKNOWN),
    ],
)
def test_intrinsics(value: Any, wanted: Any) -> None:
    found = intrinsics.resolve(value, lookup(A="one", Later=UNKNOWN))
    assert found is UNKNOWN if wanted is UNKNOWN else found == wanted


def test_short_forms_and_dates_in_yaml() -> None:
    document = template.parse(
        """
Resources:
  One:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: !Sub "${Two.AllocationId}"
      DisplayName: !Join [":", [!Ref Two, !GetAtt Two.PublicIp]]
      DataProtectionPolicy: {Version: 2012-10-17}
  Two: {Type: AWS::EC2::EIP}
"""
    )
    properties = document["Resources"]["One"]["Properties"]
    assert properties["DisplayName"] == {"Fn::Join": [":", [{"Ref": "Two"}, {"Fn::GetAtt": ["Two", "PublicIp"]}]]}
    assert properties["DataProtectionPolicy"] == {"Version": "2012-10-17"}
    assert template.order(document) == ["Two", "One"]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"Resources": {}}, "At least one Resources member"),
        ({"Resources": {"A": EIP}, "Mappings": {}}, r"does not know the section\(s\) \['Mappings'\]"),
        ({"Resources": {"A-1": EIP}}, "A-1 is non alphanumeric"),
        ({"Resources": {"A": {**EIP, "Condition": "X"}}}, "'Condition'"),
        ({"Resources": {"A": {**EIP, "DeletionPolicy": "Snapshot"}}}, "DeletionPolicy Snapshot"),
        ({"Resources": {"A": {**EIP, "DependsOn": "B"}}}, r"Unresolved resource dependencies \[B\]"),
        ({"Resources": {"A": {**EIP, "Properties": {"Domain": {"Ref": "Nobody"}}}}}, r"\[Nobody\]"),
        (
            {"Resources": {"A": {**EIP, "DependsOn": "B"}, "B": {**EIP, "DependsOn": "C"}, "C": {**EIP, "DependsOn": "B"}, "D": EIP}},
            r"Circular dependency between resources: \[B, C\]",
        ),
    ],
)
def test_what_is_not_understood_is_named(document: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match=message):
        template.parse(json.dumps(document))


def test_an_unknown_function_is_named() -> None:
    with pytest.raises(AwsError, match="does not know Fn::ImportValue"):
        intrinsics.resolve({"Fn::ImportValue": "x"}, lookup())


@pytest.mark.parametrize(
    ("rule", "given", "message"),
    [
        ({"Type": "String"}, {}, r"\[P\] must have values"),
        ({"Type": "String", "Default": "x"}, {"Q": "1"}, r"\[Q\] do not exist"),
        ({"Type": "String", "AllowedPattern": "sha256:[0-9a-f]+"}, {"P": "latest"}, "must match pattern sha256"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, {"P": "c"}, "AllowedValues"),
        ({"Type": "Number"}, {"P": "many"}, "must be a number"),
        ({"Type": "String", "MaxLength": 2}, {"P": "abc"}, "MaxLength 2"),
    ],
)
def test_parameters_are_checked(rule: dict[str, Any], given: dict[str, str], message: str) -> None:
    with pytest.raises(AwsError, match=message):
        template.parameters({"Parameters": {"P": rule}}, given)


def test_the_registry_says_what_replaces() -> None:
    load_balancer = schema.load("AWS::ElasticLoadBalancingV2::LoadBalancer")
    service = schema.load("AWS::ECS::Service")
    assert load_balancer is not None
    assert service is not None
    assert {path[0] for path in load_balancer.create_only} == {"Name", "Type", "Scheme"}
    assert service.conditional == (("LaunchType",),)
    assert schema.load("AWS::ECR::Repository").name_property == "RepositoryName"  # type: ignore[union-attr]
    assert schema.load("AWS::Nothing::Here") is None


def test_properties_take_the_shape_of_the_api() -> None:
    client = boto3.client("ecs", region_name="ap-northeast-1", aws_access_key_id="x", aws_secret_access_key="x")
    given = {
        "Family": "f",
        "ContainerDefinitions": [
            {"Name": "n", "Essential": "true", "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-Group": 1}}}
        ],
    }
    container = {"name": "n", "essential": True, "logConfiguration": {"logDriver": "awslogs", "options": {"awslogs-Group": "1"}}}
    assert shape.params(client, "RegisterTaskDefinition", given) == {"family": "f", "containerDefinitions": [container]}
    with pytest.raises(
        ResourceError,
        match=r"RegisterTaskDefinition\.ContainerDefinitions\[0\]\.Bogus: the API RegisterTaskDefinition has no such parameter",
    ):
        shape.params(client, "RegisterTaskDefinition", {"ContainerDefinitions": [{"Bogus": 1}]})
