"""What a role lacks fails here as it would in AWS: builds, the pipeline's actions, CloudFormation, one role taking on another."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.local import connections
from pipeline.local.iam import attached, sessions
from pipeline.local.protocol import AwsError

pytestmark = pytest.mark.local

ACCOUNT, REGION = "111122223333", "ap-northeast-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
BUCKET = "arn:aws:s3:::artifacts"


def allow(actions: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions.split(), "Resource": resource, **more}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str = "codepipeline", **condition: Any) -> str:
    more = {"Condition": condition} if condition else {}
    return document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": f"{service}.amazonaws.com"}, **more})


def session(engine: Any, name: str, *statements: dict[str, Any]) -> sessions.Session:
    iam = engine.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust())
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
    return sessions.of_service(engine.world, f"{ROLE}/{name}", "codepipeline.amazonaws.com", "s")


CALLS = [
    ("cloudformation", "describe_stacks", {"StackName": "x"}, "AccessDenied", f"cloudformation:{REGION}:{ACCOUNT}:stack/x/*"),
    ("ecr", "describe_images", {"repositoryName": "xx"}, "AccessDeniedException", f"ecr:{REGION}:{ACCOUNT}:repository/xx"),
    ("s3", "put_object", {"Bucket": "artifacts", "Key": "a", "Body": b""}, "AccessDenied", "s3:::artifacts/a"),
    (
        "sns",
        "publish",
        {"TopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:t", "Message": "m"},
        "AuthorizationError",
        f"sns:{REGION}:{ACCOUNT}:t",
    ),
    ("elbv2", "describe_target_health", {"TargetGroupArn": "arn:x"}, "AccessDenied", ""),
    ("cloudwatch", "describe_alarms", {"AlarmNames": ["x"]}, "AccessDenied", f"cloudwatch:{REGION}:{ACCOUNT}:alarm:x"),
    ("ec2", "describe_addresses", {}, "UnauthorizedOperation", ""),
    ("sts", "assume_role", {"RoleArn": f"{ROLE}/other", "RoleSessionName": "xx"}, "AccessDenied", f"iam::{ACCOUNT}:role/other"),
]


@pytest.mark.parametrize(("service", "operation", "parameters", "code", "resource"), CALLS)
def test_a_role_without_the_permission_is_refused_in_every_protocol(  # noqa: PLR0917 - the columns of the table
    engine: Any, service: str, operation: str, parameters: dict[str, Any], code: str, resource: str
) -> None:
    client = sessions.client(engine.world, session(engine, "reader"), service)
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)(**parameters)
    error = refused.value.response["Error"]
    assert error["Code"].startswith(code)
    assert f"User: arn:aws:sts::{ACCOUNT}:assumed-role/reader/s is not authorized to perform: " in error["Message"]
    assert f"on resource: {'arn:aws:' + resource if resource else '*'} because" in error["Message"]


def test_a_role_with_the_permission_is_answered_and_a_person_is_not_asked(engine: Any) -> None:
    engine.client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION})
    role = session(engine, "writer", allow("s3:PutObject", f"{BUCKET}/plans/*"))
    client = sessions.client(engine.world, role, "s3")
    client.put_object(Bucket="artifacts", Key="plans/a", Body=b"")
    with pytest.raises(ClientError, match="s3:PutObject on resource: arn:aws:s3:::artifacts/b"):
        client.put_object(Bucket="artifacts", Key="b", Body=b"")
    assert engine.client("s3").get_object(Bucket="artifacts", Key="plans/a")["Body"].read() == b""


def test_who_encrypts_with_a_key_must_be_allowed_to_use_it(engine: Any) -> None:
    key = engine.client("kms").create_key()["KeyMetadata"]["Arn"]
    s3 = engine.client("s3")
    s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION})
    default = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket="artifacts", ServerSideEncryptionConfiguration={"Rules": [default]})
    assert attached.bucket_key("artifacts") == key
    role = session(engine, "writer", allow("s3:PutObject", f"{BUCKET}/*"))
    with pytest.raises(ClientError, match=f"kms:GenerateDataKey on resource: {key}"):
        sessions.client(engine.world, role, "s3").put_object(Bucket="artifacts", Key="a", Body=b"")


def test_a_boundary_bounds_a_role_here_too(engine: Any) -> None:
    iam = engine.client("iam")
    boundary = iam.create_policy(PolicyName="b", PolicyDocument=document(allow("s3:GetObject")))["Policy"]["Arn"]
    role = session(engine, "bounded", allow("sns:Publish"))
    iam.put_role_permissions_boundary(RoleName="bounded", PermissionsBoundary=boundary)
    with pytest.raises(ClientError, match="no permissions boundary allows the sns:Publish action"):
        sessions.client(engine.world, role, "sns").publish(TopicArn=f"arn:aws:sns:{REGION}:{ACCOUNT}:t", Message="m")


def test_an_operation_of_which_nobody_has_said_what_it_needs_is_refused_by_name(engine: Any) -> None:
    role = session(engine, "anything", allow("s3:* codepipeline:*"))
    with pytest.raises(ClientError, match="does not know what codepipeline:DeleteWebhook needs"):
        sessions.client(engine.world, role, "codepipeline").delete_webhook(name="x")


def test_a_service_takes_on_only_a_role_that_trusts_it(engine: Any) -> None:
    engine.client("iam").create_role(
        RoleName="plan",
        AssumeRolePolicyDocument=trust("codebuild", ArnLike={"aws:SourceArn": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/plan"}),
    )

    def taken(service: str, project: str) -> bool:
        context = {"aws:sourcearn": f"arn:aws:codebuild:{REGION}:{ACCOUNT}:project/{project}"}
        try:
            sessions.of_service(engine.world, f"{ROLE}/plan", f"{service}.amazonaws.com", "s", context)
        except AwsError:
            return False
        return True

    assert taken("codebuild", "plan")
    assert not taken("codebuild", "image")
    assert not taken("codepipeline", "plan")
    with pytest.raises(AwsError, match="there is no such role"):
        sessions.of_service(engine.world, f"{ROLE}/nobody", "codebuild.amazonaws.com", "s")


def test_a_role_takes_on_another_only_where_both_say_so(engine: Any) -> None:
    iam = engine.client(
        "iam",
    )
    by = session(engine, "plan", allow("sts:AssumeRole", f"{ROLE}/read"))
    named = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    for name, pattern in (("read", "plan*"), ("other", "plan*"), ("closed", "image*")):
        condition = {"ArnLike": {"aws:PrincipalArn": f"{ROLE}/{pattern}"}}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document({**named, "Condition": condition}))
    assert sessions.of_role(engine.world, by, f"{ROLE}/read", "s").arn.endswith("assumed-role/read/s")
    for refused in ("other", "closed"):
        with pytest.raises(AwsError, match="is not authorized to perform: sts:AssumeRole"):
            sessions.of_role(engine.world, by, f"{ROLE}/{refused}", "s")


PIPELINE = {
    "connect": allow("codeconnections:UseConnection codestar-connections:UseConnection"),
    "find": allow("s3:GetBucketVersioning s3:GetBucketAcl s3:GetBucketLocation", BUCKET),
    "move": allow("s3:GetObject s3:GetObjectVersion s3:PutObject s3:PutObjectAcl", f"{BUCKET}/*"),
    "build": allow("codebuild:StartBuild codebuild:BatchGetBuilds"),
}
BUILD = {
    "log": allow("logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents"),
    "source": allow("s3:GetObject s3:GetObjectVersion", f"{BUCKET}/*"),
}
LACKS = [
    (None, "Succeeded", ""),
    ("connect", "Source", "codeconnections:UseConnection"),
    ("find", "Source", "s3:GetBucketVersioning"),
    ("move", "Source", "s3:PutObjectAcl"),
    ("build", "Image", "codebuild:StartBuild"),
    ("log", "Image", "logs:CreateLogStream"),
    ("source", "Image", "s3:GetObjectVersion"),
]


@pytest.mark.parametrize(("without", "stage", "action"), LACKS)
def test_a_run_fails_where_a_permission_is_missing(engine: Any, checkout: Any, without: str | None, stage: str, action: str) -> None:
    iam = engine.client("iam")
    for name, statements in (("pipeline", PIPELINE), ("build", BUILD)):
        kept = [one for key, one in statements.items() if key != without]
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*kept))
    _pipeline(engine, checkout)
    client = engine.client("codepipeline")
    execution = client.start_pipeline_execution(name="demo")["pipelineExecutionId"]
    ended = engine.ended(execution)
    details = client.list_action_executions(pipelineName="demo")["actionExecutionDetails"]
    if without is None:
        assert ended["status"] == "Succeeded", details
        return
    (failed,) = [one for one in details if one["status"] == "Failed"]
    assert failed["stageName"] == stage
    told = failed["output"]["executionResult"]["errorDetails"]["message"]
    assert f"is not authorized to perform: {action} on resource: arn:aws:" in told


def _pipeline(engine: Any, checkout: Any) -> None:
    engine.client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": REGION})
    arn = engine.client("codeconnections").create_connection(ConnectionName="demo", ProviderType="GitHub")["ConnectionArn"]
    connections.complete(engine.world, arn)
    engine.client("codebuild").create_project(
        name="image",
        source={"type": "CODEPIPELINE", "buildspec": "b.yml"},
        artifacts={"type": "CODEPIPELINE"},
        environment={"type": "ARM_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"},
        serviceRole=f"{ROLE}/build",
    )
    checkout.commit({"b.yml": "version: 0.2\nphases: {build: {commands: ['true']}}\n"})

    def kind(category: str, provider: str) -> dict[str, str]:
        return {"category": category, "owner": "AWS", "provider": provider, "version": "1"}

    source = {
        "name": "Source",
        "actionTypeId": kind("Source", "CodeStarSourceConnection"),
        "configuration": {"ConnectionArn": arn, "FullRepositoryId": "me/demo", "BranchName": "main"},
        "outputArtifacts": [{"name": "Source"}],
    }
    image = {
        "name": "Image",
        "actionTypeId": kind("Build", "CodeBuild"),
        "configuration": {"ProjectName": "image"},
        "inputArtifacts": [{"name": "Source"}],
    }
    engine.client("codepipeline").create_pipeline(
        pipeline={
            "name": "demo",
            "roleArn": f"{ROLE}/pipeline",
            "artifactStore": {"type": "S3", "location": "artifacts"},
            "pipelineType": "V2",
            "executionMode": "QUEUED",
            "stages": [{"name": "Source", "actions": [source]}, {"name": "Image", "actions": [image]}],
        }
    )


TEMPLATE = json.dumps(
    {"Resources": {"Logs": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/kotei/x", "RetentionInDays": 7}}}}
)


@pytest.mark.parametrize(
    ("resource", "actions", "reason"),
    [
        (f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/kotei/*", "logs:PutRetentionPolicy", ""),
        (f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/kotei/*", "", "logs:PutRetentionPolicy"),
        (f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/other/*", "logs:PutRetentionPolicy", "logs:CreateLogGroup"),
    ],
)
def test_cloudformation_makes_only_what_its_role_may_make(engine: Any, resource: str, actions: str, reason: str) -> None:
    """The permissions of the type's schema, on the resource's own ARN."""
    iam, client = engine.client("iam"), engine.client("cloudformation")
    iam.create_role(RoleName="deploys", AssumeRolePolicyDocument=trust("cloudformation"))
    own = f"logs:CreateLogGroup logs:TagResource logs:GetDataProtectionPolicy logs:ListTagsForResource logs:DeleteLogGroup {actions}"
    reads = allow("logs:DescribeLogGroups logs:DescribeResourcePolicies logs:DescribeIndexPolicies")
    iam.put_role_policy(RoleName="deploys", PolicyName="own", PolicyDocument=document(allow(own, resource), reads))
    client.create_stack(StackName="kotei-x", TemplateBody=TEMPLATE, RoleARN=f"{ROLE}/deploys")

    def settled() -> str:
        status: str = client.describe_stacks(StackName="kotei-x")["Stacks"][0]["StackStatus"]
        return "" if status.endswith("IN_PROGRESS") else status

    assert engine.wait(settled, "the stack") == ("ROLLBACK_COMPLETE" if reason else "CREATE_COMPLETE")
    told = [event.get("ResourceStatusReason", "") for event in client.describe_stack_events(StackName="kotei-x")["StackEvents"]]
    assert any(f"perform: {reason} on resource: arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/kotei/x" in one for one in told) is bool(reason)
