"""What CloudFormation's role needs to make, change or remove a resource: the permissions in the type's schema, on the resource's ARN.

CloudFormation names each type's handlers and what they call in the type's schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

from pipeline import registry_schema
from pipeline.access import boundaries
from pipeline.access.arns import Placed, own
from pipeline.access.decide import Request
from pipeline.access.reference import ANY, PASS, context, kinds
from policy.not_needed import NOT_GIVEN, READS_NOT_GIVEN

Operation = Literal["create", "read", "update", "delete"]

# Where the schema lists what every property might need, or nothing at all: what goes with the property that is there ("": always).
BY_PROPERTY: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "AWS::S3::Bucket": {
        "BucketEncryption": ("s3:PutEncryptionConfiguration",),
        "LifecycleConfiguration": ("s3:PutLifecycleConfiguration",),
        "OwnershipControls": ("s3:PutBucketOwnershipControls",),
        "PublicAccessBlockConfiguration": ("s3:PutBucketPublicAccessBlock",),
        "Tags": ("s3:PutBucketTagging",),
        "VersioningConfiguration": ("s3:PutBucketVersioning",),
    },
    "AWS::S3::BucketPolicy": {"": ("s3:GetBucketPolicy", "s3:PutBucketPolicy")},
    "AWS::Logs::LogGroup": {"RetentionInDays": ("logs:PutRetentionPolicy",)},
    "AWS::Logs::MetricFilter": {"": ("logs:PutMetricFilter",)},
    "AWS::Logs::QueryDefinition": {"": ("logs:PutQueryDefinition",)},
    "AWS::KMS::Key": {"EnableKeyRotation": ("kms:EnableKeyRotation",)},
    "AWS::CodeBuild::Project": {"": (PASS,), "Triggers": ("codebuild:CreateWebhook",)},
}
# Types whose schema says nothing about some operation (CodeBuild has no handlers) or hides what it needs among other features.
ALWAYS: Mapping[tuple[str, Operation], tuple[str, ...]] = {
    ("AWS::S3::Bucket", "create"): ("s3:CreateBucket",),
    ("AWS::S3::BucketPolicy", "delete"): ("s3:DeleteBucketPolicy",),
    ("AWS::CodeBuild::Project", "create"): ("codebuild:CreateProject",),
    ("AWS::CodeBuild::Project", "update"): ("codebuild:UpdateProject",),
    ("AWS::CodeBuild::Project", "delete"): ("codebuild:DeleteProject",),
}
# To whom a resource's properties hand a role.
PASSES: Mapping[str, tuple[frozenset[str], str]] = {
    "AWS::Chatbot::SlackChannelConfiguration": (frozenset({"IamRoleArn"}), "chatbot.amazonaws.com"),
    "AWS::CodeBuild::Project": (frozenset({"ServiceRole"}), "codebuild.amazonaws.com"),
    "AWS::CodePipeline::Pipeline": (frozenset({"RoleArn"}), "codepipeline.amazonaws.com"),
    "AWS::CloudFormation::GuardHook": (frozenset({"ExecutionRole"}), "hooks.cloudformation.amazonaws.com"),
    "AWS::EC2::FlowLog": (frozenset({"DeliverLogsPermissionArn"}), "vpc-flow-logs.amazonaws.com"),
    "AWS::ECS::Service": (frozenset({"RoleArn"}), "ecs.amazonaws.com"),
    "AWS::ECS::TaskDefinition": (frozenset({"ExecutionRoleArn", "TaskRoleArn"}), "ecs-tasks.amazonaws.com"),
    "AWS::Events::Rule": (frozenset({"RoleArn"}), "events.amazonaws.com"),
    "AWS::Scheduler::Schedule": (frozenset({"RoleArn"}), "scheduler.amazonaws.com"),
}
# Services that act by a role of their own, which AWS makes with the first resource of a type.
LINKED = {
    "AWS::ApplicationAutoScaling::ScalableTarget": "ecs.application-autoscaling.amazonaws.com",
    "AWS::Chatbot::SlackChannelConfiguration": "management.chatbot.amazonaws.com",
    "AWS::ECR::PullThroughCacheRule": "pullthroughcache.ecr.amazonaws.com",
    "AWS::ECR::ReplicationConfiguration": "replication.ecr.amazonaws.com",
    "AWS::ECS::Cluster": "ecs.amazonaws.com",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "elasticloadbalancing.amazonaws.com",
}
# One service under two names.
ALIASES = {"codestar-connections": "codeconnections"}
FOUND = re.compile(r"arn:aws:(?P<service>[a-z0-9-]+):[a-z0-9-]*:\d{12}:[^\s\"*]+")


def needs(resource: Placed, operation: Operation, before: Mapping[str, Any] | None = None) -> Iterator[Request]:
    """`before` are the properties that an update begins with; without them they are those that it ends with."""
    if before is None:
        before = resource.properties
    # No handler reaches into another account; a role's policy may well name what is there.
    arns = [arn for arn in (*own(resource), *_named(resource.properties)) if arn.split(":")[4:5] in ([""], [resource.account])]
    for action in _actions(resource, operation):
        if resource.type == "AWS::IAM::Role" and boundaries.is_idle(action, before, resource.properties):
            continue
        service = action.partition(":")[0]
        if action in (PASS, "iam:GetRole") and resource.type != "AWS::IAM::Role":
            yield from _passed(resource, action)
        elif action == "iam:CreateServiceLinkedRole":
            yield from _linked(resource)
        elif not (accepted := kinds(action)):
            yield Request(action=action, resource=ANY, context=context(resource.region))
        else:
            fitting = [arn for arn in arns if arn.split(":")[2] == ALIASES.get(service, service)]
            exact = [arn for arn in fitting if any(re.fullmatch(kind, arn) for kind in accepted)]
            # EC2's resources have ids that say no more than their kind. Of what no property names, a handler asks nothing.
            asked = exact or (fitting[:1] if service == "ec2" else [])
            more = boundaries.said(action, before, resource.properties) if resource.type == "AWS::IAM::Role" else {}
            yield from (Request(action=action, resource=arn, context=context(resource.region, more)) for arn in asked)


def _actions(resource: Placed, operation: Operation) -> list[str]:
    ignored = READS_NOT_GIVEN if operation == "read" else NOT_GIVEN
    listed = [one for one in _listed(resource.type, operation) if not one.startswith(tuple(ignored)) or one in ASKED]
    found = list(ALWAYS.get((resource.type, operation), ()))
    if operation in ("create", "update"):
        table = BY_PROPERTY.get(resource.type, {})
        found += [action for name, actions in table.items() if not name or name in resource.properties for action in actions]
    return list(dict.fromkeys([*listed, *found]))


# What is not given to each role of CloudFormation, and must not be done for one that may not.
ASKED = frozenset({boundaries.SETS, boundaries.TAKES, "s3:DeleteBucket"})


@cache
def _listed(type_name: str, operation: Operation) -> tuple[str, ...]:
    return registry_schema.permissions(type_name, operation)


def _passed(resource: Placed, action: str) -> Iterator[Request]:
    names, service = PASSES.get(resource.type, (frozenset(), ""))
    for role in sorted(set(_under(resource.properties, names))):
        more = {"iam:passedtoservice": service} if action == PASS else {}
        yield Request(action=action, resource=role, context=context(resource.region, more))


def _under(value: Any, names: frozenset[str]) -> Iterator[str]:
    """Roles below one of these keys. What CodePipeline's actions are configured with is not passed when the pipeline is made."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in names and isinstance(inner, str):
                yield inner
            elif key != "Stages":
                yield from _under(inner, names)
    elif isinstance(value, list):
        for inner in value:
            yield from _under(inner, names)


def _linked(resource: Placed) -> Iterator[Request]:
    if service := LINKED.get(resource.type):
        role = f"arn:aws:iam::{resource.account}:role/aws-service-role/{service}/*"
        yield Request(
            action="iam:CreateServiceLinkedRole", resource=role, context=context(resource.region, {"iam:awsservicename": service})
        )


def _named(value: Any) -> Iterator[str]:
    """Every ARN in the properties."""
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner)
    elif isinstance(value, str) and FOUND.fullmatch(value):
        yield value
