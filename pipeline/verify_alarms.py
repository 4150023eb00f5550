"""Whether the alarms of an environment are quiet: those of its service and of its monitoring."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from pipeline.aws import Aws
from stacks.environment import Environment

ALARM = "AWS::CloudWatch::Alarm"
STACKS = ("service", "monitoring")
# DescribeAlarms, AlarmNames.
AT_ONCE = 100


def loud(aws: Aws, env: Environment, since: datetime | None) -> list[str]:
    """An alarm that went off before `since` says nothing about what was deployed after: it may be what the deployment cures."""
    names = [name for stack in STACKS for name in _names(aws, env.stack_name(stack))]
    return [
        f"alarm {alarm['AlarmName']} is on: {alarm.get('StateReason', alarm.get('AlarmDescription', ''))}"
        for start in range(0, len(names), AT_ONCE)
        for alarm in aws.pages("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNames=names[start : start + AT_ONCE])
        if alarm["StateValue"] == "ALARM"
        and (since is None or alarm.get("StateTransitionedTimestamp", alarm["StateUpdatedTimestamp"]) > since)
    ]


def _names(aws: Aws, stack: str) -> Iterator[str]:
    resources = aws.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=stack)
    return (one["PhysicalResourceId"] for one in resources if one["ResourceType"] == ALARM and one.get("PhysicalResourceId"))
