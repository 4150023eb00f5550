"""Asks moto without any gap mended, in a process of its own, and prints what was right: {gap: bool}."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

REGION = "ap-northeast-1"


def refused(code: str, call: Callable[[], Any]) -> bool:
    try:
        call()
    except ClientError as error:
        return error.response["Error"]["Code"] == code
    return False


@mock_aws
def answers() -> dict[str, bool]:
    ec2, elb, ecs = (boto3.client(name, region_name=REGION) for name in ("ec2", "elbv2", "ecs"))
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=cidr, AvailabilityZone=f"{REGION}{zone}")["Subnet"]["SubnetId"]
        for zone, cidr in (("a", "10.20.0.0/28"), ("c", "10.20.1.0/28"))
    ]
    allocations = [ec2.allocate_address(Domain="vpc")["AllocationId"] for _ in range(3)]
    mappings = [{"SubnetId": subnet, "AllocationId": found} for subnet, found in zip(subnets, allocations, strict=False)]

    def make(name: str) -> dict[str, Any]:
        made: dict[str, Any] = elb.create_load_balancer(Name=name, Type="network", SubnetMappings=mappings)["LoadBalancers"][0]
        return made

    balancer = make("one")
    arn = balancer["LoadBalancerArn"]
    group = elb.create_target_group(Name="group", Protocol="TCP", Port=8080, VpcId=vpc, TargetType="ip")["TargetGroups"][0][
        "TargetGroupArn"
    ]
    certificate = boto3.client("acm", region_name=REGION).request_certificate(DomainName="a.example.com")["CertificateArn"]
    listener = elb.create_listener(
        LoadBalancerArn=arn,
        Protocol="TLS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Listeners"][0]["ListenerArn"]
    elb.register_targets(TargetGroupArn=group, Targets=[{"Id": "10.20.0.7", "Port": 8080}])
    attributes = {found["Key"]: found["Value"] for found in elb.describe_target_group_attributes(TargetGroupArn=group)["Attributes"]}
    interfaces = [ec2.create_network_interface(SubnetId=subnets[0])["NetworkInterface"]["PrivateIpAddress"] for _ in range(9)]
    security = ec2.create_security_group(GroupName="g", Description="g", VpcId=vpc)["GroupId"]
    facts = {
        "network_balancers_hold_their_addresses": ":loadbalancer/net/" in arn and refused("ResourceInUse", lambda: make("two")),
        "balancers_show_their_addresses": all(zone.get("LoadBalancerAddresses") for zone in balancer["AvailabilityZones"]),
        "held_addresses_are_not_released": refused("InvalidIPAddress.InUse", lambda: ec2.release_address(AllocationId=allocations[1])),
        "security_groups_only_from_the_start": refused(
            "InvalidConfigurationRequest", lambda: elb.set_security_groups(LoadBalancerArn=arn, SecurityGroups=[security])
        ),
        "subnets_change_with_their_addresses": refused(
            "InvalidConfigurationRequest",
            lambda: elb.set_subnets(
                LoadBalancerArn=arn, SubnetMappings=[{"SubnetId": subnets[0], "AllocationId": allocations[2]}, {"SubnetId": subnets[1]}]
            ),
        ),
        "private_addresses_are_unique": len(set(interfaces)) == len(interfaces) and "10.20.0.0" not in interfaces,
        "network_target_groups_have_their_own_attributes": attributes.get("preserve_client_ip.enabled") == "false",
        "target_health_is_measured": elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"][0]["TargetHealth"][
            "State"
        ]
        == "initial",
        "listeners_keep_tls_settings": not refused(
            "UnsupportedProtocol", lambda: elb.modify_listener(ListenerArn=listener, Protocol="TLS")
        ),
    }
    elb.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=[{"Key": "deletion_protection.enabled", "Value": "true"}])
    facts["deletion_gives_addresses_back"] = refused("OperationNotPermitted", lambda: elb.delete_load_balancer(LoadBalancerArn=arn))
    return facts | services(ecs, subnets, security)


def services(ecs: Any, subnets: list[str], security: str) -> dict[str, bool]:
    ecs.create_cluster(clusterName="c")

    def definition() -> str:
        found: str = ecs.register_task_definition(
            family="f", networkMode="awsvpc", requiresCompatibilities=["FARGATE"], cpu="256", memory="512",
            containerDefinitions=[{"name": "p", "image": "i", "cpu": 1, "memory": 128}],
        )["taskDefinition"]["taskDefinitionArn"]  # fmt: skip
        return found

    network = {"awsvpcConfiguration": {"subnets": subnets, "securityGroups": [security]}}
    made = ecs.create_service(
        cluster="c",
        serviceName="s",
        taskDefinition=definition(),
        desiredCount=1,
        capacityProviderStrategy=[{"capacityProvider": "FARGATE", "weight": 1}],
        networkConfiguration=network,
    )["service"]
    updated = ecs.update_service(cluster="c", service="s", taskDefinition=definition())["service"]
    listed = ecs.list_tasks(cluster="c", serviceName="s")["taskArns"]
    deleted = ecs.delete_service(cluster="c", service="s", force=True)["service"]
    remaining = ecs.list_services(cluster="c")["serviceArns"]
    return {
        "services_keep_what_they_were_given": "capacityProviderStrategy" in made and "launchType" not in made,
        "updates_start_deployments": len(updated["deployments"]) == 2,
        "tasks_are_the_data_planes": len(listed) == 1,
        "deletions_drain": deleted["desiredCount"] == 0,
        "descriptions_show_what_runs": remaining == [],
    }


if __name__ == "__main__":
    print(json.dumps(answers()))  # noqa: T201
