"""VPC, subnets, gateways, routes, endpoints, flow logs."""

from __future__ import annotations

from typing import Any

from pipeline.local.cloudformation.resources.handler import (
    Handler,
    Made,
    Properties,
    ResourceError,
    Scope,
    names,
    only,
    tag_changes,
    without,
)
from pipeline.local.cloudformation.resources.shape import params


def tag(scope: Scope, identity: str, old: Properties, new: Properties) -> None:
    """Bring an EC2 resource's tags from the old to the new ones."""
    client = scope.client("ec2")
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.create_tags(Resources=[identity], Tags=[{"Key": key, "Value": value} for key, value in wanted.items()])
    if gone:
        client.delete_tags(Resources=[identity], Tags=[{"Key": key} for key in gone])


def retag(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    tag(scope, made.id, old, new)
    return made


def _create_vpc(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ec2")
    vpc = client.create_vpc(**params(client, "CreateVpc", only(properties, "CidrBlock", "InstanceTenancy")))["Vpc"]["VpcId"]
    scope.born(Made(id=vpc))
    tag(scope, vpc, {}, properties)
    _vpc_dns(client, vpc, properties)
    groups = client.describe_security_groups(Filters=[{"Name": "vpc-id", "Values": [vpc]}, {"Name": "group-name", "Values": ["default"]}])
    attributes = {"VpcId": vpc, "CidrBlock": properties["CidrBlock"], "DefaultSecurityGroup": groups["SecurityGroups"][0]["GroupId"]}
    return Made(id=vpc, attributes=attributes)


def _vpc_dns(client: Any, vpc: str, properties: Properties) -> None:
    # One attribute a call is the API's rule; support is on and host names are off unless said otherwise.
    for name, default in (("EnableDnsSupport", True), ("EnableDnsHostnames", False)):
        value = str(properties.get(name, default)).lower() == "true"
        client.modify_vpc_attribute(VpcId=vpc, **{name: {"Value": value}})


def _update_vpc(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    _vpc_dns(scope.client("ec2"), made.id, new)
    return retag(scope, made, old, new)


def _delete_vpc(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("ec2").delete_vpc(VpcId=made.id)


def _create_subnet(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ec2")
    wanted = without(properties, "MapPublicIpOnLaunch", "Tags")
    subnet = client.create_subnet(**params(client, "CreateSubnet", wanted))["Subnet"]
    attributes = only(subnet, "SubnetId", "AvailabilityZone", "AvailabilityZoneId", "VpcId", "CidrBlock")
    made = scope.born(Made(id=subnet["SubnetId"], attributes=attributes))
    _map_public(client, made.id, properties)
    tag(scope, made.id, {}, properties)
    return made


def _map_public(client: Any, subnet: str, properties: Properties) -> None:
    value = str(properties.get("MapPublicIpOnLaunch", False)).lower() == "true"
    client.modify_subnet_attribute(SubnetId=subnet, MapPublicIpOnLaunch={"Value": value})


def _update_subnet(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    _map_public(scope.client("ec2"), made.id, new)
    return retag(scope, made, old, new)


def _delete_subnet(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("ec2").delete_subnet(SubnetId=made.id)


def _create_gateway(scope: Scope, properties: Properties) -> Made:
    gateway = scope.client("ec2").create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    made = scope.born(Made(id=gateway, attributes={"InternetGatewayId": gateway}))
    return retag(scope, made, {}, properties)


def _delete_gateway(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("ec2").delete_internet_gateway(InternetGatewayId=made.id)


def _attach(scope: Scope, properties: Properties) -> Made:
    scope.client("ec2").attach_internet_gateway(InternetGatewayId=properties["InternetGatewayId"], VpcId=properties["VpcId"])
    return Made(id=f"IGW|{properties['VpcId']}", attributes={"AttachmentType": "IGW"})


def _detach(scope: Scope, _: Made, properties: Properties) -> None:
    scope.client("ec2").detach_internet_gateway(InternetGatewayId=properties["InternetGatewayId"], VpcId=properties["VpcId"])


def _reattach(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    _detach(scope, made, old)
    return _attach(scope, new)


def _create_table(scope: Scope, properties: Properties) -> Made:
    table = scope.client("ec2").create_route_table(VpcId=properties["VpcId"])["RouteTable"]["RouteTableId"]
    made = scope.born(Made(id=table, attributes={"RouteTableId": table}))
    return retag(scope, made, {}, properties)


def _delete_table(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("ec2").delete_route_table(RouteTableId=made.id)


def _destination(properties: Properties) -> Properties:
    return only(properties, "DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")


def _create_route(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ec2")
    client.create_route(**params(client, "CreateRoute", properties))
    where = next(iter(_destination(properties).values()))
    return Made(id=f"{properties['RouteTableId']}|{where}", attributes={"CidrBlock": where})


def _update_route(scope: Scope, made: Made, _: Properties, new: Properties) -> Made:
    client = scope.client("ec2")
    client.replace_route(**params(client, "ReplaceRoute", new))
    return made


def _delete_route(scope: Scope, _: Made, properties: Properties) -> None:
    scope.client("ec2").delete_route(RouteTableId=properties["RouteTableId"], **_destination(properties))


def _associate(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ec2")
    table, subnet = properties["RouteTableId"], properties["SubnetId"]
    tables = client.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet]}])["RouteTables"]
    before = [one["RouteTableAssociationId"] for found in tables for one in found["Associations"] if one.get("SubnetId") == subnet]
    if before:
        # A subnet has one table; with another one CloudFormation replaces the association, whose id is a new one then.
        identity = client.replace_route_table_association(AssociationId=before[0], RouteTableId=table)["NewAssociationId"]
    else:
        identity = client.associate_route_table(RouteTableId=table, SubnetId=subnet)["AssociationId"]
    return Made(id=identity, attributes={"Id": identity})


def _disassociate(scope: Scope, made: Made, _: Properties) -> None:
    client = scope.client("ec2")
    held = [{"Name": "association.route-table-association-id", "Values": [made.id]}]
    # Replaced by another association of the same subnet, it is gone already.
    if client.describe_route_tables(Filters=held)["RouteTables"]:
        client.disassociate_route_table(AssociationId=made.id)


def _create_endpoint(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ec2")
    wanted = params(client, "CreateVpcEndpoint", without(properties, "Tags"))
    endpoint = client.create_vpc_endpoint(**wanted)["VpcEndpoint"]["VpcEndpointId"]
    made = scope.born(Made(id=endpoint, attributes={"Id": endpoint}))
    return retag(scope, made, {}, properties)


def _update_endpoint(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("ec2")
    change: Properties = {"VpcEndpointId": made.id}
    for name in ("RouteTableIds", "SubnetIds", "SecurityGroupIds"):
        before, after = set(old.get(name, [])), set(new.get(name, []))
        if before != after:
            change |= {f"Add{name}": sorted(after - before), f"Remove{name}": sorted(before - after)}
    if old.get("PolicyDocument") != new.get("PolicyDocument"):
        change |= {"PolicyDocument": new["PolicyDocument"]} if "PolicyDocument" in new else {"ResetPolicy": True}
    if len(change) > 1:
        client.modify_vpc_endpoint(**params(client, "ModifyVpcEndpoint", {key: value for key, value in change.items() if value != []}))
    return retag(scope, made, old, new)


def _delete_endpoint(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[made.id])


def _create_flow_log(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ec2")
    wanted = params(client, "CreateFlowLogs", {**without(properties, "ResourceId", "Tags"), "ResourceIds": [properties["ResourceId"]]})
    answer = client.create_flow_logs(**wanted)
    # This API answers 200 with the failures inside.
    if answer.get("Unsuccessful"):
        raise ResourceError(answer["Unsuccessful"][0]["Error"]["Message"])
    made = scope.born(Made(id=answer["FlowLogIds"][0], attributes={"Id": answer["FlowLogIds"][0]}))
    return retag(scope, made, {}, properties)


def _delete_flow_log(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("ec2").delete_flow_logs(FlowLogIds=[made.id])


HANDLERS = {
    "AWS::EC2::VPC": Handler(
        create=_create_vpc,
        update=_update_vpc,
        delete=_delete_vpc,
        enforced=names("CidrBlock EnableDnsHostnames EnableDnsSupport InstanceTenancy Tags"),
        mutable=names("EnableDnsHostnames EnableDnsSupport Tags"),
    ),
    "AWS::EC2::Subnet": Handler(
        create=_create_subnet,
        update=_update_subnet,
        delete=_delete_subnet,
        enforced=names("AvailabilityZone CidrBlock MapPublicIpOnLaunch Tags VpcId"),
        mutable=names("MapPublicIpOnLaunch Tags"),
    ),
    "AWS::EC2::InternetGateway": Handler(
        create=_create_gateway, update=retag, delete=_delete_gateway, enforced=names("Tags"), mutable=names("Tags")
    ),
    "AWS::EC2::VPCGatewayAttachment": Handler(
        create=_attach, update=_reattach, delete=_detach, enforced=names("InternetGatewayId VpcId"), mutable=names("InternetGatewayId")
    ),
    "AWS::EC2::RouteTable": Handler(
        create=_create_table, update=retag, delete=_delete_table, enforced=names("Tags VpcId"), mutable=names("Tags")
    ),
    "AWS::EC2::Route": Handler(
        create=_create_route,
        update=_update_route,
        delete=_delete_route,
        enforced=names("DestinationCidrBlock DestinationIpv6CidrBlock GatewayId NatGatewayId RouteTableId"),
        mutable=names("GatewayId NatGatewayId"),
    ),
    "AWS::EC2::SubnetRouteTableAssociation": Handler(create=_associate, delete=_disassociate, enforced=names("RouteTableId SubnetId")),
    "AWS::EC2::VPCEndpoint": Handler(
        create=_create_endpoint,
        update=_update_endpoint,
        delete=_delete_endpoint,
        enforced=names("PolicyDocument PrivateDnsEnabled RouteTableIds SecurityGroupIds ServiceName SubnetIds Tags VpcEndpointType VpcId"),
        mutable=names("PolicyDocument RouteTableIds SecurityGroupIds SubnetIds Tags"),
    ),
    "AWS::EC2::FlowLog": Handler(
        create=_create_flow_log,
        update=retag,
        delete=_delete_flow_log,
        enforced=names(
            "DeliverLogsPermissionArn LogDestination LogDestinationType LogFormat LogGroupName MaxAggregationInterval ResourceId "
            "ResourceType Tags TrafficType"
        ),
        mutable=names("Tags"),
    ),
}
