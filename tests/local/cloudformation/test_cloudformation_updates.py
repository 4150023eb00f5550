"""Updates: in place, replacement, removal, and the way back."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.local


def template(**groups: dict[str, Any]) -> dict[str, Any]:
    """A VPC with security groups, each written as its properties (and resource attributes in lower case)."""
    resources: dict[str, Any] = {"Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.20.0.0/16"}}}
    for name, given in groups.items():
        attributes = {key: value for key, value in given.items() if key in {"DeletionPolicy", "UpdateReplacePolicy"}}
        properties = {"GroupDescription": "first", "VpcId": {"Ref": "Vpc"}, **{k: v for k, v in given.items() if k not in attributes}}
        resources[name] = {"Type": "AWS::EC2::SecurityGroup", "Properties": properties, **attributes}
    return {"Resources": resources, "Outputs": {name: {"Value": {"Ref": name}} for name in groups}}


def rule(port: int, cidr: str = "10.0.0.0/8") -> dict[str, Any]:
    return {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": cidr}


def ports(cloud: Any, group: str) -> list[int]:
    found = cloud.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]
    return sorted(permission["FromPort"] for permission in found["IpPermissions"])


def groups(cloud: Any) -> set[str]:
    found = cloud.client("ec2").describe_security_groups()["SecurityGroups"]
    return {group["GroupId"] for group in found if group["GroupName"] != "default"}


def test_a_changed_rule_is_changed_in_place(cloud: Any) -> None:
    cloud.create("s", template(Front={"SecurityGroupIngress": [rule(80), rule(443)]}))
    before = cloud.outputs("s")
    assert cloud.update("s", template(Front={"SecurityGroupIngress": [rule(443), rule(8443)]}))["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.outputs("s") == before
    assert ports(cloud, before["Front"]) == [443, 8443]


def test_a_create_only_property_replaces_and_dependents_follow(cloud: Any) -> None:
    first = template(Front={}, Task={"SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80}]})
    first["Resources"]["Task"]["Properties"]["SecurityGroupIngress"][0]["SourceSecurityGroupId"] = {"Ref": "Front"}
    cloud.create("s", first)
    before = cloud.outputs("s")
    second = copy.deepcopy(first)
    second["Resources"]["Front"]["Properties"]["GroupDescription"] = "second"
    assert cloud.update("s", second)["StackStatus"] == "UPDATE_COMPLETE"
    after = cloud.outputs("s")
    assert after["Front"] != before["Front"]
    assert after["Task"] == before["Task"]
    task = cloud.client("ec2").describe_security_groups(GroupIds=[after["Task"]])["SecurityGroups"][0]
    assert [pair["GroupId"] for pair in task["IpPermissions"][0]["UserIdGroupPairs"]] == [after["Front"]]
    assert groups(cloud) == set(after.values())
    told = cloud.reasons("s")
    made = next(i for i, line in enumerate(told) if line.startswith("Front UPDATE_COMPLETE"))
    assert told.index("Front DELETE_COMPLETE") > told.index("Task UPDATE_COMPLETE") > made


def test_replacement_with_retain_keeps_the_former_resource(cloud: Any) -> None:
    cloud.create("s", template(Front={"UpdateReplacePolicy": "Retain"}))
    before = cloud.outputs("s")["Front"]
    cloud.update("s", template(Front={"UpdateReplacePolicy": "Retain", "GroupDescription": "second"}))
    assert groups(cloud) == {before, cloud.outputs("s")["Front"]}
    assert "Front DELETE_SKIPPED" in cloud.reasons("s")


@pytest.mark.parametrize(("policy", "kept"), [("Delete", False), ("Retain", True), ("RetainExceptOnCreate", True)])
def test_a_removed_resource_goes_unless_retained(cloud: Any, policy: str, *, kept: bool) -> None:
    cloud.create("s", template(Front={}, Spare={"DeletionPolicy": policy}))
    spare = cloud.outputs("s")["Spare"]
    assert cloud.update("s", template(Front={}))["StackStatus"] == "UPDATE_COMPLETE"
    assert (spare in groups(cloud)) is kept
    assert "Spare" not in cloud.ids("s")


def test_what_is_removed_goes_before_what_it_stands_on(cloud: Any) -> None:
    """Also where a replaced resource is what it stood on."""
    peer = {"SecurityGroupIngress": [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "SourceSecurityGroupId": {"Ref": "Alpha"}}]}
    cloud.create("s", template(Front={}, Alpha={}, Beta=peer))
    cloud.update("s", template(Front={}))
    assert len(groups(cloud)) == 1
    cloud.create("t", template(Alpha={}, Beta=peer))
    cloud.update("t", template(Alpha={"GroupDescription": "second"}))
    assert len(groups(cloud)) == 2


def test_a_failed_update_puts_everything_back(cloud: Any) -> None:
    cloud.create("s", template(Alpha={"SecurityGroupIngress": [rule(80)]}, Beta={}))
    before, all_before = cloud.outputs("s"), groups(cloud)
    broken = template(
        Alpha={"SecurityGroupIngress": [rule(443)]},
        Beta={"GroupDescription": "second"},
        Gamma={},
        Omega={"SecurityGroupIngress": [rule(22, "nonsense")]},
    )
    assert cloud.update("s", broken)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.outputs("s") == before
    assert groups(cloud) == all_before
    assert ports(cloud, before["Alpha"]) == [80]
    assert sorted(cloud.ids("s")) == ["Alpha", "Beta", "Vpc"]
    assert "GroupDescription" in cloud.cfn.get_template(StackName="s")["TemplateBody"]["Resources"]["Beta"]["Properties"]
    assert any(line.startswith("Omega CREATE_FAILED") and "nonsense" in line for line in cloud.reasons("s"))
    # And the stack is as usable as before.
    assert cloud.update("s", template(Alpha={"SecurityGroupIngress": [rule(8080)]}, Beta={}))["StackStatus"] == "UPDATE_COMPLETE"
    assert ports(cloud, before["Alpha"]) == [8080]


def test_a_failed_create_removes_what_it_made(cloud: Any) -> None:
    broken = template(Front={"DeletionPolicy": "RetainExceptOnCreate"}, Kept={"DeletionPolicy": "Retain"})
    broken["Resources"]["Omega"] = {"Type": "AWS::EC2::Subnet", "Properties": {"VpcId": {"Ref": "Front"}, "CidrBlock": "10.20.0.0/24"}}
    stack = cloud.create("s", broken)
    assert stack["StackStatus"] == "ROLLBACK_FAILED"  # the VPC cannot go while the retained group is in it, as in AWS
    assert len(groups(cloud)) == 1
    assert "The following resource(s) failed to delete: [Vpc]." in stack["StackStatusReason"]


def test_a_rolled_back_creation_can_only_be_deleted(cloud: Any) -> None:
    broken = template(Front={"SecurityGroupIngress": [rule(1, "nonsense")]})
    assert cloud.create("s", broken)["StackStatus"] == "ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        cloud.update("s", template(Front={}))
    assert cloud.delete("s")["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.create("s", template(Front={}))["StackStatus"] == "CREATE_COMPLETE"


def test_what_is_half_made_is_removed_too(cloud: Any) -> None:
    """The group exists before its rules are refused."""
    cloud.create("s", template(Front={"SecurityGroupIngress": [rule(1, "nonsense")]}))
    assert groups(cloud) == set()


def test_the_same_template_again_is_no_update(cloud: Any) -> None:
    cloud.create("s", template(Front={}))
    with pytest.raises(ClientError, match="No updates are to be performed"):
        cloud.update("s", template(Front={}))
    # A DeletionPolicy alone is none either, a tag of the stack is one.
    with pytest.raises(ClientError, match="No updates are to be performed"):
        cloud.update("s", template(Front={"DeletionPolicy": "Retain"}))
    assert cloud.update("s", template(Front={}), Tags=[{"Key": "a", "Value": "b"}])["StackStatus"] == "UPDATE_COMPLETE"
    vpc = cloud.client("ec2").describe_vpcs(VpcIds=[cloud.ids("s")["Vpc"]])["Vpcs"][0]
    assert {"Key": "a", "Value": "b"} in vpc["Tags"]


def test_a_custom_name_cannot_be_replaced(cloud: Any) -> None:
    def repository(encryption: str) -> dict[str, Any]:
        properties = {"RepositoryName": "proxy", "EncryptionConfiguration": {"EncryptionType": encryption}}
        return {"Resources": {"Images": {"Type": "AWS::ECR::Repository", "Properties": properties}}}

    cloud.create("s", repository("AES256"))
    assert cloud.update("s", repository("KMS"))["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert any("custom-named resource requires replacing" in line for line in cloud.reasons("s"))


def test_a_type_change_is_refused_at_once(cloud: Any) -> None:
    cloud.create("s", template(Front={}))
    other = template(Front={})
    other["Resources"]["Front"] = {"Type": "AWS::EC2::InternetGateway"}
    with pytest.raises(ClientError, match=r"Update of resource type is not permitted.*\[Front\]"):
        cloud.update("s", other)


def test_rollback_that_cannot_succeed_is_continued_by_skipping(cloud: Any) -> None:
    cloud.create("s", template(Alpha={"SecurityGroupIngress": [rule(80)]}))
    broken = template(Alpha={"SecurityGroupIngress": [rule(443)]}, Omega={"SecurityGroupIngress": [rule(22, "nonsense")]})
    cloud.cfn.update_stack(StackName="s", TemplateBody=json.dumps(broken), DisableRollback=True)
    assert cloud.settled("s")["StackStatus"] == "UPDATE_FAILED"
    cloud.client("ec2").delete_security_group(GroupId=cloud.ids("s")["Alpha"])
    cloud.cfn.rollback_stack(StackName="s")
    assert cloud.settled("s")["StackStatus"] == "UPDATE_ROLLBACK_FAILED"
    cloud.cfn.continue_update_rollback(StackName="s", ResourcesToSkip=["Alpha"])
    assert cloud.settled("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"


def test_a_saved_query_is_made_changed_and_deleted(cloud: Any) -> None:
    def template(**query: Any) -> dict[str, Any]:
        properties = {"Name": "requests", "QueryString": "fields @message", "LogGroupNames": ["/a"], **query}
        saved = {"Type": "AWS::Logs::QueryDefinition", "Properties": {key: value for key, value in properties.items() if value}}
        return {"Resources": {"Query": saved}, "Outputs": {"Id": {"Value": {"Fn::GetAtt": ["Query", "QueryDefinitionId"]}}}}

    def shown() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = cloud.client("logs").describe_query_definitions(queryDefinitionNamePrefix="req")["queryDefinitions"]
        return [{key: value for key, value in query.items() if key != "lastModified"} for query in found]

    cloud.create("queries", template())
    query = {
        "queryDefinitionId": cloud.outputs("queries")["Id"],
        "queryLanguage": "CWLI",
        "name": "requests",
        "queryString": "fields @message",
    }
    assert shown() == [{**query, "logGroupNames": ["/a"]}]
    cloud.update("queries", template(QueryString="fields @timestamp", LogGroupNames=None))
    assert shown() == [{**query, "queryString": "fields @timestamp", "logGroupNames": []}], "what an update leaves out is gone"
    cloud.update("queries", template(Name="answers"))
    assert shown() == []
    assert cloud.delete("queries")["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.client("logs").describe_query_definitions()["queryDefinitions"] == []
