"""What moto lacks in EC2, ACM and CloudWatch, shown with the mend."""

from __future__ import annotations

import random
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.local


def code(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    found: str = caught.value.response["Error"]["Code"]
    return found


def test_what_is_in_use_stays(cloud: Any) -> None:
    client = cloud.client("ec2")
    vpc = client.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
    used, user = (client.create_security_group(GroupName=name, Description=name, VpcId=vpc)["GroupId"] for name in ("used", "user"))
    peer = [{"IpProtocol": "tcp", "FromPort": 80, "ToPort": 80, "UserIdGroupPairs": [{"GroupId": used}]}]
    client.authorize_security_group_ingress(GroupId=user, IpPermissions=peer)
    interface = client.create_network_interface(SubnetId=subnet, Groups=[user])["NetworkInterface"]["NetworkInterfaceId"]
    assert code(client.delete_security_group, GroupId=used) == "DependencyViolation"
    assert code(client.delete_security_group, GroupId=user) == "DependencyViolation"
    assert code(client.delete_subnet, SubnetId=subnet) == "DependencyViolation"
    client.delete_network_interface(NetworkInterfaceId=interface)
    client.delete_subnet(SubnetId=subnet)
    assert code(client.delete_vpc, VpcId=vpc) == "DependencyViolation"
    client.delete_security_group(GroupId=user)
    client.delete_security_group(GroupId=used)
    client.delete_vpc(VpcId=vpc)


def test_addresses_are_scarce_and_unique(cloud: Any) -> None:
    client = cloud.client("ec2")
    given = [client.allocate_address(Domain="vpc") for _ in range(5)]
    assert len({address["PublicIp"] for address in given}) == 5
    assert code(client.allocate_address, Domain="vpc") == "AddressLimitExceeded"
    client.release_address(AllocationId=given[0]["AllocationId"])
    assert code(client.allocate_address, Domain="vpc", Address=given[1]["PublicIp"]) == "InvalidAddress.NotFound"
    assert client.allocate_address(Domain="vpc", Address=given[0]["PublicIp"])["PublicIp"] == given[0]["PublicIp"]


def test_an_address_is_nowhere_where_something_else_lives(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    client = cloud.client("ec2")
    client.create_vpc(CidrBlock="10.20.0.0/16")
    drawn = iter([0, 1, 1, 20, 1, 1, 254, 1, 1, 99, 1, 1, 99, 1, 1, 99, 1, 2])
    monkeypatch.setattr(random, "randint", lambda _low, _high: next(drawn))
    assert client.allocate_address(Domain="vpc")["PublicIp"] == "127.99.1.1"
    assert client.allocate_address(Domain="vpc")["PublicIp"] == "127.99.1.2"


def test_a_certificate_in_use_is_not_deleted(cloud: Any) -> None:
    client, elb, certificates = (cloud.client(service) for service in ("ec2", "elbv2", "acm"))
    vpc = client.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
    balancer = elb.create_load_balancer(Name="front", Type="network", Scheme="internal", Subnets=[subnet])["LoadBalancers"][0][
        "LoadBalancerArn"
    ]
    group = elb.create_target_group(Name="group", Protocol="TCP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
    arn = certificates.request_certificate(DomainName="a.example.com")["CertificateArn"]
    listener = elb.create_listener(
        LoadBalancerArn=balancer,
        Protocol="TLS",
        Port=443,
        Certificates=[{"CertificateArn": arn}],
        DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
    )["Listeners"][0]["ListenerArn"]
    assert code(certificates.delete_certificate, CertificateArn=arn) == "ResourceInUseException"
    elb.delete_listener(ListenerArn=listener)
    certificates.delete_certificate(CertificateArn=arn)


def test_an_alarm_keeps_its_state_when_changed(cloud: Any) -> None:
    client = cloud.client("cloudwatch")
    alarm = {
        "MetricName": "m",
        "Namespace": "n",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    client.put_metric_alarm(AlarmName="a", Threshold=1, **alarm)
    assert client.describe_alarms()["MetricAlarms"][0]["StateValue"] == "INSUFFICIENT_DATA"
    client.set_alarm_state(AlarmName="a", StateValue="ALARM", StateReason="seen")
    client.put_metric_alarm(AlarmName="a", Threshold=2, **alarm)
    assert client.describe_alarms()["MetricAlarms"][0]["StateValue"] == "ALARM"


def test_only_a_tcp_listener_has_an_idle_timeout_of_its_own(cloud: Any) -> None:
    client, elb = cloud.client("ec2"), cloud.client("elbv2")
    vpc = client.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    subnet = client.create_subnet(VpcId=vpc, CidrBlock="10.20.0.0/24")["Subnet"]["SubnetId"]
    made = elb.create_load_balancer(Name="front", Type="network", Scheme="internal", Subnets=[subnet])["LoadBalancers"][0]
    group = elb.create_target_group(Name="group", Protocol="TCP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0]["TargetGroupArn"]
    certificate = cloud.client("acm").request_certificate(DomainName="a.example.com")["CertificateArn"]
    forward = {"LoadBalancerArn": made["LoadBalancerArn"], "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}]}
    tcp = elb.create_listener(**forward, Protocol="TCP", Port=5432)["Listeners"][0]["ListenerArn"]
    tls = elb.create_listener(**forward, Protocol="TLS", Port=443, Certificates=[{"CertificateArn": certificate}])["Listeners"][0]

    def wanted(value: str) -> list[dict[str, str]]:
        return [{"Key": "tcp.idle_timeout.seconds", "Value": value}]

    elb.modify_listener_attributes(ListenerArn=tcp, Attributes=wanted("6000"))
    assert elb.describe_listener_attributes(ListenerArn=tcp)["Attributes"] == wanted("6000")
    for value in ("59", "6001", "long"):
        assert code(elb.modify_listener_attributes, ListenerArn=tcp, Attributes=wanted(value)) == "ValidationError"
    refusal = code(elb.modify_listener_attributes, ListenerArn=tls["ListenerArn"], Attributes=wanted("60"))
    assert refusal == "InvalidConfigurationRequest"
