"""What looking for drift may do: CloudFormation reads each resource as whoever asked for the detection, so they must be readable.

A test compares this with the permissions of the read handlers of every resource type that the templates have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from awacs import (
    acm,
    application_autoscaling,
    cloudformation,
    cloudwatch,
    codebuild,
    codeconnections,
    codepipeline,
    ec2,
    ecr,
    ecs,
    elasticloadbalancing,
    events,
    iam,
    kms,
    logs,
    scheduler,
    sns,
    sts,
)
from awacs.aws import Action, Condition, PolicyDocument, Statement, StringEquals

from policy import resource_types
from policy.build import READ_STACKS
from policy.review import review
from policy.statement import allow, by_name, document

SCHEDULER = "scheduler.amazonaws.com"
DETECT = (*READ_STACKS, cloudformation.DetectStackDrift)
# None of these knows a resource (Service Authorization Reference).
WITHOUT_RESOURCE = (
    application_autoscaling.DescribeScalableTargets,
    application_autoscaling.DescribeScalingPolicies,
    application_autoscaling.DescribeScheduledActions,
    cloudformation.DescribeStackDriftDetectionStatus,
    cloudformation.ListStacks,
    ec2.DescribeAddresses,
    ec2.DescribeFlowLogs,
    ec2.DescribeInternetGateways,
    ec2.DescribeNetworkAcls,
    ec2.DescribeRouteTables,
    ec2.DescribeSecurityGroupRules,
    ec2.DescribeSecurityGroups,
    ec2.DescribeSubnets,
    Action("ec2", "DescribeVpcEncryptionControls"),
    ec2.DescribeVpcEndpoints,
    ec2.DescribeVpcs,
    ec2.DescribeVpnGateways,
    ecs.DescribeTaskDefinition,
    # It knows only container instances as a resource.
    ecs.ListTasks,
    Action("elasticloadbalancing", "DescribeCapacityReservation"),
    Action("elasticloadbalancing", "DescribeListenerAttributes"),
    elasticloadbalancing.DescribeListeners,
    elasticloadbalancing.DescribeLoadBalancerAttributes,
    elasticloadbalancing.DescribeLoadBalancers,
    elasticloadbalancing.DescribeTags,
    elasticloadbalancing.DescribeTargetGroupAttributes,
    elasticloadbalancing.DescribeTargetGroups,
    elasticloadbalancing.DescribeTargetHealth,
    Action("logs", "DescribeIndexPolicies"),
    logs.DescribeLogGroups,
    logs.DescribeQueryDefinitions,
    logs.DescribeResourcePolicies,
)
BUCKET_READS = by_name(
    *resource_types.BUCKET_READS,
    Action("s3", "GetBucketAbac"),
    Action("s3", "GetBucketMetadataTableConfiguration"),
)


def build(
    *,
    log_group: Any,
    connection: Any,
    stacks: Sequence[str],
    project: str,
    account: str,
    regions: Sequence[str],
    parts: Sequence[Statement],
    **more: Any,
) -> PolicyDocument:
    """`parts` reads what the configuration turns on.

    `more`: the topic that hears of drift, the key that encrypts it, and the roles that read in other accounts.
    """
    return document(
        # Its log, and its source through the connection, as the review of pull requests.
        *review(log_group=log_group, connection=connection).properties["Statement"],
        allow("DetectDrift", DETECT, *stacks),
        *read_environments(project=project, account=account, regions=regions),
        *_read_shared(project=project, account=account, regions=regions),
        *parts,
        *_tell(**more),
    )


def _tell(*, topic: Any, key: Any, roles: Sequence[str]) -> list[Statement]:
    others = [allow("ReadOtherAccounts", [sts.AssumeRole], *roles)] if roles else []
    return [allow("Tell", [sns.Publish], topic), allow("EncryptMessages", [kms.Decrypt, kms.GenerateDataKey], key), *others]


def read_environments(*, project: str, account: str, regions: Sequence[str]) -> list[Statement]:
    """Every resource of the environments in the account. It shows how things are set up, and no object, secret or log."""
    at = _places(account, regions)
    bucket = f"arn:aws:s3:::{project}-*"
    return [
        allow("AnyResourceRead", WITHOUT_RESOURCE, "*"),
        allow("ReadNetworks", [ec2.DescribeVpcAttribute], *at("ec2", "vpc/*")),
        allow("ReadCertificates", [acm.DescribeCertificate, acm.ListTagsForCertificate], *at("acm", "certificate/*")),
        allow("ReadScalingTags", [application_autoscaling.ListTagsForResource], *at("application-autoscaling", "scalable-target/*")),
        allow(
            "ReadAlarms",
            [cloudwatch.DescribeAlarms, cloudwatch.GetDashboard, cloudwatch.ListTagsForResource],
            *at("cloudwatch", f"alarm:{project}-*"),
            f"arn:aws:cloudwatch::{account}:dashboard/{project}-*",
        ),
        allow("ReadServices", [ecs.DescribeClusters, ecs.DescribeServices], *at("ecs", f"cluster/{project}-*", f"service/{project}-*/*")),
        allow("ReadTasks", [ecs.DescribeTasks], *at("ecs", f"task/{project}-*/*")),
        allow(
            "ReadLogGroups",
            [logs.DescribeMetricFilters, Action("logs", "GetDataProtectionPolicy"), logs.ListTagsForResource],
            *at("logs", f"log-group:/{project}/*", f"log-group:/aws/codebuild/{project}-*"),
        ),
        allow("ReadKeys", [kms.DescribeKey, kms.GetKeyPolicy, kms.GetKeyRotationStatus, kms.ListResourceTags], *at("kms", "key/*")),
        allow(
            "ReadTopics",
            [
                Action("sns", "GetDataProtectionPolicy"),
                sns.GetSubscriptionAttributes,
                sns.GetTopicAttributes,
                sns.ListSubscriptionsByTopic,
                sns.ListTagsForResource,
            ],
            *at("sns", f"{project}-*"),
        ),
        allow("ReadBuckets", BUCKET_READS, bucket),
        allow(
            "ReadRoles",
            [iam.GetRole, iam.GetRolePolicy, iam.ListAttachedRolePolicies, iam.ListRolePolicies],
            f"arn:aws:iam::{account}:role/{project}-*",
        ),
    ]


def _read_shared(*, project: str, account: str, regions: Sequence[str]) -> list[Statement]:
    """What only the pipeline's account has."""
    at = _places(account, regions)
    return [
        allow(
            "ReadPolicies",
            [iam.GetPolicy, iam.GetPolicyVersion, iam.ListEntitiesForPolicy],
            f"arn:aws:iam::{account}:policy/{project}-*",
        ),
        allow(
            "ReadRegistry",
            [ecr.DescribeRepositories, ecr.GetLifecyclePolicy, ecr.GetRepositoryPolicy, ecr.ListTagsForResource],
            *at("ecr", f"repository/{project}/*"),
        ),
        allow(
            "ReadPipeline",
            [codepipeline.GetPipeline, codepipeline.GetPipelineState, codepipeline.ListTagsForResource],
            *at("codepipeline", project),
        ),
        allow(
            "ReadConnection",
            [codeconnections.GetConnection, codeconnections.ListTagsForResource],
            *at("codeconnections", "connection/*"),
            *at("codestar-connections", "connection/*"),
        ),
        allow("ReadRules", [events.DescribeRule, events.ListTagsForResource, events.ListTargetsByRule], *at("events", f"rule/{project}-*")),
        allow("ReadSchedules", [scheduler.GetSchedule], *at("scheduler", f"schedule/default/{project}-*")),
    ]


def _places(account: str, regions: Sequence[str]) -> Callable[..., list[str]]:
    return lambda service, *rests: [f"arn:aws:{service}:{region}:{account}:{rest}" for region in regions for rest in rests]


def start(project: str) -> PolicyDocument:
    """What the schedule may do."""
    return document(allow("StartBuild", [codebuild.StartBuild], project))


def set_up(*, where: str, account: str, project: str) -> list[Statement]:
    """What CloudFormation needs for the schedule; roles and the build are as those of the other stacks."""
    changes = [scheduler.CreateSchedule, scheduler.DeleteSchedule, scheduler.GetSchedule, scheduler.UpdateSchedule]
    handed = Condition(StringEquals("iam:PassedToService", [SCHEDULER]))
    return [
        allow("Schedule", changes, f"arn:aws:scheduler:{where}:schedule/default/{project}-drift"),
        allow("PassScheduleRole", [iam.PassRole], f"arn:aws:iam::{account}:role/{project}-drift-*", Condition=handed),
    ]
