"""How networks, addresses, security groups and load balancers are: read back through their APIs, in the words of templates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.local.cloudformation.drift.reader import Reader, Seen, attributes, tags
from pipeline.local.cloudformation.resources.handler import SYSTEM, Properties


def _rules(group: Mapping[str, Any], *, ingress: bool) -> Iterator[Properties]:
    side = "Source" if ingress else "Destination"
    for one in group["IpPermissions" if ingress else "IpPermissionsEgress"]:
        way = {key: one[key] for key in ("IpProtocol", "FromPort", "ToPort") if one.get(key) is not None}
        for key, name, peers in (
            ("IpRanges", "CidrIp", "CidrIp"),
            ("Ipv6Ranges", "CidrIpv6", "CidrIpv6"),
            ("UserIdGroupPairs", f"{side}SecurityGroupId", "GroupId"),
            ("PrefixListIds", f"{side}PrefixListId", "PrefixListId"),
        ):
            for peer in one.get(key, []):
                described = {"Description": peer["Description"]} if peer.get("Description") else {}
                yield {**way, name: peer[peers], **described}


def _group(seen: Seen) -> Properties:
    group = seen.client("ec2").describe_security_groups(GroupIds=[seen.resource.id])["SecurityGroups"][0]
    own = {
        direction: [
            {key: value for key, value in one.properties.items() if key != "GroupId"}
            for one in seen.others
            if one.type == f"AWS::EC2::{direction}" and one.properties.get("GroupId") == seen.resource.id
        ]
        for direction in ("SecurityGroupIngress", "SecurityGroupEgress")
    }
    found = {
        direction: [rule for rule in _rules(group, ingress=direction.endswith("Ingress")) if not _among(rule, own[direction])]
        for direction in own
    }
    return {
        "GroupDescription": group["Description"],
        "GroupName": group["GroupName"],
        "VpcId": group.get("VpcId"),
        "Tags": [tag for tag in group.get("Tags", []) if not tag["Key"].startswith(SYSTEM)],
        **found,
    }


def _among(rule: Properties, own: list[Properties]) -> bool:
    """Whether another resource of the same stack made it."""
    return any({key: str(value) for key, value in one.items()} == {key: str(value) for key, value in rule.items()} for one in own)


def _rule(seen: Seen) -> Properties | None:
    """By what it says: moto gives the rule another id when its description changes."""
    given = seen.resource.properties
    ingress = seen.resource.type.endswith("Ingress")
    groups = seen.client("ec2").describe_security_groups(GroupIds=[given["GroupId"]])["SecurityGroups"]
    wanted = {key: str(value) for key, value in given.items() if key not in ("Description", "GroupId")}
    for rule in _rules(groups[0], ingress=ingress):
        if {key: str(value) for key, value in rule.items() if key != "Description"} == wanted:
            return {**rule, "GroupId": given["GroupId"]}
    return None


def _address(seen: Seen) -> Properties:
    found = seen.client("ec2").describe_addresses(AllocationIds=[seen.resource.attributes["AllocationId"]])["Addresses"][0]
    return {"Domain": found["Domain"], "Tags": found.get("Tags", [])}


def _subnet(seen: Seen) -> Properties:
    found = seen.client("ec2").describe_subnets(SubnetIds=[seen.resource.id])["Subnets"][0]
    return {key: found.get(key) for key in ("AvailabilityZone", "CidrBlock", "MapPublicIpOnLaunch", "Tags", "VpcId")}


def _vpc(seen: Seen) -> Properties:
    client = seen.client("ec2")
    found = client.describe_vpcs(VpcIds=[seen.resource.id])["Vpcs"][0]
    told = {
        name: client.describe_vpc_attribute(VpcId=seen.resource.id, Attribute=attribute)[name]["Value"]
        for name, attribute in (("EnableDnsHostnames", "enableDnsHostnames"), ("EnableDnsSupport", "enableDnsSupport"))
    }
    return {"CidrBlock": found["CidrBlock"], "Tags": found.get("Tags", []), **told}


def _route(seen: Seen) -> Properties | None:
    given = seen.resource.properties
    table = seen.client("ec2").describe_route_tables(RouteTableIds=[given["RouteTableId"]])["RouteTables"][0]
    route = next((one for one in table["Routes"] if one.get("DestinationCidrBlock") == given.get("DestinationCidrBlock")), None)
    return None if route is None else {"RouteTableId": given["RouteTableId"], **route}


def _route_table(seen: Seen) -> Properties:
    return dict(seen.client("ec2").describe_route_tables(RouteTableIds=[seen.resource.id])["RouteTables"][0])


def _balancer(seen: Seen) -> Properties:
    client, arn = seen.client("elbv2"), seen.resource.id
    found = client.describe_load_balancers(LoadBalancerArns=[arn])["LoadBalancers"][0]
    mappings = []
    for zone in found["AvailabilityZones"]:
        allocation = next((one["AllocationId"] for one in zone.get("LoadBalancerAddresses", []) if one.get("AllocationId")), None)
        mappings.append({"SubnetId": zone["SubnetId"], **({"AllocationId": allocation} if allocation else {})})
    return {
        **{key: found.get(key) for key in ("Scheme", "Type", "IpAddressType")},
        "Name": found["LoadBalancerName"],
        "SecurityGroups": found.get("SecurityGroups", []),
        "SubnetMappings": mappings,
        "LoadBalancerAttributes": attributes(
            client.describe_load_balancer_attributes(LoadBalancerArn=arn), seen.resource.properties.get("LoadBalancerAttributes")
        ),
        "Tags": tags(client, arn),
    }


def _target_group(seen: Seen) -> Properties:
    client, arn = seen.client("elbv2"), seen.resource.id
    found = client.describe_target_groups(TargetGroupArns=[arn])["TargetGroups"][0]
    return {
        **found,
        "Name": found["TargetGroupName"],
        "TargetGroupAttributes": attributes(
            client.describe_target_group_attributes(TargetGroupArn=arn), seen.resource.properties.get("TargetGroupAttributes")
        ),
        "Tags": tags(client, arn),
    }


def _listener(seen: Seen) -> Properties:
    client, arn = seen.client("elbv2"), seen.resource.id
    found = client.describe_listeners(ListenerArns=[arn])["Listeners"][0]
    certificates = [{"CertificateArn": one["CertificateArn"]} for one in found.get("Certificates", [])]
    return {
        **found,
        "Certificates": certificates,
        "DefaultActions": [_action(one) for one in found["DefaultActions"]],
        "ListenerAttributes": attributes(
            client.describe_listener_attributes(ListenerArn=arn), seen.resource.properties.get("ListenerAttributes")
        ),
        "Tags": tags(client, arn),
    }


def _action(action: Mapping[str, Any]) -> Properties:
    """A target group that is alone may be said in two ways: the handler of the type reads the shorter one."""
    groups = action.get("ForwardConfig", {}).get("TargetGroups", [])
    if len(groups) == 1:
        return {"Type": action["Type"], "TargetGroupArn": groups[0]["TargetGroupArn"]}
    return {key: value for key, value in action.items() if key != "Order"}


READERS: dict[str, Reader] = {
    "AWS::EC2::EIP": _address,
    "AWS::EC2::Route": _route,
    "AWS::EC2::RouteTable": _route_table,
    "AWS::EC2::SecurityGroup": _group,
    "AWS::EC2::SecurityGroupEgress": _rule,
    "AWS::EC2::SecurityGroupIngress": _rule,
    "AWS::EC2::Subnet": _subnet,
    "AWS::EC2::VPC": _vpc,
    "AWS::ElasticLoadBalancingV2::Listener": _listener,
    "AWS::ElasticLoadBalancingV2::LoadBalancer": _balancer,
    "AWS::ElasticLoadBalancingV2::TargetGroup": _target_group,
}
