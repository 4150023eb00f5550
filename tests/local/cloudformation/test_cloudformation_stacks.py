"""Create, read, delete: what a caller sees of a stack."""

from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.local

ADDRESS: dict[str, Any] = {
    "Parameters": {"Note": {"Type": "String", "Default": "one"}},
    "Resources": {
        "Address": {
            "Type": "AWS::EC2::EIP",
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {"Domain": "vpc", "Tags": [{"Key": "note", "Value": {"Ref": "Note"}}]},
        }
    },
    "Outputs": {
        "Allocation": {"Value": {"Fn::GetAtt": ["Address", "AllocationId"]}},
        "PublicIp": {"Value": {"Ref": "Address"}, "Description": "The address"},
    },
}


def test_a_created_stack_answers_with_its_outputs(cloud: Any) -> None:
    stack = cloud.create("fixed", ADDRESS, Tags=[{"Key": "project", "Value": "kotei"}])
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    held = cloud.client("ec2").describe_addresses()["Addresses"]
    assert [(held[0]["AllocationId"], held[0]["PublicIp"])] == [(cloud.outputs("fixed")["Allocation"], cloud.outputs("fixed")["PublicIp"])]
    assert {tag["Key"]: tag["Value"] for tag in held[0]["Tags"]} == {"note": "one", "project": "kotei"}


def test_deleting_the_stack_keeps_the_address(cloud: Any) -> None:
    cloud.create("fixed", ADDRESS)
    before = cloud.client("ec2").describe_addresses()["Addresses"]
    assert cloud.delete("fixed")["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.client("ec2").describe_addresses()["Addresses"] == before
