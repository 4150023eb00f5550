"""What each CodeBuild project may do. Every project has a role of its own: only `image` may push, only `plan` may read stacks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from awacs import cloudformation, codepipeline, ec2, ecr, ecr_public, kms, logs, s3, sts
from awacs.aws import Condition, PolicyDocument, Statement, StringEquals

from policy.statement import allow, document

# What is live, and what protects it: everything that a plan compares with.
READ_STACKS = (
    cloudformation.DescribeStacks,
    cloudformation.DescribeStackResourceDrifts,
    cloudformation.GetStackPolicy,
    cloudformation.GetTemplate,
    cloudformation.ListStackResources,
)


def check(*, log_group: Any, artifacts: Any, key: Any) -> PolicyDocument:
    return document(*_ground(log_group, artifacts, key))


def image(*, log_group: Any, artifacts: Any, key: Any, repository: str, more: Sequence[Statement]) -> PolicyDocument:
    """`more` is what the parts of the supply chain need that the configuration turns on."""
    push = [
        ecr.BatchCheckLayerAvailability,
        ecr.InitiateLayerUpload,
        ecr.UploadLayerPart,
        ecr.CompleteLayerUpload,
        ecr.PutImage,
        # buildx reads back what it pushed; the digest and the scan's findings decide whether the image goes on.
        ecr.BatchGetImage,
        ecr.GetDownloadUrlForLayer,
        ecr.DescribeImages,
        ecr.DescribeImageScanFindings,
    ]
    return document(
        *_ground(log_group, artifacts, key),
        allow("Push", push, repository),
        _registry_login(),
        *_public_registry_login(),
        *more,
    )


def plan(
    *, log_group: Any, artifacts: Any, key: Any, stacks: list[str], pipeline: str, plans: Any, roles: list[str], more: Sequence[Statement]
) -> PolicyDocument:
    """`plans` are the objects of the artifact bucket that hold plans, `roles` those that read in other accounts.

    `more` is what publishing the house rules needs, where a hook enforces them.
    """
    return document(
        *_ground(log_group, artifacts, key),
        allow("ReadStacks", READ_STACKS, *stacks),
        # What approvers read, and what the gate compares with. S3 encrypts it with the bucket's key on the writer's behalf.
        allow("WritePlans", [s3.PutObject], plans),
        allow("EncryptPlans", [kms.GenerateDataKey], key),
        # It knows no resource (Service Authorization Reference).
        allow("AnyResourceReadAddresses", [ec2.DescribeAddresses], "*"),
        allow("ReadApprovals", [codepipeline.GetPipelineExecution, codepipeline.ListActionExecutions], pipeline),
        *_assume(roles),
        *more,
    )


def verify(*, log_group: Any, artifacts: Any, key: Any, pipeline: str, look: Sequence[Statement], roles: list[str]) -> PolicyDocument:
    """`look`: see policy/verify.py; `roles` look in other accounts."""
    return document(
        *_ground(log_group, artifacts, key),
        # When its run began to deploy: what an alarm said before is not about it.
        allow("ReadRun", [codepipeline.ListActionExecutions], pipeline),
        *look,
        *_assume(roles),
    )


def _ground(log_group: Any, artifacts: Any, key: Any) -> list[Statement]:
    """What every build needs: write its log, fetch the source artifact."""
    return [
        allow("WriteLog", [logs.CreateLogStream, logs.PutLogEvents], log_group),
        allow("ReadSource", [s3.GetObject, s3.GetObjectVersion], artifacts),
        allow("DecryptSource", [kms.Decrypt], key),
    ]


def _registry_login() -> Statement:
    # ecr:GetAuthorizationToken is about the whole registry and takes no resource.
    return allow("AnyResourceRegistryLogin", [ecr.GetAuthorizationToken], "*")


def _public_registry_login() -> list[Statement]:
    """For the base image: whoever has logged in may pull ten times as often (Amazon ECR Public, quotas)."""
    # Both know no resource (Service Authorization Reference).
    condition = Condition(StringEquals("sts:AWSServiceName", "ecr-public.amazonaws.com"))
    return [
        allow("AnyResourcePublicRegistryLogin", [ecr_public.GetAuthorizationToken], "*"),
        allow("AnyResourcePublicRegistryToken", [sts.GetServiceBearerToken], "*", Condition=condition),
    ]


def _assume(roles: list[str]) -> list[Statement]:
    return [allow("ReadOtherAccounts", [sts.AssumeRole], *roles)] if roles else []
