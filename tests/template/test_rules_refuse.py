"""What a single bad template cannot show: the other ways around each house rule."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.checks import template_rules
from pipeline.checks.template_rules import Validator
from pipeline.paths import GUARD_RULES, ROOT

FIXTURES = Path(__file__).parent / "rules"
ANYBODY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["kms:Decrypt"], "Resource": "*"}]}

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(scope="module")
def validate() -> Validator:
    return template_rules.validator(ROOT / GUARD_RULES)


def resource(logical_id: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda document: document["Resources"][logical_id]["Properties"]


def container(document: dict[str, Any], number: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = resource("TaskDefinition")(document)["ContainerDefinitions"][number]
    return found


def attributes(logical_id: str) -> Callable[[dict[str, Any]], list[dict[str, Any]]]:
    return lambda document: resource(logical_id)(document)["TargetGroupAttributes"]


def statement(document: dict[str, Any], number: int) -> dict[str, Any]:
    found: dict[str, Any] = resource("Role")(document)["Policies"][0]["PolicyDocument"]["Statement"][number]
    return found


# The rule, and how its good template is made bad.
WAYS: list[tuple[str, str, Change]] = [
    ("address_retained", "released on replacement", lambda d: d["Resources"]["AddressA"].update(UpdateReplacePolicy="Delete")),
    ("address_retained", "snapshot", lambda d: d["Resources"]["AddressA"].update(DeletionPolicy="Snapshot")),
    (
        "load_balancer_fixed_addresses",
        "subnets",
        lambda d: resource("LoadBalancer")(d).update(Subnets=resource("LoadBalancer")(d).pop("SubnetMappings")),
    ),
    ("load_balancer_fixed_addresses", "application", lambda d: resource("LoadBalancer")(d).update(Type="application")),
    ("load_balancer_fixed_addresses", "no mapping", lambda d: resource("LoadBalancer")(d).update(SubnetMappings=[])),
    ("load_balancer_security_groups", "empty list", lambda d: resource("LoadBalancer")(d).update(SecurityGroups=[])),
    ("listener_tls", "no certificate", lambda d: resource("Listener")(d).pop("Certificates")),
    ("listener_modern_policy", "TLS 1.1", lambda d: resource("Listener")(d).update(SslPolicy="ELBSecurityPolicy-TLS13-1-1-2021-06")),
    (
        "listener_modern_policy",
        "old ciphers",
        lambda d: resource("Listener")(d).update(SslPolicy="ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06"),
    ),
    ("listener_tls", "TCP that does not say so", lambda d: resource("Listener")(d).update(Protocol="TCP")),
    ("listener_passthrough_whole", "TLS", lambda d: resource("Listener5432")(d).update(Protocol="TLS")),
    ("listener_passthrough_whole", "certificate", lambda d: resource("Listener5432")(d).update(Certificates=[{"CertificateArn": "x"}])),
    ("listener_passthrough_whole", "no idle timeout", lambda d: resource("Listener5432")(d).pop("ListenerAttributes")),
    ("target_group_client_address_explicit", "PROXY not said", lambda d: attributes("TargetGroup")(d).pop(0)),
    ("target_groups_agree", "PROXY in one", lambda d: attributes("TargetGroup5432")(d)[0].update(Value="true")),
    ("target_groups_agree", "another health port", lambda d: resource("TargetGroup5432")(d).update(HealthCheckPort="5432")),
    ("target_group_drains", "too short", lambda d: attributes("TargetGroup")(d)[2].update(Value="119")),
    ("target_group_drains", "cut", lambda d: attributes("TargetGroup")(d)[3].update(Value="true")),
    ("target_group_drains", "cutting not said", lambda d: attributes("TargetGroup")(d).pop(3)),
    ("task_stop_timeout_enough", "more than Fargate has", lambda d: container(d).update(StopTimeout=121)),
    ("task_stop_timeout_enough", "essential by name", lambda d: container(d).update(Essential=True, StopTimeout=29)),
    ("task_health_check_own_port", "by a name", lambda d: container(d)["HealthCheck"]["Command"].pop()),
    ("task_mounts_read_only", "not said", lambda d: container(d)["MountPoints"][0].pop("ReadOnly")),
    ("task_no_plaintext_secrets", "a key as text", lambda d: container(d).update(Environment=[{"Name": "X", "Value": "-----BEGIN X"}])),
    ("task_secrets_apart", "in nginx", lambda d: container(d).update(Secrets=[{"Name": "X", "ValueFrom": "x"}])),
    ("task_secrets_apart", "a port", lambda d: container(d, 1).update(PortMappings=[{"ContainerPort": 8080}])),
    ("task_secrets_apart", "nobody waits", lambda d: container(d).pop("DependsOn")),
    ("task_secrets_apart", "waits for the start only", lambda d: container(d)["DependsOn"][0].update(Condition="START")),
    (
        "iam_role_bounded",
        "another policy",
        lambda d: resource("Role")(d).update(PermissionsBoundary="arn:aws:iam::aws:policy/PowerUserAccess"),
    ),
    (
        "iam_role_bounded",
        "of another account",
        lambda d: resource("Role")(d).update(
            PermissionsBoundary={"Fn::Sub": "arn:aws:iam::999999999999:policy/kotei-roles-staging-boundary"}
        ),
    ),
    (
        "iam_role_bounded",
        "one service of two",
        lambda d: (
            resource("Role")(d).pop("PermissionsBoundary"),
            resource("Role")(d)["AssumeRolePolicyDocument"]["Statement"][0].update(
                Principal={"Service": ["lambda.amazonaws.com", "ecs-tasks.amazonaws.com"]}
            ),
        ),
    ),
    ("iam_secrets_named", "no boundary", lambda d: resource("Boundary")(d).pop("ManagedPolicyName")),
    ("iam_secrets_named", "every secret", lambda d: statement(d, 0).update(Resource=["*"], Sid="AnyResourceSecrets")),
    ("iam_secrets_named", "another action", lambda d: statement(d, 0).update(Action=["secretsmanager:ListSecrets"], Resource=["*"])),
    (
        "ingress_not_open",
        "IPv6 in a group",
        lambda d: resource("Group")(d).update(
            SecurityGroupIngress=[{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIpv6": "::/0"}]
        ),
    ),
    ("ingress_not_open", "IPv6 in a rule", lambda d: resource("Rule")(d).update(CidrIpv6="::/0")),
    ("ingress_not_open", "IPv4 in a rule", lambda d: (resource("Rule")(d).pop("CidrIpv6"), resource("Rule")(d).update(CidrIp="0.0.0.0/0"))),
    (
        "ingress_not_open",
        "second of two",
        lambda d: resource("Group")(d)["SecurityGroupIngress"].append(
            {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "0.0.0.0/0"}
        ),
    ),
    ("ingress_open_with_reason", "no reason", lambda d: d["Resources"]["Group"]["Metadata"]["kotei"].pop("reason")),
    ("ingress_ports_named", "in a group", lambda d: resource("Group")(d)["SecurityGroupIngress"][0].update(IpProtocol="-1")),
    ("task_arm64", "no platform", lambda d: resource("TaskDefinition")(d).pop("RuntimePlatform")),
    (
        "task_image_by_digest",
        "tag after a digest's place",
        lambda d: container(d)["Image"].update({"Fn::Sub": "111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/kotei/proxy:${ImageDigest}"}),
    ),
    ("task_image_by_digest", "no image", lambda d: container(d).pop("Image")),
    ("task_read_only_root", "false", lambda d: container(d).update(ReadonlyRootFilesystem=False)),
    ("task_not_root", "no user", lambda d: container(d).pop("User")),
    ("task_not_root", "root by name", lambda d: container(d).update(User="root:root")),
    ("task_drops_capabilities", "one added", lambda d: container(d)["LinuxParameters"]["Capabilities"].update(Add=["SYS_PTRACE"])),
    ("task_drops_capabilities", "some dropped", lambda d: container(d)["LinuxParameters"]["Capabilities"].update(Drop=["NET_RAW"])),
    (
        "service_rolls_back",
        "no rollback",
        lambda d: resource("Service")(d)["DeploymentConfiguration"]["DeploymentCircuitBreaker"].update(Rollback=False),
    ),
    (
        "service_shift_rolls_back",
        "no rollback",
        lambda d: resource("Service")(d)["DeploymentConfiguration"]["Alarms"].update(Rollback=False),
    ),
    (
        "service_shift_rolls_back",
        "a port that ECS cannot turn",
        lambda d: resource("Service")(d)["LoadBalancers"][0].pop("AdvancedConfiguration"),
    ),
    ("service_capacity_providers", "launch type", lambda d: resource("Service")(d).update(LaunchType="FARGATE")),
    ("service_capacity_providers", "spot alone", lambda d: resource("Service")(d)["CapacityProviderStrategy"].pop(0)),
    ("iam_no_wildcard_action", "everything", lambda d: statement(d, 0).update(Action="*")),
    ("iam_no_wildcard_action", "part of a name", lambda d: statement(d, 0).update(Action=["ecr:PutImage", "ecr:Describe*"])),
    ("iam_no_wildcard_action", "all but", lambda d: statement(d, 0).update(NotAction=statement(d, 0).pop("Action"))),
    ("iam_any_resource_says_so", "as text", lambda d: statement(d, 0).update(Resource="*")),
    (
        "iam_any_resource_says_so",
        "among others",
        lambda d: statement(d, 0).update(Resource=["arn:aws:ecr:ap-northeast-1:111122223333:repository/kotei/proxy", "*"]),
    ),
    ("iam_any_resource_says_so", "no Sid", lambda d: statement(d, 1).pop("Sid")),
    (
        "iam_pass_role_narrow",
        "condition on something else",
        lambda d: statement(d, 2).update(Condition={"StringEquals": {"aws:SourceAccount": "111122223333"}}),
    ),
    (
        "iam_trust_named",
        "anybody",
        lambda d: resource("Role")(d)["AssumeRolePolicyDocument"]["Statement"][0].update(Principal="*"),
    ),
    (
        "iam_trust_named",
        "anybody among others",
        lambda d: resource("Role")(d)["AssumeRolePolicyDocument"]["Statement"][0].update(Principal={"AWS": ["111122223333", "*"]}),
    ),
    (
        "resource_policy_not_public",
        "any AWS account",
        lambda d: resource("BucketPolicy")(d)["PolicyDocument"]["Statement"][0].update(Principal={"AWS": "*"}),
    ),
    (
        "resource_policy_not_public",
        "a key",
        lambda d: d["Resources"].update(
            Key={
                "Type": "AWS::KMS::Key",
                "DeletionPolicy": "Retain",
                "UpdateReplacePolicy": "Retain",
                "Properties": {"EnableKeyRotation": True, "KeyPolicy": ANYBODY},
            }
        ),
    ),
    ("bucket_private", "one of four", lambda d: resource("Bucket")(d)["PublicAccessBlockConfiguration"].update(BlockPublicPolicy=False)),
    ("bucket_retained", "deleted", lambda d: d["Resources"]["Bucket"].pop("DeletionPolicy")),
    (
        "bucket_expires",
        "switched off",
        lambda d: resource("Bucket")(d)["LifecycleConfiguration"]["Rules"][0].update(Status="Disabled"),
    ),
    ("bucket_tls_only", "no policy", lambda d: d["Resources"].pop("BucketPolicy")),
    (
        "bucket_tls_only",
        "policy of another bucket",
        lambda d: d["Resources"].update(Second=d["Resources"]["Bucket"]),
    ),
    ("key_rotates", "not said", lambda d: resource("Key")(d).pop("EnableKeyRotation")),
    ("repository_immutable", "not said", lambda d: resource("Repository")(d).pop("ImageTagMutability")),
    ("repository_immutable", "mutable but for", lambda d: resource("Repository")(d).update(ImageTagMutability="MUTABLE_WITH_EXCLUSION")),
    ("repository_retained", "deleted", lambda d: d["Resources"]["Repository"].pop("DeletionPolicy")),
    ("pipeline_v2_queued", "V1", lambda d: resource("Pipeline")(d).pop("PipelineType")),
    ("build_logs", "no group", lambda d: resource("Project")(d)["LogsConfig"]["CloudWatchLogs"].pop("GroupName")),
    ("build_times_out", "eight hours", lambda d: resource("Project")(d).update(TimeoutInMinutes=480)),
    (
        "build_no_plaintext_secrets",
        "plaintext by name",
        lambda d: resource("Project")(d)["Environment"]["EnvironmentVariables"].append(
            {"Name": "AWS_SECRET_ACCESS_KEY", "Type": "PLAINTEXT", "Value": "example"}
        ),
    ),
    ("alarm_tells_somebody", "nobody on the list", lambda d: d["Resources"]["Unhealthy"]["Metadata"]["kotei"].update(deployment=False)),
    ("template_without_decisions", "mappings", lambda d: d.update(Mappings={"Zones": {"a": {"b": "c"}}})),
    ("template_without_decisions", "transform", lambda d: d.update(Transform="AWS::LanguageExtensions")),
]


@pytest.mark.parametrize(("rule", "way", "change"), WAYS, ids=[f"{rule}-{way}" for rule, way, _ in WAYS])
def test_this_way_around_is_closed(validate: Validator, rule: str, way: str, change: Change) -> None:
    document = yaml.safe_load((FIXTURES / rule / "good.yaml").read_text())
    change(document)
    found = validate(f"{way}.yaml", yaml.safe_dump(document), "ap-northeast-1")
    assert rule in {finding.rule for finding in found}
    assert not any("Guard check" in finding.message for finding in found), "a clause without a message of its own"
