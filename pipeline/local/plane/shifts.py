"""A canary or blue/green deployment: a second set of tasks in the other target groups, to which the listeners are turned by weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.access.decide import Request
from pipeline.access.reference import context
from pipeline.local.iam import authorize, sessions
from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from pipeline.local.plane.model import Seen, Service
    from pipeline.local.plane.rollouts import Rollout
    from pipeline.local.world import World

# What ECS counts in minutes is over in tenths of seconds here.
MINUTE_SECONDS = 0.1
# With a Network Load Balancer (ECS developer guide, NLB resources for blue/green).
SHIFT_MINUTES = 10
# A stage of a deployment that lasts longer has failed (ECS developer guide, deployment lifecycle stages).
LONGEST_STAGE_MINUTES = 24 * 60
# Who takes on the infrastructure role, and how CloudTrail names the session (ECS developer guide, infrastructure role for load balancers).
SERVICE, SESSION = "ecs.amazonaws.com", "ECSNetworkingWithELB"
READS = ("DescribeListeners", "DescribeTargetGroups", "DescribeTargetHealth")
STRATEGIES = ("CANARY", "BLUE_GREEN")
SCALE_UP, SHIFT, BAKE, CLEAN_UP = "SCALE_UP", "PRODUCTION_TRAFFIC_SHIFT", "BAKE_TIME", "CLEAN_UP"


@dataclass(frozen=True, kw_only=True)
class Step:
    """`share`: percent of the new connections that the new tasks get."""

    stage: str
    share: float
    minutes: float


def steps(configuration: Mapping[str, Any]) -> tuple[Step, ...]:
    """In their order; the first lasts until the new tasks are healthy, the last until the old ones are gone."""
    canary = configuration.get("canaryConfiguration") or {}
    share, minutes = float(canary.get("canaryPercent", 5)), int(canary.get("canaryBakeTimeInMinutes", 10))
    first = (Step(stage=SHIFT, share=share, minutes=SHIFT_MINUTES + minutes),) if configuration["strategy"] == "CANARY" else ()
    return (
        Step(stage=SCALE_UP, share=0, minutes=0),
        *first,
        Step(stage=SHIFT, share=100, minutes=SHIFT_MINUTES),
        Step(stage=BAKE, share=100, minutes=int(configuration.get("bakeTimeInMinutes", 15))),
        Step(stage=CLEAN_UP, share=100, minutes=0),
    )


def serving(service: Service, seen: Seen) -> list[str]:
    """For each port the target group that gets most of its connections: what it is called in the service says nothing of that."""
    weights = {listener.arn: dict(listener.target_groups) for found in seen.balancers.values() for listener in found.listeners}
    return [_most(balancing, weights.get(_listener(balancing), {})) for balancing in service.balancers]


def opposite(service: Service, groups: Sequence[str]) -> list[str]:
    """The other one of each pair."""
    return [next(one for one in _pair(balancing) if one != group) for balancing, group in zip(service.balancers, groups, strict=True)]


def turn(service: Service, rollout: Rollout, share: float, world: World) -> bool:
    """The new tasks get so much, those before them the rest; or nothing turns, because the role does not allow it."""
    # What AWS's managed policy lets it read of a network load balancer; when ECS reads which is not documented.
    if not (
        may(service, rollout, world, READS, lambda _: ["*"])
        and may(service, rollout, world, ("ModifyListener",), lambda balancing: [_listener(balancing)])
    ):
        return False
    client = world.client("elbv2", account=service.account, region=service.region)
    new = max(1, round(share)) if share else 0
    for balancing, group, former in zip(service.balancers, rollout.groups, rollout.former, strict=True):
        groups = [{"TargetGroupArn": former, "Weight": 100 - new}, {"TargetGroupArn": group, "Weight": new}]
        action = {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}
        client.modify_listener(ListenerArn=_listener(balancing), DefaultActions=[action])
    return True


def may(
    service: Service, rollout: Rollout, world: World, operations: Sequence[str], resources: Callable[[Mapping[str, Any]], Iterable[str]]
) -> bool:
    """Whether the infrastructure role lets ECS do it; without one ECS acts as its service-linked role, which may. Why not is kept."""
    source = {"aws:sourceaccount": service.account, "aws:sourcearn": service.arn}
    try:
        for balancing in service.balancers:
            if role := (balancing.get("advancedConfiguration") or {}).get("roleArn"):
                session = sessions.of_service(world, role, SERVICE, SESSION, source)
                needed = [
                    Request(action=f"elasticloadbalancing:{operation}", resource=resource, context=context(service.region))
                    for operation in operations
                    for resource in resources(balancing)
                ]
                authorize.check(session, needed)
    except AwsError as refused:
        rollout.refused = refused.message
        return False
    return True


def may_register(service: Service, rollout: Rollout, world: World) -> bool:
    return may(service, rollout, world, ("RegisterTargets",), lambda _: rollout.groups)


def advance(service: Service, rollout: Rollout, world: World) -> bool:
    """Called while all new tasks are healthy: to the next step when this one is over. Whether it is the last one."""
    if not rollout.former:
        return True
    plan = steps(service.configuration)
    if rollout.stage == CLEAN_UP:
        return True
    if time.monotonic() - rollout.entered >= plan[rollout.step].minutes * MINUTE_SECONDS:
        before = rollout.share
        rollout.enter(rollout.step + 1, plan[rollout.step + 1])
        if not turn(service, rollout, rollout.share, world):
            rollout.share = before
        if rollout.stage == CLEAN_UP:
            may(service, rollout, world, ("DeregisterTargets",), lambda _: rollout.former)
    return False


def overdue(rollout: Rollout) -> bool:
    return rollout.stage == SCALE_UP and time.monotonic() - rollout.entered > LONGEST_STAGE_MINUTES * MINUTE_SECONDS


def _pair(balancing: Mapping[str, Any]) -> Iterable[str]:
    return balancing["targetGroupArn"], balancing["advancedConfiguration"]["alternateTargetGroupArn"]


def _listener(balancing: Mapping[str, Any]) -> str:
    return str((balancing.get("advancedConfiguration") or {}).get("productionListenerRule", ""))


def _most(balancing: Mapping[str, Any], weights: Mapping[str, int]) -> str:
    if not balancing.get("advancedConfiguration"):
        return str(balancing["targetGroupArn"])
    return max(_pair(balancing), key=lambda group: weights.get(group, 0))
