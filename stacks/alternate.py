"""The second target group of each port: where a canary or blue_green deployment puts the new tasks before the listener turns to them.

ECS moves the weights of the listener's default action itself, and after every deployment the other group serves. So the listener's
template stays as it is for a rolling deployment, and nothing else of it may change while the other group serves.
"""

from __future__ import annotations

from troposphere import GetAtt, Join, Output, Ref, Select, Split, Sub, Template, ecs, iam
from troposphere import elasticloadbalancingv2 as elb

from policy import service, trust
from stacks import boundary
from stacks.config_deployment import BlueGreen, Canary
from stacks.environment import Environment
from stacks.placement import parameter
from stacks.ports import LISTENER_PORT, suffix

ROLE = "ShiftRole"
# An arn:...:listener/net/<load balancer>/<id>/<id of the listener>.
_LISTENER_ID = 4
_GROUP = "targetgroup/"


def export(t: Template, group: elb.TargetGroup, port: int) -> None:
    """Both names in one output, and each as short as it can be: CodePipeline takes 1 KB of parameters (MOST_PORTS)."""
    name = Select(1, Split(_GROUP, GetAtt(group, "TargetGroupFullName")))
    listener = Select(_LISTENER_ID, Split("/", Ref(f"Listener{suffix(port)}")))
    t.add_output(Output(f"Alternate{suffix(port)}", Value=Join(",", [name, listener])))


def full_name(t: Template, port: int) -> Sub:
    return Sub(f"{_GROUP}${{Name}}", Name=_part(t, port, 0))


def advanced(t: Template, env: Environment, port: int) -> ecs.AdvancedConfiguration:
    return ecs.AdvancedConfiguration(
        AlternateTargetGroupArn=_group_arn(t, env, port),
        # For a Network Load Balancer the listener itself (ECS API, AdvancedConfiguration).
        ProductionListenerRule=_listener_arn(t, env, port),
        # No TestListenerRule: without a pause nobody looks at what it shows, and it takes ten minutes more.
        RoleArn=GetAtt(ROLE, "Arn"),
    )


def role(t: Template, env: Environment) -> iam.Role:
    """As whom ECS registers tasks and turns the listeners."""
    ports = (LISTENER_PORT, *(one.port for one in env.ports))
    groups = [_primary_arn(t, env, port) for port in ports] + [_group_arn(t, env, port) for port in ports]
    document = service.shift(target_groups=groups, listeners=[_listener_arn(t, env, port) for port in ports])
    return iam.Role(
        ROLE,
        AssumeRolePolicyDocument=trust.infrastructure(account=env.account, region=env.region),
        PermissionsBoundary=boundary.reference(env),
        Policies=[iam.Policy(PolicyName="shift", PolicyDocument=document)],
    )


def deployment(env: Environment) -> dict[str, object]:
    """What DeploymentConfiguration says beside the alarms. The circuit breaker is for rolling deployments alone (ECS API)."""
    if env.service.strategy == "canary":
        canary = env.service.canary or Canary()
        shift = ecs.CanaryConfiguration(CanaryPercent=float(canary.percent), CanaryBakeTimeInMinutes=canary.minutes)
        return {"Strategy": "CANARY", "CanaryConfiguration": shift, "BakeTimeInMinutes": canary.bake_minutes}
    return {"Strategy": "BLUE_GREEN", "BakeTimeInMinutes": (env.service.blue_green or BlueGreen()).bake_minutes}


def _primary_arn(t: Template, env: Environment, port: int) -> Sub:
    # By its name, which is half as long as its ARN.
    name = f"TargetGroupFullName{suffix(port)}"
    parameter(t, name, "String", "Output of the loadbalancer stack")
    return Sub(f"{_prefix(env)}:${{{name}}}")


def _group_arn(t: Template, env: Environment, port: int) -> Sub:
    return Sub(f"{_prefix(env)}:{_GROUP}${{Name}}", Name=_part(t, port, 0))


def _listener_arn(t: Template, env: Environment, port: int) -> Sub:
    parameter(t, "LoadBalancerFullName", "String", "Output of the loadbalancer stack")
    return Sub(f"{_prefix(env)}:listener/${{LoadBalancerFullName}}/${{Id}}", Id=_part(t, port, 1))


def _part(t: Template, port: int, number: int) -> Select:
    name = f"Alternate{suffix(port)}"
    return Select(number, Split(",", parameter(t, name, "String", "Alternate target group and listener, output of the loadbalancer stack")))


def _prefix(env: Environment) -> str:
    return f"arn:aws:elasticloadbalancing:{env.region}:{env.account}"
