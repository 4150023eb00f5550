"""What a role lacks fails a run, or a stack, here as it would in AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.alarms import ERRORS
from tests.support.policies import allow, document, trust
from tests.support.small_pipeline import build, rule, start

pytestmark = pytest.mark.local

ACCOUNT, REGION = "111122223333", "ap-northeast-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role"
BUCKET = "arn:aws:s3:::artifacts"

PIPELINE = {
    "connect": allow("codeconnections:UseConnection codestar-connections:UseConnection"),
    "find": allow("s3:GetBucketVersioning s3:GetBucketAcl s3:GetBucketLocation", BUCKET),
    "move": allow("s3:GetObject s3:GetObjectVersion s3:PutObject s3:PutObjectAcl", f"{BUCKET}/*"),
    "build": allow("codebuild:StartBuild codebuild:BatchGetBuilds"),
    "alarms": allow("cloudwatch:DescribeAlarms", f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:errors"),
}
BUILD = {
    "log": allow("logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents"),
    "source": allow("s3:GetObject s3:GetObjectVersion", f"{BUCKET}/*"),
    "store": allow("s3:PutObject", f"{BUCKET}/*"),
}
LACKS = [
    (None, "Succeeded", ""),
    ("connect", "Source", "codeconnections:UseConnection"),
    ("find", "Source", "s3:GetBucketVersioning"),
    ("move", "Source", "s3:PutObjectAcl"),
    ("build", "Image", "codebuild:StartBuild"),
    ("alarms", "Watched", "cloudwatch:DescribeAlarms"),
    ("log", "Image", "logs:CreateLogStream"),
    ("source", "Image", "s3:GetObjectVersion"),
    ("store", "Image", "s3:PutObject"),
]


@pytest.mark.parametrize(("without", "stage", "action"), LACKS)
def test_a_run_fails_where_a_permission_is_missing(engine: Any, pipeline: Any, without: str | None, stage: str, action: str) -> None:
    iam = engine.client("iam")
    for name, statements in (("pipeline", PIPELINE), ("build", BUILD)):
        kept = [one for key, one in statements.items() if key != without]
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*kept))
    engine.client("cloudwatch").put_metric_alarm(**ERRORS)
    quiet = {"conditions": [{"result": "FAIL", "rules": [rule("CloudWatchAlarm", {"AlarmName": "errors"})]}]}
    client = pipeline({"name": "Watched", "actions": [build("Again")], "beforeEntry": quiet})
    ended = engine.ended(start(client))
    details = client.list_action_executions(pipelineName="demo")["actionExecutionDetails"]
    if without is None:
        assert ended["status"] == "Succeeded", details
        return
    assert f"stage {stage}: " in ended["statusSummary"]
    failed = [one["output"]["executionResult"]["errorDetails"]["message"] for one in details if one["status"] == "Failed"]
    # A condition stands in no action.
    (told,) = failed or [ended["statusSummary"]]
    assert f"is not authorized to perform: {action} on resource: arn:aws:" in told


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
