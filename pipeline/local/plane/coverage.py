"""What of each resource type the data plane enforces, and what it only records: for `kotei local coverage`."""

from __future__ import annotations

from pipeline.local.plane.health import SETTLED_SECONDS, UNSETTLED_SECONDS
from pipeline.local.plane.services import LONGEST_GRACE_SECONDS
from pipeline.local.plane.tasks import LONGEST_DRAIN_SECONDS

ENFORCED: dict[str, str] = {
    "AWS::EC2::EIP": "bound by the load balancer's process; not released and not taken twice while associated; kept across restarts",
    "AWS::EC2::SecurityGroup": "ingress by network and by group: clients to the load balancer, load balancer to traffic and health port",
    "AWS::EC2::NetworkInterface": "private addresses are unique, also between networks with one CIDR",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "one address a zone, security groups, cross-zone, deletion protection",
    "AWS::ElasticLoadBalancingV2::Listener": "TCP and TLS, certificate names from ACM, SslPolicy, AlpnPolicy, forward to one target group,"
    " idle timeout of 350 s",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "HTTP and TCP health checks with their thresholds, preserve_client_ip, stickiness,"
    " cross-zone, fail open when no target is healthy, deregistration",
    "AWS::ECS::TaskDefinition": "image by digest, command, environment, stopTimeout, the image's STOPSIGNAL",
    "AWS::ECS::Service": "rolling deployments within MinimumHealthyPercent and MaximumPercent, circuit breaker and rollback, capacity"
    " providers by base and weight, spread over zones, replacement of dead tasks, scaling, draining",
    "AWS::ApplicationAutoScaling::ScalableTarget": "MinCapacity",
}
RECORDED: dict[str, str] = {
    "AWS::EC2::SecurityGroup": "egress, IPv6, prefix lists",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "access logs, zonal shift; a client outside the groups is let go at"
    " once, where AWS is silent",
    "AWS::ElasticLoadBalancingV2::Listener": "UDP and weighted target groups are refused by name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "connection termination of unhealthy targets; proxy_protocol_v2 is refused by name",
    "AWS::ECS::TaskDefinition": "cpu, memory, user, read-only root, tmpfs, ulimits, secrets, container health check (the target"
    " group's stands for it), log driver (logs are files in .kotei/plane/tasks); more than one container and"
    " programs other than nginx are refused by name",
    "AWS::ECS::Service": "deployment alarms, zone rebalancing, blue/green and canary strategies, ECS Exec",
}
TIME: str = (
    f"Time is compressed, order is kept: targets are checked every {UNSETTLED_SECONDS} s until healthy and every {SETTLED_SECONDS} s then,"
    f" draining lasts until its connections are gone and at most {LONGEST_DRAIN_SECONDS} s,"
    f" the health check grace period at most {LONGEST_GRACE_SECONDS} s."
)


def lines() -> list[str]:
    found = ["What the local data plane does with what is deployed.", "", TIME, ""]
    for name in sorted({*ENFORCED, *RECORDED}):
        found.append(name)
        found += [f"  enforced   {ENFORCED[name]}"] if name in ENFORCED else []
        found += [f"  recorded   {RECORDED[name]}"] if name in RECORDED else []
    return found
