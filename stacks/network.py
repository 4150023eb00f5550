"""The network: a VPC with one public subnet a zone. Not built where the configuration names an existing VPC."""

from __future__ import annotations

from troposphere import GetAtt, Output, Ref, Sub, Tags, Template, ec2, iam, logs

from policy import flow_logs, trust
from stacks import boundary
from stacks.environment import CreatedNetwork, Environment
from stacks.keep import KEEP_ONCE_CREATED
from stacks.placement import suffix
from stacks.spec import StackSpec


def build(env: Environment) -> Template:
    if env.network.create is None:
        raise ValueError(f"{env.name}: the network is an existing VPC")
    t = Template(Description=f"{env.project} {env.name}: VPC with public subnets")
    _vpc(t, env, env.network.create)
    _routes(t, env)
    for zone in env.zones:
        _subnet(t, env, zone, env.network.create.zones[zone])
    if env.network.flow_logs:
        _flow_logs(t, env)
    return t


def _name(env: Environment) -> str:
    return f"{env.project}-{env.name}"


def _vpc(t: Template, env: Environment, network: CreatedNetwork) -> None:
    # The resolver at 169.254.169.253, which nginx asks for its origins, answers only with DNS support.
    t.add_resource(ec2.VPC("Vpc", CidrBlock=network.cidr, EnableDnsSupport=True, Tags=Tags(Name=_name(env))))
    t.add_output(Output("VpcId", Value=Ref("Vpc")))


def _routes(t: Template, env: Environment) -> None:
    t.add_resource(ec2.InternetGateway("InternetGateway", Tags=Tags(Name=_name(env))))
    t.add_resource(ec2.VPCGatewayAttachment("InternetGatewayAttachment", VpcId=Ref("Vpc"), InternetGatewayId=Ref("InternetGateway")))
    t.add_resource(ec2.RouteTable("RouteTable", VpcId=Ref("Vpc"), Tags=Tags(Name=_name(env))))
    t.add_resource(
        ec2.Route(
            "DefaultRoute",
            DependsOn="InternetGatewayAttachment",
            RouteTableId=Ref("RouteTable"),
            DestinationCidrBlock="0.0.0.0/0",
            GatewayId=Ref("InternetGateway"),
        )
    )
    # Free, and image layers, which ECR keeps in S3, do not pass the internet gateway. Its policy stays the default one, which
    # allows all: an origin may be a bucket of this region.
    t.add_resource(
        ec2.VPCEndpoint(
            "StorageEndpoint",
            VpcEndpointType="Gateway",
            ServiceName=f"com.amazonaws.{env.region}.s3",
            VpcId=Ref("Vpc"),
            RouteTableIds=[Ref("RouteTable")],
        )
    )


def _subnet(t: Template, env: Environment, zone: str, cidr: str) -> None:
    name = f"Subnet{suffix(zone)}"
    # Tasks ask for their public address themselves (AssignPublicIp); nothing else that starts here gets one unasked.
    t.add_resource(
        ec2.Subnet(
            name,
            VpcId=Ref("Vpc"),
            # By its letter, not by an index into GetAZs: each zone has an address and a subnet of its own.
            AvailabilityZone=Sub(f"${{AWS::Region}}{zone}"),
            CidrBlock=cidr,
            MapPublicIpOnLaunch=False,
            Tags=Tags(Name=f"{_name(env)}-{zone}"),
        )
    )
    t.add_resource(ec2.SubnetRouteTableAssociation(f"{name}Routes", SubnetId=Ref(name), RouteTableId=Ref("RouteTable")))
    t.add_output(Output(name, Value=Ref(name)))


def _flow_logs(t: Template, env: Environment) -> None:
    group = t.add_resource(
        logs.LogGroup("FlowLogs", LogGroupName=f"/{env.project}/{env.name}/flow", RetentionInDays=env.service.log_days, **KEEP_ONCE_CREATED)
    )
    role = t.add_resource(
        iam.Role(
            "FlowLogsRole",
            AssumeRolePolicyDocument=trust.flow_logs(account=env.account, region=env.region),
            PermissionsBoundary=boundary.reference(env),
            Policies=[iam.Policy(PolicyName="deliver", PolicyDocument=flow_logs.delivery(log_group=GetAtt(group, "Arn")))],
        )
    )
    t.add_resource(
        ec2.FlowLog(
            "FlowLog",
            ResourceType="VPC",
            ResourceId=Ref("Vpc"),
            TrafficType="ALL",
            LogDestinationType="cloud-watch-logs",
            LogGroupName=Ref(group),
            DeliverLogsPermissionArn=GetAtt(role, "Arn"),
        )
    )


def wanted(env: Environment) -> bool:
    return env.network.create is not None


STACK = StackSpec(name="network", build=build, wanted=wanted)
