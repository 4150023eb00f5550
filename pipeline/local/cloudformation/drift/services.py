"""How services, roles, logs, alarms, buckets and topics are: read back through their APIs, in the words of templates."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from pipeline.local.cloudformation.drift.reader import Reader, Seen
from pipeline.local.cloudformation.resources.handler import Properties, names
from pipeline.local.cloudformation.resources.scaling import KEY, SERVICE

TOLD = names(
    "availabilityZoneRebalancing capacityProviderStrategy deploymentConfiguration desiredCount enableECSManagedTags "
    "healthCheckGracePeriodSeconds loadBalancers networkConfiguration platformVersion propagateTags tags taskDefinition"
)


def _service(seen: Seen) -> Properties | None:
    given = seen.resource.properties
    name = seen.resource.attributes["Name"]
    found = seen.client("ecs").describe_services(cluster=given["Cluster"], services=[name], include=["TAGS"])["services"]
    if not found or found[0]["status"] == "INACTIVE":
        return None
    service: Properties = found[0]
    return {name: service[name] for name in TOLD if name in service}


def _task_definition(seen: Seen) -> Properties | None:
    """A revision never changes; it can only be deregistered."""
    found = seen.client("ecs").describe_task_definition(taskDefinition=seen.resource.id)["taskDefinition"]
    return None if found["status"] == "INACTIVE" else {}


def _cluster(seen: Seen) -> Properties | None:
    found = seen.client("ecs").describe_clusters(clusters=[seen.resource.id], include=["SETTINGS"])["clusters"]
    if not found or found[0]["status"] == "INACTIVE":
        return None
    return {"ClusterName": found[0]["clusterName"], "ClusterSettings": found[0].get("settings", [])}


def _target(seen: Seen) -> Properties | None:
    given = seen.resource.properties
    found = seen.client(SERVICE).describe_scalable_targets(ServiceNamespace=given["ServiceNamespace"], ResourceIds=[given["ResourceId"]])
    one = next((one for one in found["ScalableTargets"] if all(one[key] == given[key] for key in KEY)), None)
    return None if one is None else {key: one[key] for key in ("MinCapacity", "MaxCapacity")}


def _scaling_policy(seen: Seen) -> Properties | None:
    found = seen.client(SERVICE).describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]
    one = next((one for one in found if one["PolicyARN"] == seen.resource.id), None)
    return None if one is None else {key: one[key] for key in ("PolicyName", "PolicyType", "TargetTrackingScalingPolicyConfiguration")}


def _log_group(seen: Seen) -> Properties | None:
    found = seen.client("logs").describe_log_groups(logGroupNamePrefix=seen.resource.id)["logGroups"]
    one = next((one for one in found if one["logGroupName"] == seen.resource.id), None)
    return None if one is None else {"LogGroupName": one["logGroupName"], "RetentionInDays": one.get("retentionInDays")}


def _metric_filter(seen: Seen) -> Properties | None:
    found = seen.client("logs").describe_metric_filters(logGroupName=seen.resource.properties["LogGroupName"])["metricFilters"]
    one = next((one for one in found if one["filterName"] == seen.resource.id), None)
    return None if one is None else {key: one[key] for key in ("filterPattern", "metricTransformations")}


def _alarm(seen: Seen) -> Properties | None:
    found = seen.client("cloudwatch").describe_alarms(AlarmNames=[seen.resource.id])["MetricAlarms"]
    # moto keeps no Metrics in the order or shape given.
    return {key: value for key, value in found[0].items() if key != "Metrics"} if found else None


def _policy_document(value: Any) -> Any:
    return json.loads(unquote(value)) if isinstance(value, str) else value


def _role(seen: Seen) -> Properties:
    client, name = seen.client("iam"), seen.resource.id
    inline = [
        {"PolicyName": one, "PolicyDocument": _policy_document(client.get_role_policy(RoleName=name, PolicyName=one)["PolicyDocument"])}
        for one in client.list_role_policies(RoleName=name)["PolicyNames"]
    ]
    attached = client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
    return {
        "AssumeRolePolicyDocument": _policy_document(client.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]),
        "Policies": inline,
        "ManagedPolicyArns": [one["PolicyArn"] for one in attached],
    }


def _managed_policy(seen: Seen) -> Properties:
    client, arn = seen.client("iam"), seen.resource.id
    version = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    return {"PolicyDocument": _policy_document(client.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"])}


def _bucket(seen: Seen) -> Properties:
    client, name = seen.client("s3"), seen.resource.id
    blocked = client.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    return {"PublicAccessBlockConfiguration": blocked, "VersioningConfiguration": _status(client.get_bucket_versioning(Bucket=name))}


def _status(answer: Mapping[str, Any]) -> Properties:
    return {"Status": answer["Status"]} if "Status" in answer else {}


def _bucket_policy(seen: Seen) -> Properties:
    bucket = seen.resource.properties["Bucket"]
    return {"PolicyDocument": json.loads(seen.client("s3").get_bucket_policy(Bucket=bucket)["Policy"])}


def _key(seen: Seen) -> Properties:
    client, key = seen.client("kms"), seen.resource.id
    return {
        "KeyPolicy": json.loads(client.get_key_policy(KeyId=key, PolicyName="default")["Policy"]),
        "EnableKeyRotation": client.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"],
    }


def _events_rule(seen: Seen) -> Properties:
    found = seen.client("events").describe_rule(Name=seen.resource.id.rpartition("/")[2])
    return {key: found[key] for key in ("EventPattern", "State") if key in found}


READERS: dict[str, Reader] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": _target,
    "AWS::ApplicationAutoScaling::ScalingPolicy": _scaling_policy,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::Service": _service,
    "AWS::ECS::TaskDefinition": _task_definition,
    "AWS::Events::Rule": _events_rule,
    "AWS::IAM::ManagedPolicy": _managed_policy,
    "AWS::IAM::Role": _role,
    "AWS::KMS::Key": _key,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::Logs::MetricFilter": _metric_filter,
    "AWS::S3::Bucket": _bucket,
    "AWS::S3::BucketPolicy": _bucket_policy,
}
