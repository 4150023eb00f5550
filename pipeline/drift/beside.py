"""What no detection of CloudFormation sees, since no template has it: what somebody hung on ours, and protections that are off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline import live
from pipeline.aws import Aws
from pipeline.drift.model import Drift, PropertyDrift
from pipeline.drift.phantoms import groups
from pipeline.drift.words import same
from pipeline.review.model import Finding, Side, Stack, Topic
from pipeline.review.read import resources
from pipeline.review.resource_types import BALANCER, EIP, LISTENER, SERVICE, TARGET_GROUP

STACK = "AWS::CloudFormation::Stack"
# A target that is taken out is still shown until its connections end.
LEAVING = ("draining",)


@dataclass(frozen=True, kw_only=True)
class Around:
    """What is looked at: an owner's stacks as they are live and as Git has them; `protected` by the name of the file."""

    aws: Aws
    deployed: Side
    git: Side
    protected: frozenset[str]

    def of_type(self, kind: str) -> Iterator[tuple[Stack, str, str]]:
        """Stack, logical id and physical id."""
        for stack in self.deployed.stacks.values():
            for name, resource in resources(stack).items():
                if resource.get("Type") == kind and (physical := stack.resources.get(name)):
                    yield stack, name, physical

    def ids(self, kind: str) -> set[str]:
        return {physical for _, _, physical in self.of_type(kind)}


def _told(  # noqa: PLR0917 - what a drift consists of
    stack: Stack, name: str, kind: str, physical: str, found: Mapping[str, Any], rule: str, topic: Topic, text: str, mend: str
) -> Drift:
    return Drift(
        owner=stack.path.split("/")[-2],
        stack=stack.stack,
        stack_name=stack.name,
        logical_id=name,
        physical_id=physical,
        type=kind,
        kind="beside",
        status=stack.status,
        properties=tuple(
            PropertyDrift(name=key, live=value, deployed=None, git=None, stands="as deployed") for key, value in found.items()
        ),
        findings=(Finding(rule=rule, topic=topic, verdict="risky", stack=stack.stack, resource=name, text=text),),
        mend=(mend,),
    )


def listeners(around: Around) -> Iterator[Drift]:
    """elasticloadbalancing:DescribeListeners."""
    ours = around.ids(LISTENER)
    for stack, name, balancer in around.of_type(BALANCER):
        for one in around.aws.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=balancer):
            if one["ListenerArn"] in ours:
                continue
            arns = [str(arn) for action in one["DefaultActions"] for arn in groups(action)]
            sent_to = ", ".join(arn.split(":targetgroup/")[-1].partition("/")[0] for arn in arns)
            yield _told(
                stack,
                f"{name}:{one['Port']}",
                LISTENER,
                one["ListenerArn"],
                {"Protocol": one["Protocol"], "Targets": sent_to},
                "listener-beside",
                "clients",
                f"port {one['Port']} of the fixed addresses answers, by a listener that no template has",
                f"aws elbv2 delete-listener --region {around.aws.region} --listener-arn {one['ListenerArn']}",
            )


def targets(around: Around) -> Iterator[Drift]:
    """elasticloadbalancing:DescribeTargetHealth; ecs:ListTasks, DescribeTasks: whatever is no task of the service."""
    # Before the tasks are asked for: a target is never newer than its task.
    found = [
        (stack, name, arn, one["Target"])
        for stack, name, arn in around.of_type(TARGET_GROUP)
        for one in around.aws.call("elbv2", "describe_target_health", TargetGroupArn=arn)["TargetHealthDescriptions"]
        if one["TargetHealth"]["State"] not in LEAVING
    ]
    tasks = {address for _, _, service in around.of_type(SERVICE) for address in _addresses(around.aws, service)} if found else set()
    for stack, name, arn, target in found:
        if target["Id"] in tasks:
            continue
        where = f"{target['Id']}:{target['Port']}"
        zone = f",AvailabilityZone={target['AvailabilityZone']}" if target.get("AvailabilityZone") == "all" else ""
        given = f"Id={target['Id']},Port={target['Port']}{zone}"
        yield _told(
            stack,
            f"{name}:{where}",
            TARGET_GROUP,
            arn,
            {"Target": where},
            "target-beside",
            "clients",
            f"clients are sent to {where}, which is no task of this service",
            f"aws elbv2 deregister-targets --region {around.aws.region} --target-group-arn {arn} --targets {given}",
        )


def _addresses(aws: Aws, service: str) -> Iterator[str]:
    """Of tasks that run, and of those that stopped a moment ago."""
    cluster, name = service.split("/")[-2:]
    for status in ("RUNNING", "STOPPED"):
        arns = list(aws.pages("ecs", "list_tasks", "taskArns", cluster=cluster, serviceName=name, desiredStatus=status))
        for first in range(0, len(arns), 100):
            for task in aws.call("ecs", "describe_tasks", cluster=cluster, tasks=arns[first : first + 100])["tasks"]:
                details = {one["name"]: one["value"] for part in task["attachments"] for one in part["details"]}
                yield details.get("privateIPv4Address", "")


def addresses(around: Around) -> Iterator[Drift]:
    """ec2:DescribeAddresses, elasticloadbalancing:DescribeLoadBalancers: an address is on our load balancer, or on nothing."""
    held = {address: (stack, name) for stack, name, address in around.of_type(EIP)}
    if not held:
        return
    filters = [{"Name": "public-ip", "Values": sorted(held)}]
    found = [one for one in around.aws.call("ec2", "describe_addresses", Filters=filters)["Addresses"] if one.get("AssociationId")]
    balancers = around.ids(BALANCER)
    ours = {
        part.get("AllocationId")
        for arn in balancers
        for one in around.aws.call("elbv2", "describe_load_balancers", LoadBalancerArns=[arn])["LoadBalancers"]
        for zone in one["AvailabilityZones"]
        for part in zone.get("LoadBalancerAddresses", [])
    }
    for one in found:
        if one["AllocationId"] in ours:
            continue
        stack, name = held[one["PublicIp"]]
        to = one.get("InstanceId") or one.get("NetworkInterfaceId") or one["AssociationId"]
        yield _told(
            stack,
            f"{name}:{to}",
            EIP,
            one["PublicIp"],
            {"On": to},
            "address-beside",
            "addresses",
            f"{one['PublicIp']} answers for {to}, which is not this environment's load balancer",
            f"aws ec2 disassociate-address --region {around.aws.region} --association-id {one['AssociationId']}",
        )


def protections(around: Around) -> Iterator[Drift]:
    """cloudformation:DescribeStacks, GetStackPolicy."""
    for name in sorted(around.protected & around.deployed.stacks.keys()):
        stack = around.deployed.stacks[name]
        found = live.describe(around.aws, stack.name)
        if found is not None and not found.get("EnableTerminationProtection"):
            on = f"aws cloudformation update-termination-protection --region {around.aws.region} --stack-name {stack.name}"
            yield _of_stack(stack, "protection", {}, f"stack {stack.name} can be deleted", f"{on} --enable-termination-protection")
        wanted = around.git.stacks[name].policy if name in around.git.stacks else None
        if wanted and not same(wanted, stack.policy):
            text = f"the stack policy of {stack.name} is not the one that Git has: an update may replace or delete what is protected"
            body = json.dumps(wanted, separators=(",", ":"))
            mend = f"aws cloudformation set-stack-policy --region {around.aws.region} --stack-name {stack.name}"
            yield _of_stack(stack, "policy", {"Policy": stack.policy}, text, f"{mend} --stack-policy-body '{body}'")


def _of_stack(stack: Stack, what: str, found: Mapping[str, Any], text: str, mend: str) -> Drift:
    return _told(stack, f"Stack:{what}", STACK, stack.name, found, f"stack-{what}", "addresses", text, mend)


LOOKS: Mapping[str, Callable[[Around], Iterator[Drift]]] = {
    "listeners of the load balancer": listeners,
    "targets": targets,
    "what the addresses are on": addresses,
    "protections of stacks": protections,
}
