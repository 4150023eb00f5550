"""Values that every schema takes and that AWS refuses."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from botocore.loaders import Loader

from pipeline.checks import balancer_attributes, embedded_json, iam_actions, service_models, template_limits
from pipeline.checks.documents import Document
from pipeline.paths import ROOT

ELB = "AWS::ElasticLoadBalancingV2"


def document(type_: str, properties: dict[str, Any]) -> Document:
    return Document(
        path="x.yaml", text="", region="ap-northeast-1", content={"Resources": {"It": {"Type": type_, "Properties": properties}}}
    )


def attributes(type_: str, key: str, value: Any) -> str:
    name = {"LoadBalancer": "LoadBalancerAttributes", "TargetGroup": "TargetGroupAttributes", "Listener": "ListenerAttributes"}[type_]
    properties = {name: [{"Key": key, "Value": value}], "Protocol": "TLS"}
    return "\n".join(finding.message for finding in balancer_attributes.findings(document(f"{ELB}::{type_}", properties)))


@pytest.mark.parametrize(
    ("type_", "key", "value"),
    [
        ("LoadBalancer", "deletion_protection.enabled", "true"),
        ("LoadBalancer", "secondary_ips.auto_assigned.per_subnet", "7"),
        ("LoadBalancer", "access_logs.s3.bucket", {"Ref": "Logs"}),
        ("TargetGroup", "deregistration_delay.timeout_seconds", "3600"),
        ("TargetGroup", "load_balancing.cross_zone.enabled", "use_load_balancer_configuration"),
        ("TargetGroup", "target_group_health.dns_failover.minimum_healthy_targets.count", "off"),
    ],
)
def test_attributes_that_exist(type_: str, key: str, value: Any) -> None:
    assert attributes(type_, key, value) == ""


@pytest.mark.parametrize(
    ("type_", "key", "value", "message"),
    [
        ("LoadBalancer", "deletion_protection", "true", "attribute deletion_protection does not exist"),
        ("LoadBalancer", "idle_timeout.timeout_seconds", "60", "does not exist for a network load balancer"),
        ("LoadBalancer", "deletion_protection.enabled", "yes", "'yes' is not one of false, true"),
        ("LoadBalancer", "deletion_protection.enabled", True, "must be text: write 'true'"),
        ("LoadBalancer", "secondary_ips.auto_assigned.per_subnet", "8", "not a number from 0 to 7"),
        ("TargetGroup", "deregistration_delay.timeout_seconds", "3601", "not a number from 0 to 3600"),
        ("TargetGroup", "deregistration_delay.timeout_seconds", "-1", "not a number from 0 to 3600"),
        ("TargetGroup", "preserve_client_ip", "true", "attribute preserve_client_ip does not exist"),
        ("TargetGroup", "stickiness.type", "lb_cookie", "'lb_cookie' is not one of"),
        (
            "TargetGroup",
            "target_health_state.unhealthy.draining_interval_seconds",
            "60",
            "needs connection_termination.enabled to be false",
        ),
        ("Listener", "tcp.idle_timeout.seconds", "350", "does not exist for a network load balancer: use one of none"),
    ],
)
def test_attributes_that_aws_refuses(type_: str, key: str, value: Any, message: str) -> None:
    assert message in attributes(type_, key, value)


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"Protocol": "TLS", "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-9"}, "does not exist or has no TLS 1.3"),
        ({"Protocol": "TLS", "SslPolicy": "ELBSecurityPolicy-2016-08"}, "does not exist or has no TLS 1.3"),
        ({"Protocol": "TLS", "AlpnPolicy": ["HTTP2"]}, "give one of HTTP1Only"),
        ({"Protocol": "TLS", "AlpnPolicy": ["HTTP2Only", "None"]}, "give one of HTTP1Only"),
        ({"Protocol": "TCP", "AlpnPolicy": ["HTTP2Only"]}, "AlpnPolicy is for TLS listeners"),
    ],
)
def test_listeners_that_aws_refuses(properties: dict[str, Any], message: str) -> None:
    assert message in "\n".join(finding.message for finding in balancer_attributes.findings(document(f"{ELB}::Listener", properties)))


@pytest.mark.parametrize(
    ("type_", "properties", "message"),
    [
        ("AWS::CodeBuild::Project", {"Environment": {"Type": "ARM64_CONTAINER"}}, "'ARM64_CONTAINER' is none of"),
        ("AWS::CodeBuild::Project", {"Environment": {"ComputeType": "BUILD_GENERAL1_TINY"}}, "'BUILD_GENERAL1_TINY' is none of"),
        ("AWS::CodeBuild::Project", {"TimeoutInMinutes": 4}, "4 is less than 5"),
        ("AWS::ECS::TaskDefinition", {"RuntimePlatform": {"CpuArchitecture": "AARCH64"}}, "'AARCH64' is none of ARM64, X86_64"),
        (
            "AWS::ECS::TaskDefinition",
            {"ContainerDefinitions": [{"LogConfiguration": {"LogDriver": "cloudwatch"}}]},
            "'cloudwatch' is none of",
        ),
        ("AWS::ECS::Service", {"NetworkConfiguration": {"AwsvpcConfiguration": {"AssignPublicIp": "TRUE"}}}, "'TRUE' is none of"),
        ("AWS::ECS::Service", {"DeploymentConfiguration": {"Strategy": "BLUEGREEN"}}, "'BLUEGREEN' is none of"),
        ("AWS::ECS::Service", {"CapacityProviderStrategy": [{"CapacityProvider": "FARGATE", "Weight": 1001}]}, "1001 is more than 1000"),
        ("AWS::ECR::Repository", {"ImageTagMutability": "FIXED"}, "'FIXED' is none of"),
        (f"{ELB}::TargetGroup", {"HealthCheckIntervalSeconds": 1}, "1 is less than 5"),
        (f"{ELB}::LoadBalancer", {"Scheme": "public"}, "'public' is none of"),
        ("AWS::CodeConnections::Connection", {"ConnectionName": "x" * 33}, "33 characters is more than 32"),
    ],
)
def test_words_and_numbers_that_the_service_refuses(type_: str, properties: dict[str, Any], message: str) -> None:
    assert message in "\n".join(finding.message for finding in service_models.findings(document(type_, properties)))


def test_values_known_only_to_aws_are_not_judged() -> None:
    properties = {"Environment": {"Type": {"Ref": "Kind"}, "Image": {"Fn::Sub": "${A}"}}}
    assert list(service_models.findings(document("AWS::CodeBuild::Project", properties))) == []


@pytest.mark.parametrize("type_", service_models.INPUTS)
def test_every_service_model_is_there(type_: str) -> None:
    service, shape = service_models.INPUTS[type_]
    assert list(service_models.violations(service, shape, {})) == []


@pytest.mark.parametrize(
    "action", ["ecr:PutImage", "codestar-connections:UseConnection", "s3:Get*", "*", "application-autoscaling:TagResource"]
)
def test_actions_that_exist(action: str) -> None:
    assert iam(action) == ""


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("ecr:PushImage", "ecr has no such action"),
        ("ecr:putimage", "ecr has no such action"),
        ("elbv2:DescribeTargetHealth", "no service has the prefix 'elbv2'"),
        ("s3:Fetch*", "s3 has no such action"),
        ("PutImage", "no service has the prefix"),
        ("aws:Action", "aws has no such action"),
    ],
)
def test_actions_that_do_not_exist(action: str, message: str) -> None:
    assert message in iam(action)


def iam(action: str) -> str:
    policy = {"Statement": [{"Effect": "Allow", "Action": [action], "Resource": "*"}]}
    found = iam_actions.findings(document("AWS::S3::BucketPolicy", {"PolicyDocument": policy}))
    return "\n".join(finding.message for finding in found)


def lifecycle(**changes: Any) -> dict[str, Any]:
    selection = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14}
    rule = {"rulePriority": 1, "description": "untagged images", "selection": selection, "action": {"type": "expire"}}
    return {"rules": [{**rule, **changes.pop("rule", {}), "selection": {**selection, **changes}}]}


def lifecycle_findings(text: Any) -> str:
    found = embedded_json.findings(document("AWS::ECR::Repository", {"LifecyclePolicy": {"LifecyclePolicyText": text}}))
    return "\n".join(finding.message for finding in found)


def test_a_sound_lifecycle_policy_has_no_findings() -> None:
    assert lifecycle_findings(json.dumps(lifecycle())) == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"rules":[]}', "has 12 characters: ECR wants at least 100"),
        ("{" + " " * 100, "is not a lifecycle policy"),
        (json.dumps(lifecycle(tagStatus="none")), "tagStatus 'none' is none of"),
        (json.dumps(lifecycle(tagStatus="tagged")), "tagPrefixList or tagPatternList belongs to tagStatus tagged"),
        (json.dumps(lifecycle(tagPrefixList=["v"])), "tagPrefixList or tagPatternList belongs to tagStatus tagged"),
        (json.dumps(lifecycle(countType="imageCountMoreThan")), "countUnit belongs to"),
        (json.dumps(lifecycle(countNumber=0)), "countNumber 0 is not a positive number"),
        (json.dumps(lifecycle(rule={"action": {"type": "delete"}})), "is neither expire nor transition"),
        (
            json.dumps({"rules": lifecycle(tagStatus="any")["rules"] + lifecycle(rule={"rulePriority": 2})["rules"]}),
            "highest priority number",
        ),
        (json.dumps({"rules": lifecycle()["rules"] * 2}), "are not unique"),
    ],
)
def test_lifecycle_policies_that_ecr_refuses(text: str, message: str) -> None:
    assert message in lifecycle_findings(text)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "is not a dashboard"),
        ('{"panels":[]}', "is not a dashboard"),
        ('{"widgets":[{"type":"metric"}]}', "needs type and properties"),
        ({"Fn::Sub": '{"widgets":[{"type":"text","x":20,"width":6,"properties":{"markdown":"${AWS::Region}"}}]}'}, "beyond column 24"),
    ],
)
def test_dashboards_that_cloudwatch_refuses(body: Any, message: str) -> None:
    found = embedded_json.findings(document("AWS::CloudWatch::Dashboard", {"DashboardBody": body}))
    assert message in "\n".join(finding.message for finding in found)


def test_a_template_that_is_too_large_is_found() -> None:
    large = Document(path="stacks/rendered/shared/registry.yaml", text="x" * 512_001, region="", content={})
    assert [finding.rule for finding in template_limits.findings(large, ROOT)] == ["template-size"]


@pytest.mark.parametrize(("stages", "actions", "found"), [(50, 10, []), (51, 1, ["pipeline-size"]), (50, 11, ["pipeline-size"])])
def test_a_pipeline_that_is_too_long_is_found(stages: int, actions: int, found: list[str]) -> None:
    properties = {"Stages": [{"Name": f"Stage{number}", "Actions": [{}] * actions} for number in range(stages)]}
    pipeline = {"Resources": {"Pipeline": {"Type": "AWS::CodePipeline::Pipeline", "Properties": properties}}}
    long = Document(path="stacks/rendered/shared/pipeline.yaml", text="", region="", content=pipeline)
    assert [finding.rule for finding in template_limits.findings(long, ROOT)] == found


def test_builds_that_share_a_role_are_found() -> None:
    projects = {name: {"Type": "AWS::CodeBuild::Project", "Properties": {"ServiceRole": {"Ref": "Role"}}} for name in ("A", "B")}
    shared = Document(path="stacks/rendered/shared/registry.yaml", text="", region="", content={"Resources": projects})
    assert [finding.rule for finding in template_limits.findings(shared, ROOT)] == ["build-role-shared"]


@pytest.mark.parametrize(
    ("shape", "known"),
    [
        ("LoadBalancerAttribute", balancer_attributes.LOAD_BALANCER),
        ("TargetGroupAttribute", balancer_attributes.TARGET_GROUP),
        ("ListenerAttribute", balancer_attributes.LISTENER["TCP"]),
    ],
)
def test_the_attributes_are_those_that_aws_documents_for_network_load_balancers(shape: str, known: dict[str, Any]) -> None:
    """The service model names the attributes only in its text, in paragraphs by kind of load balancer."""
    text = Loader().load_service_model("elbv2", "service-2")["shapes"][shape]["members"]["Key"]["documentation"]
    documented: set[str] = set()
    for paragraph in text.split("<p>The following attribute")[1:]:
        heading, _, items = paragraph.partition("</p>")
        if "all load balancers" in heading or "Network Load Balancer" in heading:
            documented |= set(re.findall(r"<li>\s*<p>\s*<code>(\w+\.[\w.]+)</code>", items))
    assert documented == set(known)
