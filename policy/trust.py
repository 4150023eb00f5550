"""Assume-role documents: which AWS service may take on a role, and only on behalf of which account and resource."""

from __future__ import annotations

from awacs import sts
from awacs.aws import (
    Allow,
    ArnEquals,
    ArnLike,
    ArnLikeIfExists,
    AWSPrincipal,
    Condition,
    PolicyDocument,
    Principal,
    Statement,
    StringEquals,
    StringEqualsIfExists,
)

from policy.statement import document


def tasks(*, account: str, region: str) -> PolicyDocument:
    """ECS tasks, for a task role or a task execution role."""
    # The pattern of AWS's page on task roles; its page on execution roles shows no condition, but ECS assumes both in the same way.
    return service("ecs-tasks.amazonaws.com", account=account, source=f"arn:aws:ecs:{region}:{account}:*")


def infrastructure(*, account: str, region: str) -> PolicyDocument:
    """ECS itself, for a role that AWS calls an infrastructure role.

    Its page shows no condition, and what ECS does not send must not keep it from ever taking on the role: so only what it does send is
    compared.
    """
    condition = Condition(
        [StringEqualsIfExists({"aws:SourceAccount": account}), ArnLikeIfExists({"aws:SourceArn": f"arn:aws:ecs:{region}:{account}:*"})]
    )
    return document(_assume(Principal("Service", "ecs.amazonaws.com"), Condition=condition))


def flow_logs(*, account: str, region: str) -> PolicyDocument:
    return service("vpc-flow-logs.amazonaws.com", account=account, source=f"arn:aws:ec2:{region}:{account}:vpc-flow-log/*")


def passed(name: str) -> PolicyDocument:
    """CodePipeline and CloudFormation, whose pages on their service roles show no condition.

    What a service does not send cannot be compared: a condition would keep it from ever taking on the role. Only a principal of
    this account that may pass the role can hand it to the service (IAM, "Passing a role to a service").
    """
    return document(_assume(Principal("Service", name)))


def service(name: str, *, account: str, source: str) -> PolicyDocument:
    """Without the two conditions another account's resource could make the service use our role (the confused deputy).

    Only for services that document both: CodeBuild, ECS, VPC flow logs.
    """
    condition = Condition([StringEquals({"aws:SourceAccount": account}), ArnLike({"aws:SourceArn": source})])
    return document(_assume(Principal("Service", name), Condition=condition))


def roles(arns: list[str], *, account: str) -> PolicyDocument:
    """These roles of another account and no other of it.

    By a condition: a principal must exist when it is named, and these are made later, or anew with another id. No external id, which
    is for a third party that acts for many (IAM, "The confused deputy problem"): both accounts are of one owner, and CodePipeline
    sends none; nor aws:SourceArn, since a role comes in and no service.
    """
    condition = Condition(ArnEquals({"aws:PrincipalArn": arns}))
    return document(_assume(AWSPrincipal(f"arn:aws:iam::{account}:root"), Condition=condition))


def _assume(principal: Principal, **more: Condition) -> Statement:
    return Statement(Effect=Allow, Principal=principal, Action=[sts.AssumeRole], **more)
