"""Resource types whose success is more than an answer: services that must settle, buckets and repositories that hold something."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.local.cloudformation import workers

pytestmark = pytest.mark.local

SERVICE: dict[str, Any] = {
    "Parameters": {"Image": {"Type": "String", "Default": "good"}},
    "Resources": {
        "Cluster": {"Type": "AWS::ECS::Cluster", "Properties": {"ClusterName": "kotei"}},
        "Task": {
            "Type": "AWS::ECS::TaskDefinition",
            "Properties": {
                "Family": "proxy",
                "Cpu": "256",
                "Memory": "512",
                "NetworkMode": "awsvpc",
                "RequiresCompatibilities": ["FARGATE"],
                "ContainerDefinitions": [{"Name": "proxy", "Image": {"Ref": "Image"}}],
            },
        },
        "Service": {
            "Type": "AWS::ECS::Service",
            "Properties": {"ServiceName": "proxy", "Cluster": {"Ref": "Cluster"}, "TaskDefinition": {"Ref": "Task"}, "DesiredCount": 1},
        },
    },
    "Outputs": {"Task": {"Value": {"Ref": "Task"}}},
}


def test_a_service_is_created_when_its_deployment_is(cloud: Any, rollout: Callable[[str, str], None]) -> None:
    cloud.cfn.create_stack(StackName="s", TemplateBody=json.dumps(SERVICE))
    cloud.until(lambda: "Service CREATE_IN_PROGRESS Resource creation Initiated" in cloud.reasons("s"), lambda: cloud.reasons("s"))
    assert cloud.stack("s")["StackStatus"] == "CREATE_IN_PROGRESS"
    rollout("good", "COMPLETED")
    assert cloud.settled("s")["StackStatus"] == "CREATE_COMPLETE"


def test_a_failed_deployment_brings_the_former_task_back(cloud: Any, rollout: Callable[[str, str], None]) -> None:
    rollout("good", "COMPLETED")
    rollout("bad", "FAILED")
    cloud.create("s", SERVICE)
    before = cloud.outputs("s")["Task"]
    assert (
        cloud.update("s", SERVICE, Parameters=[{"ParameterKey": "Image", "ParameterValue": "bad"}])["StackStatus"]
        == "UPDATE_ROLLBACK_COMPLETE"
    )
    assert cloud.outputs("s")["Task"] == before
    service = cloud.client("ecs").describe_services(cluster="kotei", services=["proxy"])["services"][0]
    assert service["taskDefinition"] == before
    assert any(line.startswith("Service UPDATE_FAILED") and "bad was tried" in line for line in cloud.reasons("s"))
    # The parameter went back, too: the same update is a change again.
    assert cloud.stack("s")["Parameters"] == [{"ParameterKey": "Image", "ParameterValue": "good"}]
    with pytest.raises(ClientError, match="No updates are to be performed"):
        cloud.update("s", SERVICE)


def test_a_stack_at_work_refuses_another_operation(cloud: Any, rollout: Callable[[str, str], None]) -> None:
    rollout("good", "COMPLETED")
    cloud.create("s", SERVICE)
    slow = [{"ParameterKey": "Image", "ParameterValue": "slow"}]
    cloud.cfn.update_stack(StackName="s", TemplateBody=json.dumps(SERVICE), Parameters=slow)
    for refused in (cloud.cfn.update_stack, cloud.cfn.create_stack):
        with pytest.raises(ClientError, match=r"UPDATE_IN_PROGRESS|already exists"):
            refused(StackName="s", TemplateBody=json.dumps(SERVICE))
    with pytest.raises(ClientError, match="UPDATE_IN_PROGRESS"):
        cloud.cfn.delete_stack(StackName="s")
    rollout("slow", "COMPLETED")
    assert cloud.settled("s")["StackStatus"] == "UPDATE_COMPLETE"


def test_an_engine_that_stopped_rolls_back_when_it_starts(
    cloud: Any, resume: Callable[[Any], None], rollout: Callable[[str, str], None]
) -> None:
    rollout("good", "COMPLETED")
    cloud.create("s", SERVICE)
    before = cloud.outputs("s")["Task"]
    cloud.cfn.update_stack(
        StackName="s", TemplateBody=json.dumps(SERVICE), Parameters=[{"ParameterKey": "Image", "ParameterValue": "slow"}]
    )
    cloud.until(lambda: "Service UPDATE_IN_PROGRESS" in cloud.reasons("s"), lambda: cloud.reasons("s"))
    cloud.world.closing.set()
    workers.wait()
    assert cloud.stack("s")["StackStatus"] == "UPDATE_IN_PROGRESS"
    cloud.world.closing.clear()
    resume(cloud.world)
    assert cloud.settled("s")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.client("ecs").describe_services(cluster="kotei", services=["proxy"])["services"][0]["taskDefinition"] == before
    assert any("the local engine stopped during this operation; rolling back" in line for line in cloud.reasons("s"))


def test_a_creation_that_was_interrupted_is_taken_away(
    cloud: Any, resume: Callable[[Any], None], rollout: Callable[[str, str], None]
) -> None:
    cloud.cfn.create_stack(StackName="s", TemplateBody=json.dumps(SERVICE))
    cloud.until(lambda: "Service CREATE_IN_PROGRESS Resource creation Initiated" in cloud.reasons("s"), lambda: cloud.reasons("s"))
    cloud.world.closing.set()
    workers.wait()
    cloud.world.closing.clear()
    resume(cloud.world)
    assert cloud.settled("s")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert cloud.ids("s") == {}
    # Nothing is in the way of the next try.
    cloud.delete("s")
    rollout("good", "COMPLETED")
    assert cloud.create("s", SERVICE)["StackStatus"] == "CREATE_COMPLETE"


def test_what_is_not_empty_is_not_deleted(cloud: Any) -> None:
    document = {
        "Resources": {
            "Images": {"Type": "AWS::ECR::Repository", "Properties": {"RepositoryName": "proxy"}},
            "Store": {"Type": "AWS::S3::Bucket"},
        }
    }
    cloud.create("s", document)
    bucket = cloud.ids("s")["Store"]
    cloud.client("s3").put_object(Bucket=bucket, Key="k", Body=b"v")
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"digest": "sha256:" + "0" * 64, "size": 1},
        "layers": [],
    }
    cloud.client("ecr").put_image(repositoryName="proxy", imageManifest=json.dumps(manifest), imageTag="one")
    identity = cloud.stack("s")["StackId"]
    stack = cloud.delete("s")
    assert stack["StackStatus"] == "DELETE_FAILED"
    told = cloud.reasons(identity)
    assert any(line.startswith("Store DELETE_FAILED") and "not empty" in line for line in told)
    assert any(line.startswith("Images DELETE_FAILED") and "RepositoryNotEmpty" in line for line in told)
    cloud.cfn.delete_stack(StackName="s", RetainResources=["Store", "Images"])
    assert cloud.settled(identity)["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.client("s3").list_buckets()["Buckets"][0]["Name"] == bucket


def test_capabilities_are_asked_for(cloud: Any) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    role: dict[str, Any] = {"Resources": {"Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust}}}}
    with pytest.raises(ClientError, match=r"InsufficientCapabilities.*\[CAPABILITY_IAM\]"):
        cloud.create("s", role)
    named = copy.deepcopy(role)
    named["Resources"]["Role"]["Properties"]["RoleName"] = "task"
    with pytest.raises(ClientError, match=r"\[CAPABILITY_NAMED_IAM\]"):
        cloud.create("s", named, Capabilities=["CAPABILITY_IAM"])
    assert cloud.create("s", named, Capabilities=["CAPABILITY_NAMED_IAM"])["StackStatus"] == "CREATE_COMPLETE"
    assert cloud.client("iam").get_role(RoleName="task")["Role"]["Arn"] == "arn:aws:iam::111122223333:role/task"


def test_an_unknown_type_or_property_fails_by_name(cloud: Any) -> None:
    cloud.create("one", {"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
    assert any(line.startswith("Queue CREATE_FAILED") and "no handler for AWS::SQS::Queue" in line for line in cloud.reasons("one"))
    cloud.create("two", {"Resources": {"Address": {"Type": "AWS::EC2::EIP", "Properties": {"InstanceId": "i-1"}}}})
    assert any("does not handle AWS::EC2::EIP.InstanceId" in line for line in cloud.reasons("two"))
    cloud.create("three", {"Resources": {"Address": {"Type": "AWS::EC2::EIP", "Properties": {"Colour": "red"}}}})
    assert any("AWS::EC2::EIP has no property Colour" in line for line in cloud.reasons("three"))


def test_a_secret_parameter_is_not_shown(cloud: Any) -> None:
    document = {
        "Parameters": {"Token": {"Type": "String", "NoEcho": True}},
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "Token"}}}},
    }
    stack = cloud.create("s", document, Parameters=[{"ParameterKey": "Token", "ParameterValue": "hush"}])
    assert stack["Parameters"] == [{"ParameterKey": "Token", "ParameterValue": "****"}]
    topic = cloud.client("sns").get_topic_attributes(TopicArn=cloud.ids("s")["Topic"])["Attributes"]
    assert topic["DisplayName"] == "hush"


def test_a_template_from_a_bucket_may_be_large(cloud: Any) -> None:
    large = json.dumps({"Description": "x" * 60_000, "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}})
    with pytest.raises(ClientError, match="51200"):
        cloud.cfn.create_stack(StackName="s", TemplateBody=large)
    cloud.client("s3").create_bucket(Bucket="templates", CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
    cloud.client("s3").put_object(Bucket="templates", Key="a b.json", Body=large.encode())
    cloud.cfn.create_stack(StackName="s", TemplateURL="https://templates.s3.ap-northeast-1.amazonaws.com/a%20b.json")
    assert cloud.settled("s")["StackStatus"] == "CREATE_COMPLETE"


def test_an_unknown_operation_or_parameter_is_named(cloud: Any) -> None:
    with pytest.raises(ClientError, match="DetectStackSetDrift"):
        cloud.cfn.detect_stack_set_drift(StackSetName="s")
    with pytest.raises(ClientError, match="RollbackConfiguration"):
        cloud.cfn.create_stack(StackName="s", TemplateBody="{}", RollbackConfiguration={"MonitoringTimeInMinutes": 5})
