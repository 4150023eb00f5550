"""The target groups: for the sites and for each further port one, or two between which deployments shift, alike but for their port."""

from __future__ import annotations

from troposphere import GetAtt, Output, Ref, Template
from troposphere import elasticloadbalancingv2 as elb

from stacks import alternate, drain
from stacks.environment import Environment
from stacks.placement import vpc_id
from stacks.ports import HEALTH_PATH, HEALTH_PORT, LISTENER_PORT, TRAFFIC_PORT, container_port, suffix


def build(t: Template, env: Environment) -> None:
    for outside, inside in ((LISTENER_PORT, TRAFFIC_PORT), *((one.port, container_port(one.port)) for one in env.ports)):
        end = suffix(outside)
        targets = _target_group(t, env, f"TargetGroup{end}", inside)
        t.add_output(Output(f"TargetGroupFullName{end}", Value=GetAtt(targets, "TargetGroupFullName")))
        if env.service.has_alternate:
            alternate.export(t, _target_group(t, env, f"AlternateTargetGroup{end}", inside), outside)
    t.add_output(Output("TargetGroupArn", Value=Ref("TargetGroup")))


def _target_group(t: Template, env: Environment, name: str, port: int) -> elb.TargetGroup:
    return t.add_resource(
        elb.TargetGroup(
            name,
            VpcId=vpc_id(t, env),
            Protocol="TCP",
            Port=port,
            TargetType="ip",
            # A task that is gone is found out after ten seconds, the least that AWS offers with two samples.
            HealthCheckProtocol="HTTP",
            HealthCheckPort=str(HEALTH_PORT),
            HealthCheckPath=HEALTH_PATH,
            HealthCheckIntervalSeconds=5,
            HealthCheckTimeoutSeconds=4,
            HealthyThresholdCount=2,
            UnhealthyThresholdCount=2,
            Matcher=elb.Matcher(HttpCode="200"),
            TargetGroupAttributes=[elb.TargetGroupAttribute(Key=key, Value=value) for key, value in sorted(_attributes(env).items())],
        )
    )


def _attributes(env: Environment) -> dict[str, str]:
    return {
        # Off by default for IP targets: nginx would log and limit the load balancer's address instead of the client's.
        "preserve_client_ip.enabled": flag(env.loadbalancer.preserve_client_ip),
        "proxy_protocol_v2.enabled": flag(env.loadbalancer.proxy_protocol),
        "deregistration_delay.timeout_seconds": str(drain.DEREGISTRATION_DELAY),
        # nginx ends its connections itself, and better (stacks/drain.py).
        "deregistration_delay.connection_termination.enabled": "false",
        # A failed health check alone cuts no running request; a task that really died resets its connections itself.
        "target_health_state.unhealthy.connection_termination.enabled": "false",
        "target_health_state.unhealthy.draining_interval_seconds": str(env.service.drain_seconds),
    }


def flag(value: bool) -> str:  # noqa: FBT001 - one value in, its text out
    return "true" if value else "false"
