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


def ec2_answers(ec2: Any) -> dict[str, bool]:
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
    ec2.create_network_interface(SubnetId=subnet)
    used, user = (ec2.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("used", "user"))
    peer = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": used}]}]
    ec2.authorize_security_group_ingress(GroupId=user, IpPermissions=peer)
    answers = {
        "security_groups_in_use_are_not_deleted": refused("DependencyViolation", lambda: ec2.delete_security_group(GroupId=used)),
        "subnets_in_use_are_not_deleted": refused("DependencyViolation", lambda: ec2.delete_subnet(SubnetId=subnet)),
    }
    bare = ec2.create_vpc(CidrBlock="10.30.0.0/16")["Vpc"]["VpcId"]
    ec2.create_security_group(GroupName="left", Description="left", VpcId=bare)
    answers["vpcs_in_use_are_not_deleted"] = refused("DependencyViolation", lambda: ec2.delete_vpc(VpcId=bare))
    first = ec2.allocate_address(Domain="vpc")["PublicIp"]
    again = refused("InvalidAddress.NotFound", lambda: ec2.allocate_address(Domain="vpc", Address=first))
    answers["addresses_are_recovered_only_when_free"] = again
    answers["addresses_have_a_quota"] = refused("AddressLimitExceeded", lambda: [ec2.allocate_address(Domain="vpc") for _ in range(6)])
    seconds = {ec2.allocate_address(Domain="vpc")["PublicIp"].split(".")[1] for _ in range(1500)}
    answers["addresses_do_not_collide"] = not seconds & {"0", "20", "254"}
    return answers


def listener_answers(ec2: Any, elb: Any, acm: Any) -> dict[str, bool]:
    vpc = ec2.create_vpc(CidrBlock="10.40.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.40.0.0/24")["Subnet"]["SubnetId"]
    balancer = elb.create_load_balancer(Name="front", Type="network", Subnets=[subnet])["LoadBalancers"][0]["LoadBalancerArn"]
    group = elb.create_target_group(Name="group", Protocol="TCP", Port=80, VpcId=vpc)["TargetGroups"][0]["TargetGroupArn"]
    certificate = acm.request_certificate(DomainName="a.example.com")["CertificateArn"]
    elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="TLS",
        Port=443,
        Certificates=[{"CertificateArn": certificate}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )
    deleted = lambda: acm.delete_certificate(CertificateArn=certificate)  # noqa: E731  # one use
    return {"certificates_in_use_are_not_deleted": refused("ResourceInUseException", deleted)}


def alarm_answers(cloudwatch: Any) -> dict[str, bool]:
    cloudwatch.put_metric_alarm(
        AlarmName="a",
        MetricName="m",
        Namespace="n",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    state = cloudwatch.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]["StateValue"]
    return {"alarms_start_without_data": state == "INSUFFICIENT_DATA"}


@mock_aws
def main() -> None:
    ec2, elb, acm, cloudwatch = (boto3.client(name, region_name=REGION) for name in ("ec2", "elbv2", "acm", "cloudwatch"))
    print(json.dumps({**ec2_answers(ec2), **listener_answers(ec2, elb, acm), **alarm_answers(cloudwatch)}))  # noqa: T201  # its answer


if __name__ == "__main__":
    main()
