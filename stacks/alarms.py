"""What goes wrong at a proxy, as CloudWatch alarms: those that undo a deployment, and those that call a person."""

from __future__ import annotations

from collections.abc import Sequence

from troposphere import Ref, Template, cloudwatch

from stacks import alternate
from stacks.config_deployment import Canary
from stacks.environment import Environment
from stacks.log_metrics import REQUESTS, SERVER_ERRORS, namespace
from stacks.placement import availability_zone, parameter
from stacks.placement import suffix as zone_suffix
from stacks.ports import LISTENER_PORT, suffix

Dimensions = list[cloudwatch.MetricDimension]

NLB = "AWS/NetworkELB"
# Below so many requests a minute one error is a large share and says nothing.
FEWEST_REQUESTS = 20
FEWEST_CONNECTIONS = 100


def deployment_guards(t: Template, env: Environment) -> list[cloudwatch.Alarm]:
    """ECS needs them to exist before the service. They are quick: a deployment waits for their periods to pass."""
    # ECS ignores an alarm that is on when a deployment starts, so that the cure of an incident can be deployed.
    guards = [
        server_errors(env, "DeploymentServerErrors", percent=_guarded_percent(env), minutes=2),
        no_healthy_target(t, env, "DeploymentNoHealthyTarget", minutes=2, missing="notBreaching"),
    ]
    for guard in guards:
        # House rules refuse an alarm that tells nobody, unless it says that deployments watch it (policy/rules/monitoring.guard).
        guard.Metadata = {"kotei": {"deployment": True}}
        t.add_resource(guard)
    return guards


def _guarded_percent(env: Environment) -> int:
    """A canary that fails half of its own share is noticed."""
    share = (env.service.canary or Canary()).percent if env.service.strategy == "canary" else 100
    return min(10, max(1, share // 2))


def server_errors(env: Environment, title: str, *, percent: int, minutes: int, actions: Sequence[Ref] = ()) -> cloudwatch.Alarm:
    share = f"IF(requests >= {FEWEST_REQUESTS}, 100 * errors / requests, 0)"
    return cloudwatch.Alarm(
        title,
        AlarmDescription=f"{percent} % of the answers are 5xx, by nginx's log",
        Metrics=[
            _log_metric(env, "requests", REQUESTS),
            _log_metric(env, "errors", SERVER_ERRORS),
            cloudwatch.MetricDataQuery(Id="share", Expression=share, Label="5xx share in percent", ReturnData=True),
        ],
        Threshold=percent,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        EvaluationPeriods=minutes,
        TreatMissingData="notBreaching",
        **_calls(actions),
    )


def no_healthy_target(
    t: Template, env: Environment, title: str, *, minutes: int, missing: str, port: int = LISTENER_PORT, actions: Sequence[Ref] = ()
) -> cloudwatch.Alarm:
    return cloudwatch.Alarm(
        f"{title}{suffix(port)}",
        AlarmDescription=f"No task answers: clients cannot connect to port {port}",
        **_most_hosts("HealthyHostCount", target_dimensions(t, env, port)),
        Threshold=1,
        ComparisonOperator="LessThanThreshold",
        EvaluationPeriods=minutes,
        TreatMissingData=missing,
        **_calls(actions),
    )


def unhealthy_in_zone(t: Template, env: Environment, zone: str, *, actions: Sequence[Ref]) -> cloudwatch.Alarm:
    place = availability_zone(env, zone)
    here = cloudwatch.MetricDimension(Name="AvailabilityZone", Value=place)
    groups = [[*group, here] for group in target_dimensions(t, env, LISTENER_PORT)]
    return _unhealthy(zone_suffix(zone), f"A task in {place} fails its health check for five minutes", groups, actions)


def unhealthy_on_port(t: Template, env: Environment, port: int, *, actions: Sequence[Ref]) -> cloudwatch.Alarm:
    """Not by zone: the tasks and their health check are those of the sites, which have an alarm for each zone."""
    text = f"A task fails its health check for port {port} for five minutes"
    return _unhealthy(suffix(port), text, target_dimensions(t, env, port), actions)


def _unhealthy(end: str, text: str, groups: list[Dimensions], actions: Sequence[Ref]) -> cloudwatch.Alarm:
    return cloudwatch.Alarm(
        f"UnhealthyTargets{end}",
        AlarmDescription=text,
        **_most_hosts("UnHealthyHostCount", groups),
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        EvaluationPeriods=5,
        TreatMissingData="notBreaching",
        **_calls(actions),
    )


def resets(t: Template, title: str, metric: str, *, by: str, percent: int, actions: Sequence[Ref]) -> cloudwatch.Alarm:
    share = f"IF(connections >= {FEWEST_CONNECTIONS}, 100 * resets / connections, 0)"
    return cloudwatch.Alarm(
        title,
        AlarmDescription=f"{by} reset {percent} % as many connections as were opened",
        Metrics=[
            _balancer_metric(t, "connections", "NewFlowCount"),
            _balancer_metric(t, "resets", metric),
            cloudwatch.MetricDataQuery(Id="share", Expression=share, Label="Reset share in percent", ReturnData=True),
        ],
        Threshold=percent,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        EvaluationPeriods=3,
        TreatMissingData="notBreaching",
        **_calls(actions),
    )


def target_dimensions(t: Template, env: Environment, port: int) -> list[Dimensions]:
    """Of each target group of the port."""
    names = [parameter(t, f"TargetGroupFullName{suffix(port)}", "String", "Output of the loadbalancer stack")]
    if env.service.has_alternate:
        names.append(alternate.full_name(t, port))
    return [[cloudwatch.MetricDimension(Name="TargetGroup", Value=name), *_balancer_dimensions(t)] for name in names]


def _most_hosts(metric: str, groups: list[Dimensions]) -> dict[str, object]:
    """In one of the target groups. One without tasks has no such metric, which MAX leaves out."""
    if len(groups) == 1:
        return {"Namespace": NLB, "MetricName": metric, "Dimensions": groups[0], "Statistic": "Maximum", "Period": 60}
    queries = [
        _query(f"group{number}", cloudwatch.Metric(Namespace=NLB, MetricName=metric, Dimensions=dimensions), "Maximum")
        for number, dimensions in enumerate(groups)
    ]
    return {"Metrics": [*queries, cloudwatch.MetricDataQuery(Id="most", Expression="MAX(METRICS())", Label=metric, ReturnData=True)]}


def _balancer_dimensions(t: Template) -> list[cloudwatch.MetricDimension]:
    return [
        cloudwatch.MetricDimension(
            Name="LoadBalancer", Value=parameter(t, "LoadBalancerFullName", "String", "Output of the loadbalancer stack")
        )
    ]


def _log_metric(env: Environment, name: str, metric: str) -> cloudwatch.MetricDataQuery:
    return _query(name, cloudwatch.Metric(Namespace=namespace(env), MetricName=metric))


def _balancer_metric(t: Template, name: str, metric: str) -> cloudwatch.MetricDataQuery:
    return _query(name, cloudwatch.Metric(Namespace=NLB, MetricName=metric, Dimensions=_balancer_dimensions(t)))


def _query(name: str, metric: cloudwatch.Metric, statistic: str = "Sum") -> cloudwatch.MetricDataQuery:
    return cloudwatch.MetricDataQuery(Id=name, MetricStat=cloudwatch.MetricStat(Metric=metric, Period=60, Stat=statistic), ReturnData=False)


def _calls(actions: Sequence[Ref]) -> dict[str, list[Ref]]:
    return {"AlarmActions": list(actions), "OKActions": list(actions)} if actions else {}
