"""What a deployment would change, computed from two sets of documents. Pure: reads nothing, prints nothing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.live import Live

Verdict = Literal["safe", "risky", "blocked"]

# Losing or replacing one of these cuts off every client: never by a deployment. A load balancer cannot even be replaced, since
# the old one holds the addresses that the new one needs (ResourceInUse).
NEVER_LOST = ("AWS::EC2::EIP", "AWS::ElasticLoadBalancingV2::LoadBalancer")
# Whatever changes here, a person should have looked: who may do what, who may connect, what holds data.
SENSITIVE = (
    "AWS::CertificateManager::",
    "AWS::CodeBuild::Project",
    "AWS::CodeConnections::",
    "AWS::CodePipeline::",
    "AWS::EC2::EIP",
    "AWS::EC2::InternetGateway",
    "AWS::EC2::Route",
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::ECR::",
    "AWS::ElasticLoadBalancingV2::",
    "AWS::IAM::",
    "AWS::KMS::",
    "AWS::S3::",
    "AWS::SNS::TopicPolicy",
)


@dataclass(frozen=True, kw_only=True)
class Change:
    """`replaces` None means "not known here". `paths` are the properties that differ, from the resource on."""

    logical_id: str
    type: str
    action: Literal["add", "modify", "remove"]
    replaces: bool | None
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Desired:
    """One stack as the rendered files say it. `inputs` are the parameters that are known now."""

    stack: str
    name: str
    template: Mapping[str, Any]
    inputs: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class StackPlan:
    stack: str
    name: str
    action: Literal["create", "update", "none"]
    changes: tuple[Change, ...]
    parameters: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Plan:
    owner: str
    stacks: tuple[StackPlan, ...]
    verdict: Verdict
    reasons: tuple[str, ...]

    @property
    def empty(self) -> bool:
        return all(stack.action == "none" for stack in self.stacks)


def compare(owner: str, desired: tuple[Desired, ...], live: Mapping[str, Live | None]) -> Plan:
    stacks = tuple(_compare_stack(stack, live.get(stack.stack)) for stack in desired)
    blocked = tuple(_blocked(stacks, live))
    risky = tuple(_risky(stacks))
    verdict: Verdict = "blocked" if blocked else "risky" if risky else "safe"
    return Plan(owner=owner, stacks=stacks, verdict=verdict, reasons=(*blocked, *risky))


def needs_approval(plan: Plan, policy: Literal["always", "risky", "never"]) -> bool:
    """`always` asks even when nothing changes: then a person has seen every run."""
    return policy == "always" or (policy == "risky" and plan.verdict != "safe")


def fingerprint(files: Mapping[str, str], inputs: Mapping[str, str], live: Mapping[str, Live | None]) -> str:
    """Of everything that the plan rests on: if one byte of it moves, the plan is another one."""
    state = {
        stack: None if found is None else [found.id, found.status, found.changed, found.template, found.parameters, found.outputs]
        for stack, found in live.items()
    }
    text = json.dumps([dict(files), dict(inputs), state], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _compare_stack(desired: Desired, live: Live | None) -> StackPlan:
    old = {} if live is None else live.template.get("Resources", {})
    changes = tuple(_changes(old, desired.template.get("Resources", {})))
    before = {} if live is None else live.parameters
    parameters = tuple(sorted(name for name, value in desired.inputs.items() if before.get(name) != value))
    if live is None:
        action: Literal["create", "update", "none"] = "create"
    else:
        action = "update" if changes or parameters or _rest(live.template) != _rest(desired.template) else "none"
    return StackPlan(stack=desired.stack, name=desired.name, action=action, changes=changes, parameters=parameters)


def _rest(template: Mapping[str, Any]) -> dict[str, Any]:
    return {section: template[section] for section in ("Parameters", "Outputs") if section in template}


def _changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for logical_id in sorted(old.keys() | new.keys()):
        before, after = old.get(logical_id), new.get(logical_id)
        if before is None and after is not None:
            yield Change(logical_id=logical_id, type=after["Type"], action="add", replaces=False)
        elif after is None and before is not None:
            yield Change(logical_id=logical_id, type=before["Type"], action="remove", replaces=False)
        elif before is not None and after is not None and before["Type"] != after["Type"]:
            yield Change(logical_id=logical_id, type=before["Type"], action="remove", replaces=True)
            yield Change(logical_id=logical_id, type=after["Type"], action="add", replaces=True)
        elif before is not None and after is not None and (paths := tuple(different_paths(before, after))):
            yield Change(logical_id=logical_id, type=after["Type"], action="modify", replaces=_replaces(after["Type"], paths), paths=paths)


def different_paths(old: Any, new: Any, path: str = "") -> Iterator[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            where = f"{path}.{key}" if path else key
            if key not in old or key not in new:
                yield where
            else:
                yield from different_paths(old[key], new[key], where)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from different_paths(before, after, f"{path}[{number}]")
    elif old != new:
        yield path


# Create-only properties of what may never be lost (registry schema, createOnlyProperties). For every other type this module does
# not know yet whether a change replaces.
_CREATE_ONLY = {
    "AWS::EC2::EIP": {"Address", "IpamPoolId", "NetworkBorderGroup", "TransferAddress"},
    "AWS::ElasticLoadBalancingV2::LoadBalancer": {"Name", "Scheme", "Type"},
}


# CloudFormation updates no stack in one of these states. The first three were never created whole, so nothing in them serves.
_MENDED_BY = {
    "CREATE_FAILED": "aws cloudformation delete-stack",
    "ROLLBACK_COMPLETE": "aws cloudformation delete-stack",
    "ROLLBACK_FAILED": "aws cloudformation delete-stack",
    "UPDATE_ROLLBACK_FAILED": "aws cloudformation continue-update-rollback",
}


def _replaces(resource_type: str, paths: tuple[str, ...]) -> bool | None:
    properties = {path.split(".")[1].split("[")[0] for path in paths if path.startswith("Properties.")}
    if resource_type in _CREATE_ONLY:
        return bool(properties & _CREATE_ONLY[resource_type])
    return None if properties else False


def _blocked(stacks: tuple[StackPlan, ...], live: Mapping[str, Live | None]) -> Iterator[str]:
    for stack in stacks:
        for change in stack.changes:
            lost = change.action == "remove" or change.replaces
            if change.type in NEVER_LOST and lost and change.action != "add":
                what = "removes" if change.action == "remove" else "replaces"
                yield f"{stack.name}: {what} {change.logical_id} ({change.type}), which holds a fixed address"
        found = live.get(stack.stack)
        if found is not None and found.status in _MENDED_BY:
            yield f"{stack.name}: is {found.status}, which no update can change; run: {_MENDED_BY[found.status]} --stack-name {stack.name}"


def _risky(stacks: tuple[StackPlan, ...]) -> Iterator[str]:
    for stack in stacks:
        for change in stack.changes:
            what = f"{change.logical_id} ({change.type})"
            if change.action == "remove":
                yield f"{stack.name}: removes {what}"
            elif change.replaces:
                yield f"{stack.name}: replaces {what}"
            elif change.action == "modify" and change.type.startswith(SENSITIVE):
                yield f"{stack.name}: changes {what}"
            elif change.action == "add" and stack.action == "update" and change.type.startswith(SENSITIVE):
                yield f"{stack.name}: adds {what}"
