"""The operator's page: is anybody refused, does anything answer, what do clients get, how busy are the tasks."""

from __future__ import annotations

import json

from troposphere import Sub, Template

from stacks import alternate
from stacks.alarms import NLB
from stacks.environment import Environment
from stacks.log_metrics import FAILED_CONNECTIONS, REFUSED, REQUEST_TIME, REQUESTS, SERVER_ERRORS, namespace
from stacks.placement import availability_zone
from stacks.ports import LISTENER_PORT, suffix

Metric = list[object]

BALANCER = ["LoadBalancer", "${LoadBalancerFullName}"]
SERVICE = ["ClusterName", "${ClusterName}", "ServiceName", "${ServiceName}"]
# CloudWatch's grid is 24 units wide.
WIDTH, HEIGHT, COLUMNS = 8, 6, 3


def body(t: Template, env: Environment) -> Sub:
    """`${...}` are parameters of the monitoring stack, and the names of alternate target groups, which are parts of one."""
    ports = (LISTENER_PORT, *(one.port for one in env.ports)) if env.service.has_alternate else ()
    parts = {f"AlternateFullName{suffix(port)}": alternate.full_name(t, port) for port in ports}
    return Sub(_text(env), **parts)


def _text(env: Environment) -> str:
    widgets = [_widget(env, number, *graph) for number, graph in enumerate(_graphs(env))]
    return json.dumps({"widgets": widgets}, indent=1, sort_keys=True)


def _graphs(env: Environment) -> list[tuple[str, str, list[Metric]]]:
    """Title, statistic, metrics."""
    return [
        ("Healthy tasks by zone", "Minimum", [metric for zone in env.zones for metric in _in_zone(env, zone, "HealthyHostCount")]),
        ("Unhealthy tasks by zone", "Maximum", [metric for zone in env.zones for metric in _in_zone(env, zone, "UnHealthyHostCount")]),
        ("Requests, 5xx and refused", "Sum", [[namespace(env), metric] for metric in (REQUESTS, SERVER_ERRORS, REFUSED)]),
        ("Seconds a request", "p99", [[namespace(env), REQUEST_TIME, {"stat": stat}] for stat in ("p50", "p99", "Maximum")]),
        ("Connections", "Sum", [[NLB, "NewFlowCount", *BALANCER], [NLB, "ActiveFlowCount", *BALANCER, {"stat": "Average"}]]),
        ("Refused before nginx", "Sum", [_balancer("SecurityGroupBlockedFlowCount_Inbound"), _balancer("ClientTLSNegotiationErrorCount")]),
        ("Resets", "Sum", [_balancer(f"TCP_{side}_Reset_Count") for side in ("Client", "Target", "ELB")]),
        ("Bytes", "Sum", [_balancer("ProcessedBytes")]),
        ("CPU and memory", "Average", [["AWS/ECS", metric, *SERVICE] for metric in ("CPUUtilization", "MemoryUtilization")]),
        *_further_ports(env),
    ]


def _further_ports(env: Environment) -> list[tuple[str, str, list[Metric]]]:
    if not env.ports:
        return []
    counts: list[Metric] = [
        [NLB, name, *group]
        for port in env.ports
        for name in ("HealthyHostCount", "UnHealthyHostCount")
        for group in _targets(env, suffix(port.port))
    ]
    return [
        ("Tasks by further port", "Maximum", counts),
        ("Failed connections on further ports", "Sum", [[namespace(env), FAILED_CONNECTIONS]]),
    ]


def _balancer(metric: str) -> Metric:
    return [NLB, metric, *BALANCER]


def _targets(env: Environment, end: str) -> list[Metric]:
    names = [f"TargetGroupFullName{end}", *([f"AlternateFullName{end}"] if env.service.has_alternate else [])]
    return [["TargetGroup", f"${{{name}}}", *BALANCER] for name in names]


def _in_zone(env: Environment, zone: str, metric: str) -> list[Metric]:
    return [[NLB, metric, *group, "AvailabilityZone", availability_zone(env, zone)] for group in _targets(env, "")]


def _widget(env: Environment, number: int, title: str, statistic: str, metrics: list[Metric]) -> dict[str, object]:
    return {
        "type": "metric",
        "x": number % COLUMNS * WIDTH,
        "y": number // COLUMNS * HEIGHT,
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {"title": title, "region": env.region, "stat": statistic, "period": 60, "metrics": metrics},
    }
