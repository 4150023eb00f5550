"""What the verification of a deployment looks at, as the role of its build here or as the role that reads in another account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from awacs import cloudformation, cloudwatch, ec2, ecs, elasticloadbalancing
from awacs.aws import Condition, Statement, StringEquals

from policy.statement import allow

# The logical id of the load balancer's security group.
BALANCER_GROUP = "LoadBalancerGroup"


def protect(stacks: Sequence[str], more: Sequence[Any] = ()) -> Statement:
    """`more` is what the role may do with the stacks besides."""
    # Termination protection has no property in a template; it is turned on once the stacks are there.
    own = [cloudformation.DescribeStacks, cloudformation.ListStackResources, cloudformation.UpdateTerminationProtection]
    return allow("ReadAndProtectStacks", [*more, *(one for one in own if one not in more)], *stacks)


def look(*, services: Sequence[str], tasks: Sequence[str], alarms: Sequence[str]) -> list[Statement]:
    return [
        allow("ReadServices", [ecs.DescribeServices], *services),
        allow("ReadTasks", [ecs.DescribeTasks], *tasks),
        allow("ReadAlarms", [cloudwatch.DescribeAlarms], *alarms),
        _any_resource_read_health(),
    ]


def probe(*, groups: Sequence[str], stacks: Sequence[str]) -> Statement:
    """To open the load balancer's group for a request through each address. IAM cannot say for whom: no condition knows the network."""
    tags = {"aws:ResourceTag/aws:cloudformation:stack-name": list(stacks), "aws:ResourceTag/aws:cloudformation:logical-id": BALANCER_GROUP}
    opens = [ec2.AuthorizeSecurityGroupIngress, ec2.RevokeSecurityGroupIngress]
    return allow("OpenForProbe", opens, *groups, Condition=Condition(StringEquals(tags)))


def see_rules() -> Statement:
    """What an ended probe has left open."""
    # It knows no resource (Service Authorization Reference).
    return allow("AnyResourceReadRules", [ec2.DescribeSecurityGroupRules], "*")


def _any_resource_read_health() -> Statement:
    # ecs:ListTasks knows only container instances as a resource, and the others know none (Service Authorization Reference).
    actions = [
        ec2.DescribeAddresses,
        ecs.DescribeTaskDefinition,
        ecs.ListTasks,
        elasticloadbalancing.DescribeListeners,
        elasticloadbalancing.DescribeLoadBalancerAttributes,
        elasticloadbalancing.DescribeLoadBalancers,
        elasticloadbalancing.DescribeTargetHealth,
    ]
    return allow("AnyResourceReadHealth", actions, "*")
