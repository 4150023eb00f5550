"""What keeps a fixed address: stack policy, termination protection, and the load balancer that holds it."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.local.cloudformation import stack_policy

pytestmark = pytest.mark.local

ADDRESSES: dict[str, Any] = {
    "Resources": {
        f"Address{zone}": {
            "Type": "AWS::EC2::EIP",
            "DeletionPolicy": "RetainExceptOnCreate",
            "UpdateReplacePolicy": "Retain",
            "Properties": {"Domain": "vpc"},
        }
        for zone in "AC"
    },
    "Outputs": {f"Address{zone}": {"Value": {"Fn::GetAtt": f"Address{zone}.AllocationId"}} for zone in "AC"},
}
NETWORK: dict[str, Any] = {
    "Resources": {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.20.0.0/16"}},
        "Gateway": {"Type": "AWS::EC2::InternetGateway"},
        "Attachment": {
            "Type": "AWS::EC2::VPCGatewayAttachment",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "InternetGatewayId": {"Ref": "Gateway"}},
        },
        "SubnetA": {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "CidrBlock": "10.20.0.0/24",
                "AvailabilityZone": {"Fn::Select": [0, {"Fn::GetAZs": ""}]},
            },
        },
    },
    "Outputs": {"SubnetA": {"Value": {"Ref": "SubnetA"}}},
}
KEEP = {
    "Statement": [
        {"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Action": ["Update:Replace", "Update:Delete"],
            "Principal": "*",
            "Resource": "*",
            "Condition": {"StringEquals": {"ResourceType": ["AWS::EC2::EIP"]}},
        },
    ]
}


def held(cloud: Any) -> list[str]:
    return sorted(address["PublicIp"] for address in cloud.client("ec2").describe_addresses()["Addresses"])


def test_the_stack_policy_stops_a_replacement(cloud: Any) -> None:
    cloud.create("fixed", ADDRESSES, StackPolicyBody=json.dumps(KEEP))
    before = held(cloud)
    other = copy.deepcopy(ADDRESSES)
    other["Resources"]["AddressA"]["Properties"]["NetworkBorderGroup"] = "ap-northeast-1-wl1"
    assert cloud.update("fixed", other)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert held(cloud) == before
    assert any(
        "Action denied by stack policy" in line and "[Update:Replace]" in line and "AddressA" in line for line in cloud.reasons("fixed")
    )


def test_the_stack_policy_stops_a_removal(cloud: Any) -> None:
    cloud.create("fixed", ADDRESSES, StackPolicyBody=json.dumps(KEEP))
    other = copy.deepcopy(ADDRESSES)
    del other["Resources"]["AddressC"], other["Outputs"]["AddressC"]
    assert cloud.update("fixed", other)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert sorted(cloud.ids("fixed")) == ["AddressA", "AddressC"]


def test_without_a_policy_the_replacement_goes_through_and_the_former_address_stays(cloud: Any) -> None:
    cloud.create("fixed", ADDRESSES)
    before = held(cloud)
    other = copy.deepcopy(ADDRESSES)
    other["Resources"]["AddressA"]["Properties"]["NetworkBorderGroup"] = "ap-northeast-1-wl1"
    assert cloud.update("fixed", other)["StackStatus"] == "UPDATE_COMPLETE"
    assert len(held(cloud)) == 3
    assert set(before) < set(held(cloud))


def test_the_policy_of_one_update_applies_to_that_update_only(cloud: Any) -> None:
    cloud.create("fixed", ADDRESSES, StackPolicyBody=json.dumps(KEEP))
    open_policy = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    other = copy.deepcopy(ADDRESSES)
    del other["Resources"]["AddressC"], other["Outputs"]["AddressC"]
    assert cloud.update("fixed", other, StackPolicyDuringUpdateBody=json.dumps(open_policy))["StackStatus"] == "UPDATE_COMPLETE"
    assert json.loads(cloud.cfn.get_stack_policy(StackName="fixed")["StackPolicyBody"]) == KEEP
    assert len(held(cloud)) == 2


def test_termination_protection_refuses_deletion(cloud: Any) -> None:
    cloud.create("fixed", ADDRESSES, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        cloud.delete("fixed")
    cloud.cfn.update_termination_protection(StackName="fixed", EnableTerminationProtection=False)
    assert cloud.delete("fixed")["StackStatus"] == "DELETE_COMPLETE"


def statement(**parts: Any) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*", **parts}]})


@pytest.mark.parametrize(
    ("policy", "action", "allowed"),
    [
        (statement(), "Update:Delete", True),
        (statement(Action="Update:Modify"), "Update:Replace", False),
        (statement(Resource="LogicalResourceId/Other"), "Update:Modify", False),
        (statement(Resource="LogicalResourceId/Addr*"), "Update:Modify", True),
        (
            json.dumps({"Statement": {"Effect": "Allow", "NotAction": "Update:Delete", "Principal": "*", "Resource": "*"}}),
            "Update:Delete",
            False,
        ),
        (
            json.dumps({"Statement": {"Effect": "Allow", "NotAction": "Update:Delete", "Principal": "*", "Resource": "*"}}),
            "Update:Modify",
            True,
        ),
        (statement(Condition={"StringLike": {"ResourceType": ["AWS::EC2::*"]}}), "Update:Modify", True),
        (statement(Condition={"StringEquals": {"ResourceType": ["AWS::S3::Bucket"]}}), "Update:Modify", False),
        (
            json.dumps(
                {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "NotResource": "LogicalResourceId/Address"}]}
            ),
            "Update:Modify",
            False,
        ),
    ],
)
def test_stack_policy_evaluation(policy: str, action: str, *, allowed: bool) -> None:
    stack_policy.check(policy)
    assert (stack_policy.denial(policy, action, "Address", "AWS::EC2::EIP") is None) is allowed


def balancer(scheme: str, subnet: str, allocation: str, *, protect: str = "false") -> dict[str, Any]:
    properties = {
        "Type": "network",
        "Scheme": scheme,
        "SubnetMappings": [{"SubnetId": subnet, "AllocationId": allocation}],
        "LoadBalancerAttributes": [{"Key": "deletion_protection.enabled", "Value": protect}],
    }
    return {"Resources": {"Balancer": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": properties}}}


@pytest.fixture
def placed(cloud: Any) -> tuple[str, str]:
    cloud.create("fixed", ADDRESSES)
    cloud.create("network", NETWORK)
    return cloud.outputs("network")["SubnetA"], cloud.outputs("fixed")["AddressA"]


def test_a_load_balancer_with_fixed_addresses_cannot_be_replaced(cloud: Any, placed: tuple[str, str]) -> None:
    assert cloud.create("front", balancer("internet-facing", *placed))["StackStatus"] == "CREATE_COMPLETE"
    before = cloud.ids("front")
    renamed = balancer("internet-facing", *placed)
    renamed["Resources"]["Balancer"]["Properties"]["Name"] = "other"
    assert cloud.update("front", renamed)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any("The allocation IDs are not available for use" in line for line in cloud.reasons("front"))
    assert cloud.ids("front") == before


def test_a_held_address_is_not_released(cloud: Any, placed: tuple[str, str]) -> None:
    cloud.create("front", balancer("internet-facing", *placed))
    with pytest.raises(ClientError, match=r"InvalidIPAddress\.InUse"):
        cloud.client("ec2").release_address(AllocationId=placed[1])


def test_a_protected_load_balancer_is_not_deleted(cloud: Any, placed: tuple[str, str]) -> None:
    cloud.create("front", balancer("internet-facing", *placed, protect="true"))
    assert cloud.delete("front")["StackStatus"] == "DELETE_FAILED"
    assert any("deletion protection is enabled" in line for line in cloud.reasons(cloud.stack("front")["StackId"]))


def test_an_existing_address_is_imported(cloud: Any) -> None:
    address = cloud.client("ec2").allocate_address(Domain="vpc")
    one = {"Resources": {"AddressA": ADDRESSES["Resources"]["AddressA"]}}
    whole = {**one, "Outputs": {"AddressA": ADDRESSES["Outputs"]["AddressA"]}}
    identifier = {"PublicIp": address["PublicIp"], "AllocationId": address["AllocationId"]}
    request = {
        "StackName": "fixed",
        "ChangeSetName": "import",
        "ChangeSetType": "IMPORT",
        "ResourcesToImport": [{"ResourceType": "AWS::EC2::EIP", "LogicalResourceId": "AddressA", "ResourceIdentifier": identifier}],
    }
    with pytest.raises(ClientError, match=r"you cannot modify or add \[Outputs\]"):
        cloud.cfn.create_change_set(TemplateBody=json.dumps(whole), **request)
    cloud.cfn.create_change_set(TemplateBody=json.dumps(one), **request)
    cloud.cfn.get_waiter("change_set_create_complete").wait(StackName="fixed", ChangeSetName="import", WaiterConfig={"Delay": 1})
    cloud.cfn.execute_change_set(StackName="fixed", ChangeSetName="import")
    assert cloud.settled("fixed")["StackStatus"] == "IMPORT_COMPLETE"
    cloud.update("fixed", whole)
    assert cloud.outputs("fixed") == {"AddressA": address["AllocationId"]}
    assert held(cloud) == [address["PublicIp"]]


def test_an_import_of_what_is_not_there_leaves_nothing_behind(cloud: Any) -> None:
    group = {"Type": "AWS::Logs::LogGroup", "DeletionPolicy": "Retain", "Properties": {"LogGroupName": "/no/such"}}
    wanted = {"ResourceType": "AWS::Logs::LogGroup", "LogicalResourceId": "Logs", "ResourceIdentifier": {"LogGroupName": "/no/such"}}
    cloud.cfn.create_change_set(
        StackName="logs",
        ChangeSetName="import",
        ChangeSetType="IMPORT",
        TemplateBody=json.dumps({"Resources": {"Logs": group}}),
        ResourcesToImport=[wanted],
    )
    cloud.cfn.execute_change_set(StackName="logs", ChangeSetName="import")
    assert cloud.settled("logs")["StackStatus"] == "IMPORT_ROLLBACK_COMPLETE"
    assert any(line.startswith("Logs IMPORT_FAILED Resource of type") for line in cloud.reasons("logs"))
    assert cloud.ids("logs") == {}


def test_a_new_policy_holds_from_the_next_update_on(cloud: Any) -> None:
    """One commit cannot lift the policy and use that at once."""
    cloud.create("fixed", ADDRESSES, StackPolicyBody=json.dumps(KEEP))
    open_policy = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    smaller = copy.deepcopy(ADDRESSES)
    del smaller["Resources"]["AddressC"], smaller["Outputs"]["AddressC"]
    assert cloud.update("fixed", smaller, StackPolicyBody=json.dumps(open_policy))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert json.loads(cloud.cfn.get_stack_policy(StackName="fixed")["StackPolicyBody"]) == KEEP
    tagged = [{"Key": "team", "Value": "edge"}]
    cloud.update("fixed", ADDRESSES, StackPolicyBody=json.dumps(open_policy), Tags=tagged)
    assert cloud.update("fixed", smaller)["StackStatus"] == "UPDATE_COMPLETE"
