"""Who reaches what: allowed clients to the load balancer, the load balancer to the tasks, the tasks to the origins."""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import GetAtt, Output, Tags, Template, ec2

from policy.verify import BALANCER_GROUP
from stacks.environment import Environment
from stacks.origins import HTTPS, http_origins
from stacks.placement import vpc_id
from stacks.ports import HEALTH_PORT, LISTENER_PORT, TRAFFIC_PORT, container_port, suffix
from stacks.spec import StackSpec

ANYWHERE = "0.0.0.0/0"
# Characters that EC2 takes in the description of a rule, and how many (AuthorizeSecurityGroupIngress, IpRange).
DESCRIPTION_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-:/()#,@[]+=&;{}!$*")
DESCRIPTION_LENGTH = 255


@dataclass(frozen=True)
class Way:
    """A port on which the load balancer reaches the tasks."""

    name: str
    port: int
    purpose: str


def build(env: Environment) -> Template:
    t = Template(Description=f"{env.project} {env.name}: security groups")
    vpc = vpc_id(t, env)
    ways = _ways(env)
    # The text of GroupDescription never changes: a changed one replaces the group.
    tasks = ec2.SecurityGroup(
        "TaskGroup",
        GroupDescription="Proxy tasks: from the load balancer only",
        VpcId=vpc,
        SecurityGroupEgress=[_to_origins(port) for port in _origin_ports(env)],
        Tags=Tags(Name=f"{env.project}-{env.name}-task"),
    )
    balancer = ec2.SecurityGroup(
        BALANCER_GROUP,
        GroupDescription="Load balancer: allowed clients in, proxy tasks out",
        VpcId=vpc,
        SecurityGroupIngress=_clients(env),
        SecurityGroupEgress=[_to_tasks(way, tasks) for way in ways],
        Tags=Tags(Name=f"{env.project}-{env.name}-load-balancer"),
    )
    if env.access.open:
        # House rules refuse an open group that does not say so (policy/rules/network.guard).
        balancer.Metadata = {"kotei": {"open": True, "reason": env.access.reason}}
    t.add_resource(tasks)
    t.add_resource(balancer)
    # Resources of their own, since the two groups name each other.
    for way in ways:
        t.add_resource(_from_balancer(way, balancer, tasks))
    t.add_output(Output("LoadBalancerSecurityGroup", Value=GetAtt(balancer, "GroupId")))
    t.add_output(Output("TaskSecurityGroup", Value=GetAtt(tasks, "GroupId")))
    return t


def _ways(env: Environment) -> list[Way]:
    further = [Way(f"TaskPort{suffix(one.port)}", container_port(one.port), f"port {one.port}") for one in env.ports]
    return [Way("TaskTraffic", TRAFFIC_PORT, "requests"), Way("TaskHealth", HEALTH_PORT, "health checks"), *further]


def _clients(env: Environment) -> list[ec2.SecurityGroupRule]:
    allowed = [(ANYWHERE, env.access.reason)] if env.access.open else [(entry.cidr, entry.note) for entry in env.access.allow]
    return [
        ec2.SecurityGroupRule(IpProtocol="tcp", FromPort=port, ToPort=port, CidrIp=cidr, Description=description(note))
        for port in (LISTENER_PORT, *(further.port for further in env.ports))
        for cidr, note in allowed
    ]


def description(note: str) -> str:
    """A person's note as EC2 accepts it; letters that it refuses (Japanese ones, say) become `*`."""
    return "".join(character if character in DESCRIPTION_CHARACTERS else "*" for character in note)[:DESCRIPTION_LENGTH]


def _origin_ports(env: Environment) -> list[int]:
    """443 always: tasks fetch their image and write their logs there. The resolver passes no security group."""
    passed_on = [int(endpoint.rpartition(":")[2]) for further in env.ports for endpoint in further.endpoints]
    return sorted({HTTPS, *(origin.port for origin in http_origins(env).values()), *passed_on})


def _to_origins(port: int) -> ec2.SecurityGroupRule:
    # Anywhere: an origin is a name, and its addresses change. That is why this project exists.
    return ec2.SecurityGroupRule(
        IpProtocol="tcp",
        FromPort=port,
        ToPort=port,
        CidrIp=ANYWHERE,
        Description="Origins, image registry and logs" if port == HTTPS else "Origins",
    )


def _to_tasks(way: Way, tasks: ec2.SecurityGroup) -> ec2.SecurityGroupRule:
    return ec2.SecurityGroupRule(
        IpProtocol="tcp",
        FromPort=way.port,
        ToPort=way.port,
        DestinationSecurityGroupId=GetAtt(tasks, "GroupId"),
        Description=f"Tasks, {way.purpose}",
    )


def _from_balancer(way: Way, balancer: ec2.SecurityGroup, tasks: ec2.SecurityGroup) -> ec2.SecurityGroupIngress:
    # A reference to the load balancer's group holds also while the client's address is preserved (NLB guide, security groups).
    return ec2.SecurityGroupIngress(
        way.name,
        GroupId=GetAtt(tasks, "GroupId"),
        IpProtocol="tcp",
        FromPort=way.port,
        ToPort=way.port,
        SourceSecurityGroupId=GetAtt(balancer, "GroupId"),
        Description=f"Load balancer, {way.purpose}",
    )


STACK = StackSpec(name="security", build=build)
