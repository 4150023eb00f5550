"""Who reaches what: allowed clients to the load balancer, the load balancer to the tasks, the tasks to the origins."""

from __future__ import annotations

from urllib.parse import urlsplit

from troposphere import GetAtt, Output, Tags, Template, ec2

from stacks.environment import Environment
from stacks.placement import vpc_id
from stacks.ports import HEALTH_PORT, LISTENER_PORT, TRAFFIC_PORT
from stacks.spec import StackSpec

HTTPS = 443
ANYWHERE = "0.0.0.0/0"
PURPOSES = {TRAFFIC_PORT: "requests", HEALTH_PORT: "health checks"}
# Characters that EC2 takes in the description of a rule, and how many (AuthorizeSecurityGroupIngress, IpRange).
DESCRIPTION_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-:/()#,@[]+=&;{}!$*")
DESCRIPTION_LENGTH = 255


def build(env: Environment) -> Template:
    t = Template(Description=f"{env.project} {env.name}: security groups")
    vpc = vpc_id(t, env)
    # The text of GroupDescription never changes: a changed one replaces the group.
    tasks = ec2.SecurityGroup(
        "TaskGroup",
        GroupDescription="Proxy tasks: from the load balancer only",
        VpcId=vpc,
        SecurityGroupEgress=[_to_origins(port) for port in _origin_ports(env)],
        Tags=Tags(Name=f"{env.project}-{env.name}-task"),
    )
    balancer = ec2.SecurityGroup(
        "LoadBalancerGroup",
        GroupDescription="Load balancer: allowed clients in, proxy tasks out",
        VpcId=vpc,
        SecurityGroupIngress=_clients(env),
        SecurityGroupEgress=[_to_tasks(port, tasks) for port in PURPOSES],
        Tags=Tags(Name=f"{env.project}-{env.name}-load-balancer"),
    )
    if env.access.open:
        # House rules refuse an open group that does not say so (policy/rules/network.guard).
        balancer.Metadata = {"kotei": {"open": True, "reason": env.access.reason}}
    t.add_resource(tasks)
    t.add_resource(balancer)
    # Resources of their own, since the two groups name each other.
    for port in PURPOSES:
        t.add_resource(_from_balancer(port, balancer, tasks))
    t.add_output(Output("LoadBalancerSecurityGroup", Value=GetAtt(balancer, "GroupId")))
    t.add_output(Output("TaskSecurityGroup", Value=GetAtt(tasks, "GroupId")))
    return t


def _clients(env: Environment) -> list[ec2.SecurityGroupRule]:
    allowed = [(ANYWHERE, env.access.reason)] if env.access.open else [(entry.cidr, entry.note) for entry in env.access.allow]
    return [
        ec2.SecurityGroupRule(IpProtocol="tcp", FromPort=LISTENER_PORT, ToPort=LISTENER_PORT, CidrIp=cidr, Description=description(note))
        for cidr, note in allowed
    ]


def description(note: str) -> str:
    """A person's note as EC2 accepts it; letters that it refuses (Japanese ones, say) become `*`."""
    return "".join(character if character in DESCRIPTION_CHARACTERS else "*" for character in note)[:DESCRIPTION_LENGTH]


def _origin_ports(env: Environment) -> list[int]:
    """443 always: tasks fetch their image and write their logs there. The resolver passes no security group."""
    origins = [origin for site in env.sites for origin in (site.origin, *(rule.origin for rule in site.paths)) if origin]
    return sorted({HTTPS, *(urlsplit(origin).port or HTTPS for origin in origins)})


def _to_origins(port: int) -> ec2.SecurityGroupRule:
    # Anywhere: an origin is a name, and its addresses change. That is why this project exists.
    return ec2.SecurityGroupRule(
        IpProtocol="tcp",
        FromPort=port,
        ToPort=port,
        CidrIp=ANYWHERE,
        Description="Origins, image registry and logs" if port == HTTPS else "Origins",
    )


def _to_tasks(port: int, tasks: ec2.SecurityGroup) -> ec2.SecurityGroupRule:
    return ec2.SecurityGroupRule(
        IpProtocol="tcp",
        FromPort=port,
        ToPort=port,
        DestinationSecurityGroupId=GetAtt(tasks, "GroupId"),
        Description=f"Tasks, {PURPOSES[port]}",
    )


def _from_balancer(port: int, balancer: ec2.SecurityGroup, tasks: ec2.SecurityGroup) -> ec2.SecurityGroupIngress:
    # A reference to the load balancer's group holds also while the client's address is preserved (NLB guide, security groups).
    return ec2.SecurityGroupIngress(
        "TaskTraffic" if port == TRAFFIC_PORT else "TaskHealth",
        GroupId=GetAtt(tasks, "GroupId"),
        IpProtocol="tcp",
        FromPort=port,
        ToPort=port,
        SourceSecurityGroupId=GetAtt(balancer, "GroupId"),
        Description=f"Load balancer, {PURPOSES[port]}",
    )


STACK = StackSpec(name="security", build=build)
