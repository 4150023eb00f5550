"""What a role lacks fails here as it would in AWS: each call, and one role taking on another."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.local.iam import attached, sessions
from pipeline.local.protocol import AwsError
from tests.support.policies import allow, document, trust

pytestmark = pytest.mark.local

ACCOUNT, REGION = "111122223333", "ap-northeast-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
BUCKET = "arn:aws:s3:::artifacts"


def session(engine: Any, name: str, *statements: dict[str, Any]) -> sessions.Session:
    iam = engine.client("iam")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust("codepipeline"))
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
    iam = engine.client("iam")
    by = session(engine, "plan", allow("sts:AssumeRole", f"{ROLE}/read"))
    named = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    for name, pattern in (("read", "plan*"), ("other", "plan*"), ("closed", "image*")):
        condition = {"ArnLike": {"aws:PrincipalArn": f"{ROLE}/{pattern}"}}
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=document({**named, "Condition": condition}))
    assert sessions.of_role(engine.world, by, f"{ROLE}/read", "s").arn.endswith("assumed-role/read/s")
    for refused in ("other", "closed"):
        with pytest.raises(AwsError, match="is not authorized to perform: sts:AssumeRole"):
            sessions.of_role(engine.world, by, f"{ROLE}/{refused}", "s")
