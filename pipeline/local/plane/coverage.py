"""What of each resource type the data plane enforces, and what it only records: for `kotei local coverage`."""

from __future__ import annotations

from pipeline.local.plane.health import SETTLED_SECONDS, UNSETTLED_SECONDS
from pipeline.local.plane.services import LONGEST_GRACE_SECONDS
from pipeline.local.plane.shifts import MINUTE_SECONDS
from pipeline.local.plane.tasks import LONGEST_DRAIN_SECONDS

ENFORCED: dict[str, str] = {
    "AWS::EC2::EIP": "bound by the load balancer's process; not released and not taken twice while associated; kept across restarts",
    "AWS::EC2::SecurityGroup": "ingress by network and by group: clients to the load balancer, load balancer to traffic and health port",
    "AWS::EC2::NetworkInterface": "private addresses are unique, also between networks with one CIDR",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "one address a zone, security groups, cross-zone, deletion protection",
    "AWS::ElasticLoadBalancingV2::Listener": "TCP and TLS, certificate names from ACM, SslPolicy, AlpnPolicy, forward to target"
    " groups by weight, tcp.idle_timeout.seconds of TCP listeners (350 s for TLS)",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "HTTP and TCP health checks with their thresholds, preserve_client_ip,"
    " proxy_protocol_v2 (the address as version 2 has it, without additions of AWS's own; health checks carry it too), stickiness,"
    " cross-zone, fail open when no target is healthy, deregistration",
    "AWS::ECS::TaskDefinition": "image by digest, command, environment, stopTimeout, the image's STOPSIGNAL; containers that run to"
    " their end before nginx (DependsOn SUCCESS or COMPLETE), as scripts of the image in this computer's shell; Secrets of Secrets"
    " Manager by key, stage and version; volumes, as folders that the containers share; both roles have to trust ECS, and the"
    " execution role has to be allowed the registry's token, manifest and layers (also by the repository in another account), each"
    " secret and the log's stream, or the task stops with ECS's words; without logs:PutLogEvents no line arrives",
    "AWS::ECS::Service": "rolling deployments within MinimumHealthyPercent and MaximumPercent, circuit breaker and rollback,"
    " capacity providers by base and weight, spread over zones, replacement of dead tasks, scaling, draining; canary and blue/green"
    " deployments that turn the listeners' weights, and their bake times, if the infrastructure role may register, turn and"
    " deregister; alarms that stop and roll back a deployment",
    "AWS::ApplicationAutoScaling::ScalableTarget": "MinCapacity",
}
RECORDED: dict[str, str] = {
    "AWS::EC2::SecurityGroup": "egress, IPv6, prefix lists. Nor are origins at internal addresses refused, as they are on AWS:"
    " every stand-in is in 127.0.0.0/8",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "access logs, zonal shift; a client outside the groups is let go at once, where"
    " AWS is silent",
    "AWS::ElasticLoadBalancingV2::Listener": "UDP is refused by name",
    "AWS::ElasticLoadBalancingV2::TargetGroup": "connection termination of unhealthy targets",
    "AWS::ECS::TaskDefinition": "cpu, memory, user, read-only root, tmpfs, ulimits, read-only volumes, container health check (the"
    " target group's stands for it), log driver (logs are files in .kotei/plane/tasks), the key under which a secret is;"
    " containers that run beside nginx and other programs are refused by name",
    "AWS::ECS::Service": "zone rebalancing, ECS Exec, test listeners; tasks of the old set that die during a shift are not replaced;"
    " linear deployments and lifecycle hooks are refused by name",
}
ORIGINS: str = (
    "Each origin has a stand-in at an address of its own. One that is spoken to by TLS (also through a port that passes TLS"
    " on) is a nginx that tells what it was asked; a plain port leads to one that says its name and then what it hears. The"
    " local authority vouches for all of them, in the place of public ones and of docker/nginx/authorities. Where the proxy"
    " shows a certificate, the local authority has to have issued it, and its subject is in the answer; a secret that the"
    " account lacks is provided with such a one. gRPC calls are answered UNIMPLEMENTED."
)
TIME: str = (
    f"Time is compressed, order is kept: targets are checked every {UNSETTLED_SECONDS} s until healthy and every {SETTLED_SECONDS} s then,"
    f" draining lasts until its connections are gone and at most {LONGEST_DRAIN_SECONDS} s,"
    f" the health check grace period at most {LONGEST_GRACE_SECONDS} s,"
    f" a minute of a canary or blue/green deployment {MINUTE_SECONDS} s."
)


def lines() -> list[str]:
    found = ["What the local data plane does with what is deployed.", "", TIME, "", ORIGINS, ""]
    for name in sorted({*ENFORCED, *RECORDED}):
        found.append(name)
        found += [f"  enforced   {ENFORCED[name]}"] if name in ENFORCED else []
        found += [f"  recorded   {RECORDED[name]}"] if name in RECORDED else []
    return found
