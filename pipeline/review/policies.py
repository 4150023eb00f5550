"""Every policy document of a side: what identities may do, who may become one, what resources let others do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.review.model import Comparison, Side
from pipeline.review.read import both_sides, items, mappings, properties, resources, text
from pipeline.review.statements import ALL, Policy, policy
from policy.boundary_name import SUFFIX

IDENTITIES = {"AWS::IAM::Role": "Roles", "AWS::IAM::User": "Users", "AWS::IAM::Group": "Groups"}
NAMES = {"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName", "AWS::IAM::Group": "GroupName"}
ATTACHED = ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy")
# The property that holds the document, and the one that names the resource (none: the resource itself).
RESOURCE_POLICIES = {
    "AWS::S3::BucketPolicy": ("PolicyDocument", "Bucket"),
    "AWS::KMS::Key": ("KeyPolicy", ""),
    "AWS::ECR::Repository": ("RepositoryPolicyText", ""),
    "AWS::SNS::TopicPolicy": ("PolicyDocument", "Topics"),
    "AWS::SQS::QueuePolicy": ("PolicyDocument", "Queues"),
    "AWS::SecretsManager::ResourcePolicy": ("ResourcePolicy", "SecretId"),
    "AWS::Logs::ResourcePolicy": ("PolicyDocument", "PolicyName"),
    "AWS::EC2::VPCEndpoint": ("PolicyDocument", ""),
}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A role, user or group, or a managed policy that nothing in these files has. `new`: it was not there before."""

    stack: str
    name: str
    new: bool
    before: Policy
    after: Policy
    boundaries: tuple[Any, Any]
    # What the boundaries allow, where they are in these files; one that is not counts as everything.
    limits: tuple[Policy, Policy]
    trust: tuple[Policy, Policy]
    # A policy that bounds roles of other stacks, and gives nothing.
    limit: bool


@dataclass(frozen=True, kw_only=True)
class ResourcePolicy:
    """`resources` says what it is about. `new`: that was not there before."""

    stack: str
    name: str
    type: str
    resources: str
    new: bool
    before: Policy
    after: Policy


def identities(comparison: Comparison) -> Iterator[Identity]:
    """Those that exist afterwards and that a change may concern."""
    if not comparison.of_type(*IDENTITIES, *ATTACHED):
        return
    wanted: set[tuple[str, str]] = set()
    for change in comparison.of_type(*IDENTITIES, *ATTACHED):
        if change.type in IDENTITIES:
            wanted.add((change.stack, change.logical_id))
            continue
        holders = {*_holders(comparison.before, change.stack, change.old_id)}
        holders |= {*_holders(comparison.after, change.stack, change.logical_id)}
        wanted |= holders or {(change.stack, change.logical_id)}
    for stack, name in sorted(wanted):
        if name in resources(comparison.after.stacks.get(stack)):
            yield _identity(comparison, stack, name)


def _identity(comparison: Comparison, stack: str, name: str) -> Identity:
    renamed = _renamed(comparison, stack)
    old_name = next((old for old, new in renamed.items() if new == name), name)
    before, after = comparison.before, comparison.after
    old, new = properties(before.stacks.get(stack), old_name), properties(after.stacks.get(stack), name)
    boundaries = (old.get("PermissionsBoundary"), new.get("PermissionsBoundary"))
    return Identity(
        stack=stack,
        name=name,
        new=old_name not in resources(before.stacks.get(stack)),
        before=_allowed(before, stack, old_name, renamed),
        after=_allowed(after, stack, name, {}),
        boundaries=boundaries,
        limits=(_boundary(before, stack, boundaries[0], renamed), _boundary(after, stack, boundaries[1], {})),
        trust=(policy(old.get("AssumeRolePolicyDocument"), renamed), policy(new.get("AssumeRolePolicyDocument"))),
        limit=text(new.get("ManagedPolicyName")).endswith(SUFFIX),
    )


def _renamed(comparison: Comparison, stack: str) -> dict[str, str]:
    return {one.renamed_from: one.logical_id for one in comparison.changes if one.stack == stack and one.renamed_from}


def _allowed(side: Side, stack: str, name: str, renamed: Mapping[str, str]) -> Policy:
    """Everything that is attached to it."""
    own = properties(side.stacks.get(stack), name)
    result = policy(own.get("PolicyDocument"), renamed)
    for one in mappings(own.get("Policies")):
        result |= policy(one.get("PolicyDocument"), renamed)
    for arn in items(own.get("ManagedPolicyArns")):
        managed = _local(side, stack, arn)
        result |= policy(managed.get("PolicyDocument"), renamed) if managed else Policy(unread=frozenset({text(arn)}))
    for where, attached in _policies(side):
        if (stack, name) in _attached_to(side, where, attached):
            result |= policy(attached.get("PolicyDocument"), renamed)
    return result


def _boundary(side: Side, stack: str, boundary: Any, renamed: Mapping[str, str]) -> Policy:
    managed = _local(side, stack, boundary)
    return policy(managed.get("PolicyDocument"), renamed) if managed else ALL


def _local(side: Side, stack: str, reference: Any) -> Mapping[str, Any] | None:
    """The properties of a managed policy of the same stack."""
    name = text(reference).removeprefix("${").removesuffix("}").removesuffix(".PolicyArn")
    found = resources(side.stacks.get(stack)).get(name, {})
    return properties(side.stacks.get(stack), name) if found.get("Type") == "AWS::IAM::ManagedPolicy" else None


def _policies(side: Side) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for stack, one in side.stacks.items():
        for name, resource in resources(one).items():
            if resource.get("Type") in ATTACHED:
                yield stack, properties(one, name)


def _attached_to(side: Side, stack: str, attached: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The identities that a policy names, by reference or by name."""
    wanted = {text(one) for element in IDENTITIES.values() for one in items(attached.get(element))}
    if not wanted:
        return
    for where, one in side.stacks.items():
        for name, resource in resources(one).items():
            kind = str(resource.get("Type"))
            if kind in IDENTITIES:
                known = properties(one, name).get(NAMES[kind])
                if (where == stack and f"${{{name}}}" in wanted) or (isinstance(known, str) and known in wanted):
                    yield where, name


def _holders(side: Side, stack: str, name: str) -> Iterator[tuple[str, str]]:
    """Who has the policy."""
    yield from _attached_to(side, stack, properties(side.stacks.get(stack), name))
    for holder, resource in resources(side.stacks.get(stack)).items():
        if str(resource.get("Type")) in IDENTITIES:
            own = properties(side.stacks.get(stack), holder)
            references = {text(one) for one in (*items(own.get("ManagedPolicyArns")), own.get("PermissionsBoundary"))}
            if references & {f"${{{name}}}", f"${{{name}.PolicyArn}}"}:
                yield stack, holder


def resource_policies(comparison: Comparison) -> Iterator[ResourcePolicy]:
    """Those that change, also where the policy goes and its resource stays."""
    for change in comparison.of_type(*RESOURCE_POLICIES):
        document, target = RESOURCE_POLICIES[change.type]
        stack = change.stack
        renamed = _renamed(comparison, stack)
        before, after = comparison.before.stacks.get(stack), comparison.after.stacks.get(stack)
        old, new = both_sides(comparison, change)
        if change.action == "remove" and not target:
            continue
        about = [text(one) for one in items((new or old).get(target))] if target else [f"${{{change.logical_id}}}"]
        made = resources(after).keys() - {renamed.get(name, name) for name in resources(before)}
        if change.action == "remove" and not any(_named(one) in resources(after) for one in about):
            continue
        # Without a policy of its own an endpoint lets everything pass (VPC user guide, endpoint policies).
        missing = ALL if change.type == "AWS::EC2::VPCEndpoint" else Policy()
        yield ResourcePolicy(
            stack=stack,
            name=change.logical_id,
            type=change.type,
            resources=", ".join(about),
            new=change.action == "add" and all(_named(one) in made for one in about),
            before=policy(old.get(document), renamed) if old.get(document) is not None else missing,
            after=policy(new.get(document)) if new.get(document) is not None else missing,
        )


def _named(reference: str) -> str:
    return reference.removeprefix("${").removesuffix("}")
