"""What somebody may change by hand, kind by kind, and which answers each allows."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

CLIENT, TESTERS, OFFICE = "203.0.113.99/32", "192.0.2.0/24", "198.51.100.0/24"


@dataclass(frozen=True)
class Kind:
    """`change` does it; `differs` is the property; `cannot` are the ways that must not be offered; `key` is what adopting changes."""

    place: str
    differs: str
    change: Callable[[Any], None]
    cannot: tuple[str, ...] = ()
    key: str = ""


def rule(cidr: str, note: str = "", port: int = 443) -> list[dict[str, Any]]:
    described = {"Description": note} if note else {}
    return [{"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": cidr, **described}]}]


def physical(cloud: Any, place: str) -> str:
    stack, name = place.split("/")
    found: str = cloud.ids(f"kotei-staging-{stack}")[name]
    return found


def group(cloud: Any) -> None:
    """A rule added, one removed, one changed."""
    ec2, identity = cloud.client("ec2"), physical(cloud, "security/LoadBalancerGroup")
    ec2.authorize_security_group_ingress(GroupId=identity, IpPermissions=rule(CLIENT, "incident 7"))
    ec2.revoke_security_group_ingress(GroupId=identity, IpPermissions=rule(TESTERS, "Example Testing Ltd, load test"))
    ec2.update_security_group_rule_descriptions_ingress(GroupId=identity, IpPermissions=rule(OFFICE, "Offices, and a branch"))


def tasks_group(cloud: Any) -> None:
    ec2, identity = cloud.client("ec2"), physical(cloud, "security/TaskGroup")
    ec2.authorize_security_group_egress(GroupId=identity, IpPermissions=rule("10.9.0.0/16", "a database", 5432))


def listener(**changes: Any) -> Callable[[Any], None]:
    return lambda cloud: cloud.client("elbv2").modify_listener(ListenerArn=physical(cloud, "loadbalancer/Listener"), **changes)


def attributes(**changes: str) -> Callable[[Any], None]:
    given = [{"Key": key.replace("__", "."), "Value": value} for key, value in changes.items()]
    return lambda cloud: cloud.client("elbv2").modify_load_balancer_attributes(
        LoadBalancerArn=physical(cloud, "loadbalancer/LoadBalancer"), Attributes=given
    )


def service(**changes: Any) -> Callable[[Any], None]:
    return lambda cloud: cloud.client("ecs").update_service(cluster="kotei-staging", service="proxy", **changes)


def other_revision(cloud: Any) -> None:
    ecs = cloud.client("ecs")
    found = ecs.describe_task_definition(taskDefinition=physical(cloud, "service/TaskDefinition"))["taskDefinition"]
    keys = (
        "family",
        "containerDefinitions",
        "networkMode",
        "cpu",
        "memory",
        "requiresCompatibilities",
        "executionRoleArn",
        "taskRoleArn",
    )
    made = ecs.register_task_definition(**{key: found[key] for key in keys if key in found})["taskDefinition"]
    ecs.update_service(cluster="kotei-staging", service="proxy", taskDefinition=made["taskDefinitionArn"])


def outside_group(cloud: Any) -> None:
    found = cloud.client("ecs").describe_services(cluster="kotei-staging", services=["proxy"])["services"][0]
    way = found["networkConfiguration"]["awsvpcConfiguration"]
    with_other = {**way, "securityGroups": [*way["securityGroups"], physical(cloud, "security/LoadBalancerGroup")]}
    service(networkConfiguration={"awsvpcConfiguration": with_other})(cloud)


def deployment(cloud: Any) -> None:
    found = cloud.client("ecs").describe_services(cluster="kotei-staging", services=["proxy"])["services"][0]
    service(deploymentConfiguration={**found["deploymentConfiguration"], "minimumHealthyPercent": 50})(cloud)


def retention(cloud: Any) -> None:
    cloud.client("logs").put_retention_policy(logGroupName=physical(cloud, "service/Logs"), retentionInDays=1)


def more_tasks(cloud: Any) -> None:
    cloud.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs", ResourceId="service/kotei-staging/proxy", ScalableDimension="ecs:service:DesiredCount", MaxCapacity=6
    )


def task_role(cloud: Any) -> None:
    allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::x/y"]}]}
    role = physical(cloud, "service/TaskRole")
    cloud.client("iam").put_role_policy(RoleName=role, PolicyName="proxy", PolicyDocument=json.dumps(allowed))


def public(cloud: Any) -> None:
    cloud.client("s3").put_public_access_block(
        Bucket=physical(cloud, "loadbalancer/AccessLogs"),
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "IgnorePublicAcls": True,
            "BlockPublicPolicy": False,
            "RestrictPublicBuckets": True,
        },
    )


def retagged(cloud: Any) -> None:
    ec2 = cloud.client("ec2")
    found = ec2.describe_addresses(PublicIps=[physical(cloud, "addresses/EipA")])["Addresses"][0]["AllocationId"]
    ec2.create_tags(Resources=[found], Tags=[{"Key": "Name", "Value": "mine"}])


KINDS = (
    Kind("security/LoadBalancerGroup", "SecurityGroupIngress", group, key="access.allow"),
    Kind("security/TaskGroup", "SecurityGroupEgress", tasks_group),
    Kind("loadbalancer/Listener", "SslPolicy", listener(SslPolicy="ELBSecurityPolicy-TLS13-1-2-2021-06"), key="loadbalancer.ssl_policy"),
    Kind("loadbalancer/Listener", "AlpnPolicy", listener(AlpnPolicy=["HTTP2Preferred"])),
    Kind(
        "loadbalancer/LoadBalancer",
        "LoadBalancerAttributes",
        attributes(deletion_protection__enabled="false", load_balancing__cross_zone__enabled="false"),
        key="loadbalancer.deletion_protection",
    ),
    Kind("loadbalancer/AccessLogs", "PublicAccessBlockConfiguration", public),
    Kind("service/Service", "TaskDefinition", other_revision),
    Kind("service/Service", "NetworkConfiguration", outside_group),
    Kind("service/Service", "DeploymentConfiguration", deployment),
    Kind("service/Service", "HealthCheckGracePeriodSeconds", service(healthCheckGracePeriodSeconds=5)),
    Kind("service/Logs", "RetentionInDays", retention, key="service.log_days"),
    Kind("service/ScalableTarget", "MaxCapacity", more_tasks, key="service.max_tasks"),
    Kind("service/TaskRole", "Policies", task_role),
    Kind("addresses/EipA", "Tags", retagged, cannot=("revert",)),
)
