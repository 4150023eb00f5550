"""The end of an environment: what goes, what AWS keeps, and how the addresses come back. Never releases an address."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import catalog, live
from pipeline.apply_change_set import Say, failure
from pipeline.aws import Aws, RefusedError, Target
from pipeline.errors import PipelineError
from pipeline.prepare import environment
from pipeline.review import sides
from pipeline.review.resource_types import BALANCER, EIP
from pipeline.stack_events import Watch, busy, follow, last
from stacks.environment import Environment
from stacks.project import Project

PROTECTION = "deletion_protection.enabled"


@dataclass(frozen=True, kw_only=True)
class Going:
    """One stack. `deleted` and `kept` are (logical id, type, physical id); `balancers` are load balancers that refuse to be deleted."""

    name: str
    id: str
    status: str
    protected: bool
    deleted: tuple[tuple[str, str, str], ...]
    kept: tuple[tuple[str, str, str], ...]
    balancers: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Address:
    zone: str
    address: str
    allocation: str


@dataclass(frozen=True, kw_only=True)
class Destruction:
    """`stacks` in the order in which they are deleted."""

    environment: str
    aws: Aws
    stacks: tuple[Going, ...]
    addresses: tuple[Address, ...]


def refuse_pinned(root: Path, env: Environment) -> None:
    path = sides.pinned_file(env.name)
    pins = sides.pins(env.name, sides.text(root, sides.WORK_TREE, path))
    if pins:
        named = ", ".join(pin.address for pin in pins)
        raise PipelineError(
            f'{env.name}: partners were told {named} ({path}). First tell them that it ends, write "leaves": "YYYY-MM-DD" into each entry, '
            f"and after that day remove the entries and commit; then run: kotei destroy {env.name}"
        )


def prepare(project: Project, target: Target, name: str) -> Destruction:
    """Reads only. Refuses where an address would be released."""
    env = environment(project, name)
    aws = Aws(target=target, account=env.account, region=env.region)
    # Also those that the configuration does not want any more.
    names = [env.stack_name(spec.name) for spec in reversed(catalog.ENVIRONMENT_STACKS)]
    found = tuple(going for stack in names if (going := _going(aws, stack)))
    return Destruction(environment=name, aws=aws, stacks=found, addresses=_addresses(aws, env, found))


def _going(aws: Aws, name: str) -> Going | None:
    stack = live.describe(aws, name)
    if stack is None:
        return None
    if busy(stack["StackStatus"]) and stack["StackStatus"] != "DELETE_IN_PROGRESS":
        raise PipelineError(f"stack {name} is {stack['StackStatus']}: somebody changes it now; wait for its end, then run this again")
    wanted: Mapping[str, Any] = live.template(aws, name).get("Resources", {})
    rows = [
        (one["LogicalResourceId"], one["ResourceType"], one["PhysicalResourceId"])
        for one in aws.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name)
        if one.get("PhysicalResourceId") and one.get("ResourceStatus") != "DELETE_COMPLETE"
    ]
    kept = tuple(row for row in rows if wanted.get(row[0], {}).get("DeletionPolicy", "Delete").startswith("Retain"))
    if released := [f"{row[0]} ({row[2]})" for row in rows if row[1] == EIP and row not in kept]:
        raise PipelineError(
            f"stack {name} would release {', '.join(released)}: the template that is deployed has no DeletionPolicy Retain there. Deploy "
            "the rendered one first: git push"
        )
    return Going(
        name=name,
        id=stack["StackId"],
        status=stack["StackStatus"],
        protected=bool(stack.get("EnableTerminationProtection")),
        deleted=tuple(row for row in rows if row not in kept),
        kept=kept,
        balancers=tuple(row[2] for row in rows if row[1] == BALANCER and row not in kept and _refuses(aws, row[2])),
    )


def _refuses(aws: Aws, balancer: str) -> bool:
    try:
        found = aws.call("elbv2", "describe_load_balancer_attributes", LoadBalancerArn=balancer)["Attributes"]
    except RefusedError as refused:
        # A deletion that a killed run began has taken it away by now.
        if refused.code == "LoadBalancerNotFound":
            return False
        raise
    return any(one["Key"] == PROTECTION and one["Value"] == "true" for one in found)


def _addresses(aws: Aws, env: Environment, stacks: Sequence[Going]) -> tuple[Address, ...]:
    """Those of the addresses stack, and those that were there before it."""
    held = [(row[0].removeprefix("Eip").lower(), row[2]) for stack in stacks for row in stack.kept if row[1] == EIP]
    zones = {address: zone for zone, address in held} | {allocation: zone for zone, allocation in env.addresses.adopt.items()}
    asked = [{"PublicIps": [address for _, address in held]}, {"AllocationIds": list(env.addresses.adopt.values())}]
    found = [one for given in asked if any(given.values()) for one in aws.call("ec2", "describe_addresses", **given)["Addresses"]]
    told = (
        Address(zone=zones.get(one["PublicIp"]) or zones[one["AllocationId"]], address=one["PublicIp"], allocation=one["AllocationId"])
        for one in found
    )
    return tuple(sorted(told, key=lambda one: one.zone))


def destroy(found: Destruction, say: Say, watch: Watch) -> None:
    for stack in found.stacks:
        if stack.protected:
            found.aws.call("cloudformation", "update_termination_protection", StackName=stack.name, EnableTerminationProtection=False)
            say(f"stack {stack.name}: termination protection is off")
        for balancer in stack.balancers:
            off = [{"Key": PROTECTION, "Value": "false"}]
            found.aws.call("elbv2", "modify_load_balancer_attributes", LoadBalancerArn=balancer, Attributes=off)
            say(f"load balancer {balancer}: deletion protection is off")
        say(f"stack {stack.name}: deleting")
        before = last(found.aws, stack.id)
        found.aws.call("cloudformation", "delete_stack", StackName=stack.id)
        after, events = follow(found.aws, stack.id, before, watch)
        if after["StackStatus"] != "DELETE_COMPLETE":
            raise PipelineError(failure(found.aws, found.environment, after, events))
        say(f"stack {stack.name}: deleted")


def way_back(found: Destruction) -> str:
    """What to do with the addresses afterwards, as commands and configuration."""
    if not found.addresses:
        return "no address was held by these stacks"
    adopt = ", ".join(f'{one.zone} = "{one.allocation}"' for one in found.addresses)
    allocations = " ".join(one.allocation for one in found.addresses)
    lines = [f"{found.environment} keeps its addresses; nobody answers on them now, and they are on the bill:"]
    lines += [f"  zone {one.zone}  {one.address}  {one.allocation}" for one in found.addresses]
    lines += [
        "",
        "to serve on them again, into the same stacks:",
        f"  kotei apply {found.environment} --import",
        "  git push",
        f"or in another environment or project, in its file below [addresses]: adopt = {{ {adopt} }}",
        "to see them: " + f"aws ec2 describe-addresses --allocation-ids {allocations}",
        "to give them up for ever: " + "; ".join(f"aws ec2 release-address --allocation-id {one.allocation}" for one in found.addresses),
    ]
    return "\n".join(lines)
