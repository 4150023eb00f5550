"""What CodePipeline itself may do: read the source, start builds, hand templates to CloudFormation. It never touches a resource."""

from __future__ import annotations

from typing import Any

from awacs import cloudformation, codebuild, codeconnections, codestar_connections, iam, kms, s3, sns, sts
from awacs.aws import Allow, Condition, PolicyDocument, Statement, StringEquals


def pipeline(
    *,
    connection: Any,
    bucket: Any,
    objects: Any,
    key: Any,
    projects: list[Any],
    stacks: list[str],
    topic: Any,
    passed: list[Any],
    assumed: list[str],
) -> PolicyDocument:
    """`passed` are CloudFormation's roles in this account, `assumed` the delivery roles in other accounts."""
    statements = [
        # AWS checks both names, whichever prefix the ARN has (action reference of CodeStarSourceConnection).
        _allow("ReadRepository", [codeconnections.UseConnection, codestar_connections.UseConnection], connection),
        _allow("FindArtifacts", [s3.GetBucketVersioning], bucket),
        _allow("MoveArtifacts", [s3.GetObject, s3.GetObjectVersion, s3.PutObject], objects),
        _allow(
            "EncryptArtifacts", [kms.Decrypt, kms.DescribeKey, kms.Encrypt, kms.ReEncryptFrom, kms.ReEncryptTo, kms.GenerateDataKey], key
        ),
        _allow("Build", [codebuild.StartBuild, codebuild.BatchGetBuilds, codebuild.StopBuild], *projects),
        _allow("AskForApproval", [sns.Publish], topic),
        _allow(
            "DeployStacks",
            # No DeleteStack: nothing that the pipeline does ends a stack.
            [
                cloudformation.CreateStack,
                cloudformation.UpdateStack,
                cloudformation.DescribeStacks,
                cloudformation.DescribeStackEvents,
                cloudformation.SetStackPolicy,
            ],
            *stacks,
        ),
        Statement(
            Sid="HandOver",
            Effect=Allow,
            Action=[iam.PassRole],
            Resource=passed,
            Condition=Condition(StringEquals("iam:PassedToService", "cloudformation.amazonaws.com")),
        ),
    ]
    if assumed:
        statements.append(_allow("DeployElsewhere", [sts.AssumeRole], *assumed))
    return PolicyDocument(Version="2012-10-17", Statement=statements)


def _allow(sid: str, actions: list[Any], *resources: Any) -> Statement:
    return Statement(Sid=sid, Effect=Allow, Action=actions, Resource=list(resources))
