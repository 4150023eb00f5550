"""Change sets: what they say, and that executing one does exactly that."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.local


def template(cidr: str = "10.20.0.0/16", *, extra: bool = False, note: str = "one") -> dict[str, Any]:
    resources: dict[str, Any] = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": cidr, "Tags": [{"Key": "note", "Value": note}]}},
        "Front": {"Type": "AWS::EC2::SecurityGroup", "Properties": {"GroupDescription": "front", "VpcId": {"Ref": "Vpc"}}},
    }
    if extra:
        resources["Gateway"] = {"Type": "AWS::EC2::InternetGateway"}
    return {"Resources": resources, "Outputs": {"VpcId": {"Value": {"Ref": "Vpc"}}}}


def propose(cloud: Any, document: dict[str, Any], kind: str = "UPDATE", name: str = "next") -> dict[str, Any]:
    cloud.cfn.create_change_set(StackName="s", ChangeSetName=name, ChangeSetType=kind, TemplateBody=json.dumps(document))
    answer: dict[str, Any] = cloud.cfn.describe_change_set(StackName="s", ChangeSetName=name)
    return answer


def rows(answer: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    changes = [change["ResourceChange"] for change in answer["Changes"]]
    return {change["LogicalResourceId"]: (change["Action"], change.get("Replacement")) for change in changes}


def test_a_new_stack_by_change_set_has_outputs(cloud: Any) -> None:
    answer = propose(cloud, template(), "CREATE")
    assert cloud.stack("s")["StackStatus"] == "REVIEW_IN_PROGRESS"
    assert rows(answer) == {"Vpc": ("Add", None), "Front": ("Add", None)}
    cloud.cfn.execute_change_set(StackName="s", ChangeSetName="next")
    cloud.cfn.get_waiter("stack_create_complete").wait(StackName="s", WaiterConfig={"Delay": 1})
    assert cloud.outputs("s")["VpcId"].startswith("vpc-")


def test_it_tells_replacement_from_change_and_names_what_follows(cloud: Any) -> None:
    cloud.create("s", template(extra=True))
    answer = propose(cloud, template("10.30.0.0/16"))
    assert rows(answer) == {"Vpc": ("Modify", "True"), "Front": ("Modify", "True"), "Gateway": ("Remove", None)}
    front = next(one["ResourceChange"] for one in answer["Changes"] if one["ResourceChange"]["LogicalResourceId"] == "Front")
    assert front["Details"][0]["Evaluation"] == "Dynamic"
    assert rows(propose(cloud, template(note="two", extra=True), name="tags")) == {"Vpc": ("Modify", "False")}


def test_executing_does_what_it_said(cloud: Any) -> None:
    cloud.create("s", template(extra=True))
    propose(cloud, template("10.30.0.0/16"))
    propose(cloud, template(note="two"), name="other")
    before = cloud.ids("s")
    cloud.cfn.execute_change_set(StackName="s", ChangeSetName="next")
    assert cloud.settled("s")["StackStatus"] == "UPDATE_COMPLETE"
    after = cloud.ids("s")
    assert set(after) == {"Vpc", "Front"}
    assert all(after[name] != before[name] for name in after)
    # The other one was worked out against what no longer holds.
    with pytest.raises(ClientError, match="ChangeSetNotFound"):
        cloud.cfn.execute_change_set(StackName="s", ChangeSetName="other")


def test_no_changes_is_a_failed_change_set(cloud: Any) -> None:
    cloud.create("s", template())
    answer = propose(cloud, template())
    assert (answer["Status"], answer["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in answer["StatusReason"]
    with pytest.raises(ClientError, match="InvalidChangeSetStatus"):
        cloud.cfn.execute_change_set(StackName="s", ChangeSetName="next")


def test_outputs_alone_are_a_change(cloud: Any) -> None:
    cloud.create("s", template())
    other = template()
    other["Outputs"]["Cidr"] = {"Value": {"Fn::GetAtt": ["Vpc", "CidrBlock"]}}
    assert propose(cloud, other)["Status"] == "CREATE_COMPLETE"
    cloud.cfn.execute_change_set(StackName="s", ChangeSetName="next")
    cloud.settled("s")
    assert cloud.outputs("s")["Cidr"] == "10.20.0.0/16"


def test_deleting_one_that_is_not_there_succeeds(cloud: Any) -> None:
    cloud.create("s", template())
    cloud.cfn.delete_change_set(StackName="s", ChangeSetName="never")
    propose(cloud, template(note="two"))
    cloud.cfn.delete_change_set(StackName="s", ChangeSetName="next")
    assert cloud.cfn.list_change_sets(StackName="s")["Summaries"] == []
