"""What ECS may do to the load balancer in a canary or blue_green deployment."""

from __future__ import annotations

from collections.abc import Sequence

from awacs import elasticloadbalancing as elb
from awacs.aws import PolicyDocument

from policy.statement import allow, document


def shift(*, target_groups: Sequence[object], listeners: Sequence[object]) -> PolicyDocument:
    """AWS's AmazonECSInfrastructureRolePolicyForLoadBalancers, without application load balancers and on these resources alone."""
    return document(
        # These know no resource (Service Authorization Reference).
        allow(
            "AnyResourceReadLoadBalancer",
            [elb.DescribeListeners, elb.DescribeRules, elb.DescribeTargetGroups, elb.DescribeTargetHealth],
            "*",
        ),
        allow("RegisterTasks", [elb.DeregisterTargets, elb.RegisterTargets], *target_groups),
        allow("TurnListeners", [elb.ModifyListener], *listeners),
    )
