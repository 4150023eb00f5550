"""The ARNs of a resource of a stack, as policies name it: known before it is made, but for the ids that AWS makes up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

NEW = "0123456789ab"
EC2_KINDS = {
    "EIP": "elastic-ip",
    "FlowLog": "vpc-flow-log",
    "Route": "route-table",
    "SecurityGroupEgress": "security-group",
    "SecurityGroupIngress": "security-group",
    "SubnetRouteTableAssociation": "route-table",
    "VPC": "vpc",
    "VPCEndpoint": "vpc-endpoint",
    "VPCGatewayAttachment": "internet-gateway",
}


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A resource of a stack; without an id before it is made."""

    account: str
    region: str
    stack: str
    name: str
    type: str
    properties: Mapping[str, Any]
    id: str = ""


def own(resource: Placed) -> list[str]:
    """Several where the type's actions are about several resources; none where the type is not known here."""
    if resource.type.startswith("AWS::EC2::"):
        last = resource.type.rpartition("::")[2]
        kind = EC2_KINDS.get(last) or re.sub(r"(?<!^)(?=[A-Z])", "-", last).lower()
        return [_arn(resource, "ec2", f"{kind}/{resource.id or NEW}")]
    make = MAKERS.get(resource.type)
    return make(resource) if make else []


def _arn(resource: Placed, service: str, rest: str) -> str:
    return f"arn:aws:{service}:{resource.region}:{resource.account}:{rest}"


def _name(resource: Placed, key: str) -> str:
    """As the template says; else as CloudFormation makes it up, of the stack's name and the logical id."""
    return str(resource.properties.get(key) or f"{resource.stack}-{resource.name}-{NEW}")


def _given(resource: Placed, service: str, kind: str, key: str) -> list[str]:
    return [_arn(resource, service, f"{kind}{_name(resource, key)}")]


def _of_id(resource: Placed, service: str, rest: str) -> str:
    """The id is an ARN where the type has one."""
    return resource.id if resource.id.startswith("arn:") else _arn(resource, service, rest)


def _role(resource: Placed) -> list[str]:
    name = resource.id or _name(resource, "RoleName")
    return [f"arn:aws:iam::{resource.account}:role{resource.properties.get('Path', '/')}{name}"]


def _managed_policy(resource: Placed) -> list[str]:
    made = f"arn:aws:iam::{resource.account}:policy{resource.properties.get('Path', '/')}{_name(resource, 'ManagedPolicyName')}"
    return [resource.id or made]


def _inline_policy(resource: Placed) -> list[str]:
    return [f"arn:aws:iam::{resource.account}:role/{name}" for name in resource.properties.get("Roles", [])]


def _bucket(resource: Placed) -> list[str]:
    name = resource.properties.get("Bucket") or resource.id or _name(resource, "BucketName").lower()
    return [f"arn:aws:s3:::{name}"]


def _service(resource: Placed) -> list[str]:
    cluster = str(resource.properties.get("Cluster", "default")).rpartition("/")[2]
    name = _name(resource, "ServiceName")
    return [_arn(resource, "ecs", f"service/{cluster}/{name}"), _arn(resource, "ecs", f"service-deployment/{cluster}/{name}/{NEW}")]


def _scaling(resource: Placed) -> list[str]:
    target = str(resource.properties.get("ResourceId") or resource.properties.get("ScalingTargetId", "")).partition("|")[0]
    return [
        _arn(resource, "application-autoscaling", f"scalable-target/{NEW}"),
        _arn(resource, "cloudwatch", f"alarm:TargetTracking-{target}-AlarmHigh-{NEW}"),
    ]


def _listener(resource: Placed) -> list[str]:
    return [
        _of_id(resource, "elasticloadbalancing", f"listener/net/{NEW}/{NEW}/{NEW}"),
        str(resource.properties.get("LoadBalancerArn", "")),
    ]


def _certificate(resource: Placed) -> list[str]:
    zones = [one["HostedZoneId"] for one in resource.properties.get("DomainValidationOptions", []) if "HostedZoneId" in one]
    return [_of_id(resource, "acm", f"certificate/{NEW}"), *(f"arn:aws:route53:::hostedzone/{zone}" for zone in zones)]


def _listener_certificate(resource: Placed) -> list[str]:
    return [str(resource.properties["ListenerArn"])]


def _topic_policy(resource: Placed) -> list[str]:
    return [str(one) for one in resource.properties.get("Topics", [])]


MAKERS: Mapping[str, Callable[[Placed], list[Any]]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _scaling,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _scaling,
    "AWS::CertificateManager::Certificate": _certificate,
    "AWS::Chatbot::SlackChannelConfiguration": lambda one: [
        f"arn:aws:chatbot::{one.account}:chat-configuration/slack-channel/{_name(one, 'ConfigurationName')}"
    ],
    "AWS::CloudWatch::Alarm": lambda one: _given(one, "cloudwatch", "alarm:", "AlarmName"),
    "AWS::CloudWatch::Dashboard": lambda one: [f"arn:aws:cloudwatch::{one.account}:dashboard/{_name(one, 'DashboardName')}"],
    "AWS::CodeBuild::Project": lambda one: _given(one, "codebuild", "project/", "Name"),
    "AWS::CodeConnections::Connection": lambda one: [_of_id(one, "codeconnections", f"connection/{NEW}")],
    "AWS::CodePipeline::Pipeline": lambda one: _given(one, "codepipeline", "", "Name"),
    "AWS::ECR::Repository": lambda one: _given(one, "ecr", "repository/", "RepositoryName"),
    "AWS::ECS::Cluster": lambda one: _given(one, "ecs", "cluster/", "ClusterName"),
    "AWS::ECS::ClusterCapacityProviderAssociations": lambda one: _given(one, "ecs", "cluster/", "Cluster"),
    "AWS::ECS::Service": _service,
    "AWS::ECS::TaskDefinition": lambda one: _given(one, "ecs", "task-definition/", "Family"),
    "AWS::ElasticLoadBalancingV2::Listener": _listener,
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": _listener_certificate,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": lambda one: [_of_id(one, "elasticloadbalancing", f"loadbalancer/net/{NEW}/{NEW}")],
    "AWS::ElasticLoadBalancingV2::TargetGroup": lambda one: [_of_id(one, "elasticloadbalancing", f"targetgroup/{NEW}/{NEW}")],
    "AWS::Events::Rule": lambda one: _given(one, "events", "rule/", "Name"),
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Policy": _inline_policy,
    "AWS::IAM::Role": _role,
    "AWS::KMS::Key": lambda one: [_arn(one, "kms", f"key/{one.id or NEW}")],
    "AWS::KMS::Alias": lambda one: [_arn(one, "kms", str(one.properties["AliasName"]))],
    "AWS::Logs::LogGroup": lambda one: _given(one, "logs", "log-group:", "LogGroupName"),
    "AWS::Logs::MetricFilter": lambda one: _given(one, "logs", "log-group:", "LogGroupName"),
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket,
    "AWS::Scheduler::Schedule": lambda one: _given(one, "scheduler", "schedule/default/", "Name"),
    "AWS::Signer::SigningProfile": lambda one: [_of_id(one, "signer", f"/signing-profiles/{NEW}")],
    "AWS::SNS::Subscription": lambda one: [str(one.properties["TopicArn"])],
    "AWS::SNS::Topic": lambda one: [_of_id(one, "sns", _name(one, "TopicName"))],
    "AWS::SNS::TopicPolicy": _topic_policy,
}
