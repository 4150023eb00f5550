"""Whether what is deployed is protected as the files say, holds its addresses, and could be started again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from pipeline import addresses as live_addresses
from pipeline import catalog, live
from pipeline.aws import RefusedError
from pipeline.doctor.model import Place, Told, broken, not_deployed, ok, warning
from pipeline.paths import RENDERED
from pipeline.review import sides


def protection(place: Place) -> Iterator[Told]:
    """cloudformation:DescribeStacks, GetStackPolicy; elasticloadbalancing:DescribeLoadBalancerAttributes."""
    env = place.env
    there = 0
    for spec in catalog.ENVIRONMENT_STACKS:
        if not spec.wanted(env) or (stack := place.described(spec.name)) is None:
            continue
        there += 1
        name = env.stack_name(spec.name)
        if spec.protected and not stack.get("EnableTerminationProtection"):
            yield broken(f"stack {name} can be deleted", f"kotei protect {env.name}")
        if (wanted := _policy(place, spec.name)) != live.policy(place.aws, name):
            mend = "the next deployment sets it: git push" if wanted else "kotei render"
            yield broken(f"the stack policy of {name} is not the committed one", mend)
    if not there:
        yield not_deployed("service")
        return
    if (arn := place.balancer) and env.loadbalancer.deletion_protection:
        found = place.aws.call("elbv2", "describe_load_balancer_attributes", LoadBalancerArn=arn)["Attributes"]
        if {one["Key"]: one["Value"] for one in found}.get("deletion_protection.enabled") != "true":
            yield broken("the load balancer can be deleted", f"kotei apply {env.name}, or git push of a change to its stack")
    yield ok(f"{there} stacks looked at")


def addresses(place: Place) -> Iterator[Told]:
    """The ledger, ec2:DescribeAddresses and elasticloadbalancing:DescribeLoadBalancers say the same."""
    env = place.env
    pinned = {pin.address for pin in sides.pins(env.name, sides.text(place.root, sides.WORK_TREE, sides.pinned_file(env.name)))}
    if place.outputs("addresses") is None and pinned:
        yield broken(
            f"partners were told {', '.join(sorted(pinned))}, and stack {env.stack_name('addresses')} is gone",
            f"kotei apply {env.name} --import",
        )
        return
    if place.outputs("addresses") is None:
        yield not_deployed("addresses")
        return
    held = live_addresses.read(place.aws, env)
    found = {one.address for one in held}
    if lost := pinned - found:
        yield broken(f"partners were told {', '.join(sorted(lost))}, which this environment does not hold", "RUNBOOK.md")
    if told := found - pinned:
        yield warning(f"no ledger names {', '.join(sorted(told))}", f"kotei addresses {env.name} --pin")
    if arn := place.balancer:
        zones = place.aws.call("elbv2", "describe_load_balancers", LoadBalancerArns=[arn])["LoadBalancers"][0]["AvailabilityZones"]
        on = {one.get("IpAddress") for zone in zones for one in zone.get("LoadBalancerAddresses", [])}
        serving = {one.address for one in held if one.zone.removeprefix(env.region) in env.zones}
        if wrong := on ^ serving:
            yield broken(f"the load balancer and the addresses differ in {', '.join(sorted(map(str, wrong)))}", f"kotei plan {env.name}")
    yield ok(f"{', '.join(sorted(found))} are held")


def image(place: Place) -> Iterator[Told]:
    """ecr:DescribeImages: whether new tasks could still get the image that runs."""
    stack = place.described("service")
    if stack is None:
        yield not_deployed("service")
        return
    digest = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}.get("ImageDigest", "")
    try:
        found = place.registry.call("ecr", "describe_images", repositoryName=place.repository, imageIds=[{"imageDigest": digest}])
    except RefusedError as refused:
        if refused.code not in ("ImageNotFoundException", "RepositoryNotFoundException"):
            raise
        yield broken(f"{digest[:19]} runs and is not in the registry: no new task starts", f"kotei rollback {place.env.name}, or git push")
        return
    detail: dict[str, Any] = found["imageDetails"][0]
    if detail.get("imageStatus", "ACTIVE") != "ACTIVE":
        yield broken(f"{digest[:19]} runs and is {detail['imageStatus']}: no new task starts", "aws ecr update-image-storage-class")
    elif not detail.get("imageTags"):
        yield broken(f"{digest[:19]} runs and has no tag: the registry will expire it", "git push, which builds it again")
    else:
        yield ok(f"{digest[:19]} is in the registry as {detail['imageTags'][0]}")


def alarms(place: Place) -> Iterator[Told]:
    """cloudwatch:DescribeAlarms."""
    stacks = tuple(f"{place.env.stack_name(spec.name)}-" for spec in catalog.ENVIRONMENT_STACKS)
    prefix = f"{place.env.project}-{place.env.name}-"
    found = [
        one
        for one in place.aws.pages("cloudwatch", "describe_alarms", "MetricAlarms", AlarmNamePrefix=prefix)
        if one["AlarmName"].startswith(stacks)
    ]
    if not found:
        yield not_deployed("monitoring")
        return
    for one in found:
        if one["StateValue"] == "ALARM":
            yield broken(f"alarm {one['AlarmName']}: {one.get('StateReason', '')}", f"kotei logs {place.env.name} --status 5xx")
    if silent := [one["AlarmName"] for one in found if one["StateValue"] == "INSUFFICIENT_DATA"]:
        yield warning(f"{len(silent)} of {len(found)} alarms have no data: {', '.join(silent[:3])}{' ...' if len(silent) > 3 else ''}")  # noqa: PLR2004 - a few
    yield ok(f"{len(found)} alarms looked at")


def subscriptions(place: Place) -> Iterator[Told]:
    """sns:ListSubscriptionsByTopic: whether those whom alarms call have confirmed it."""
    summaries = place.described("monitoring") and place.aws.pages(
        "cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=place.env.stack_name("monitoring")
    )
    topics = [one["PhysicalResourceId"] for one in summaries or () if one["ResourceType"] == "AWS::SNS::Topic"]
    if not topics:
        yield not_deployed("monitoring")
    for topic in topics:
        found = list(place.aws.pages("sns", "list_subscriptions_by_topic", "Subscriptions", TopicArn=topic))
        waiting = [one["Endpoint"] for one in found if one["SubscriptionArn"] == "PendingConfirmation"]
        if not found:
            yield warning("nobody is told of alarms", f"alarm_email in stacks/environments/{place.env.name}.toml")
        elif waiting:
            yield warning(f"{', '.join(waiting)} has not confirmed to be told of alarms", "the link in AWS's mail")
        else:
            yield ok(f"{len(found)} are told of alarms")


def _policy(place: Place, stack: str) -> Any:
    text = sides.text(place.root, sides.WORK_TREE, f"{RENDERED}/{place.env.name}/{stack}.json")
    return json.loads(text).get("StackPolicy") if text else None
