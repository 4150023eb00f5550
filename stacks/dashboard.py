"""The operator's page: is anybody refused, does anything answer, what do clients get, how busy are the tasks."""

from __future__ import annotations

import json

from stacks.alarms import NLB
from stacks.environment import Environment
from stacks.log_metrics import FAILED_CONNECTIONS, REFUSED, REQUEST_TIME, REQUESTS, SERVER_ERRORS, namespace
from stacks.placement import availability_zone
from stacks.ports import suffix

Metric = list[object]

BALANCER = ["LoadBalancer", "${LoadBalancerFullName}"]
SERVICE = ["ClusterName", "${ClusterName}", "ServiceName", "${ServiceName}"]
# CloudWatch's grid is 24 units wide.
WIDTH, HEIGHT, COLUMNS = 8, 6, 3


def body(env: Environment) -> str:
    """JSON for Fn::Sub: `${...}` are parameters of the monitoring stack."""
    widgets = [_widget(env, number, *graph) for number, graph in enumerate(_graphs(env))]
    return json.dumps({"widgets": widgets}, indent=1, sort_keys=True)


def _graphs(env: Environment) -> list[tuple[str, str, list[Metric]]]:
    """Title, statistic, metrics."""
    return [
        ("Healthy tasks by zone", "Minimum", [_in_zone(env, zone, "HealthyHostCount") for zone in env.zones]),
        ("Unhealthy tasks by zone", "Maximum", [_in_zone(env, zone, "UnHealthyHostCount") for zone in env.zones]),
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
    counts = [[NLB, name, *_targets(suffix(port.port))] for port in env.ports for name in ("HealthyHostCount", "UnHealthyHostCount")]
    return [
        ("Tasks by further port", "Maximum", counts),
        ("Failed connections on further ports", "Sum", [[namespace(env), FAILED_CONNECTIONS]]),
    ]


def _balancer(metric: str) -> Metric:
    return [NLB, metric, *BALANCER]


def _targets(end: str) -> Metric:
    return ["TargetGroup", f"${{TargetGroupFullName{end}}}", *BALANCER]


def _in_zone(env: Environment, zone: str, metric: str) -> Metric:
    return [NLB, metric, *_targets(""), "AvailabilityZone", availability_zone(env, zone)]


def _widget(env: Environment, number: int, title: str, statistic: str, metrics: list[Metric]) -> dict[str, object]:
    return {
        "type": "metric",
        "x": number % COLUMNS * WIDTH,
        "y": number // COLUMNS * HEIGHT,
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {"title": title, "region": env.region, "stat": statistic, "period": 60, "metrics": metrics},
    }
