"""What holds for a resource of any type: replaced, removed, interrupted, refused."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline import registry_schema
from pipeline.review.model import Comparison, Finding
from pipeline.review.resource_types import EIP, TASK
from pipeline.review.rules.rule import Rule, about

# Replaced at every deployment, and meant to be: a task definition cannot be changed, a service takes the new one in place.
ORDINARY = (TASK,)


def replaced(comparison: Comparison) -> Iterator[Finding]:
    """A resource is replaced: AWS makes a new one and deletes the old one."""
    for change in comparison.changes:
        if change.replaces and change.type not in ORDINARY and not change.renamed_from:
            certain = "is replaced" if change.update == "replacement" else "may be replaced"
            why = ", ".join(f"{one.path} refers to {one.because}" if one.because else one.path for one in change.culprits)
            kept = "; the old one stays behind" if change.retained else ""
            text = f"{change.logical_id} ({change.type}) {certain}: {why}{kept}"
            yield about(change, "replaced", "risky", text, topic="resources")


def renamed(comparison: Comparison) -> Iterator[Finding]:
    """A resource has another logical id, which to AWS is another resource."""
    for change in comparison.changes:
        if change.renamed_from:
            text = f"{change.renamed_from} ({change.type}) is now {change.logical_id}: AWS makes a new one and deletes the old one"
            yield about(change, "renamed", "risky", text, mend=f"keep the logical id {change.renamed_from}", topic="resources")


def removed(comparison: Comparison) -> Iterator[Finding]:
    """A resource goes out of its stack."""
    for change in comparison.changes:
        if change.action == "remove":
            kept = " is no longer managed; it stays in AWS, and on the bill" if change.retained else " is deleted"
            text = f"{change.logical_id} ({change.type}){kept}"
            yield about(change, "removed", "risky", text, topic="resources")


def interrupted(comparison: Comparison) -> Iterator[Finding]:
    """AWS may interrupt a resource while it changes it."""
    for change in comparison.changes:
        # Tags of an address have a rule of their own: address-retagged.
        found = [one for one in change.properties if one.update == "some interruption"]
        paths = [one.path for one in found if (change.type, one.top) != (EIP, "Tags")]
        if paths and not change.replaces:
            text = f"{change.logical_id} ({change.type}) may be interrupted: {', '.join(paths)}"
            yield about(change, "interrupted", "risky", text, topic="clients")


def unknown_type(comparison: Comparison) -> Iterator[Finding]:
    """A type of which the registry knows nothing."""
    for change in comparison.changes:
        if change.properties and registry_schema.load(change.type) is None:
            text = f"{change.logical_id}: nothing is known here of {change.type}, so it may be replaced"
            yield about(change, "unknown-type", "risky", text, topic="resources")


def type_changed(comparison: Comparison) -> Iterator[Finding]:
    """A logical id is used for another type."""
    for change in comparison.changes:
        types = [one for one in change.attributes if one.path == "Type"]
        for one in types:
            text = f"{change.logical_id} was {one.before} and becomes {one.after}: AWS refuses to update the type of a resource"
            yield about(change, "type-changed", "blocked", text, mend="give the new resource another logical id", topic="resources")


def read_only(comparison: Comparison) -> Iterator[Finding]:
    """A property is set that only AWS may set."""
    for change in comparison.changes:
        for one in change.properties:
            if one.access == "read-only" and one.after is not None:
                text = f"{change.logical_id}: AWS refuses {one.path}, which only it may set"
                yield about(change, "read-only", "blocked", text, mend=f"remove {one.path}", topic="resources")


def stack_left(comparison: Comparison) -> Iterator[Finding]:
    """A stack is rendered no more, and stays in AWS."""
    for stack in comparison.order:
        if stack not in comparison.after.stacks:
            yield Finding(
                rule="stack-left",
                topic="resources",
                verdict="risky",
                stack=stack,
                text=f"stack {comparison.owner}/{stack} is deployed no more; it stays in AWS as it is, and on the bill",
                mend="delete it by hand once nothing uses it",
            )


REGISTRY = "CloudFormation registry schemas, as cfn-lint bundles them"
RULES: tuple[Rule, ...] = (
    Rule("replaced", replaced, REGISTRY),
    Rule("renamed", renamed, "CloudFormation user guide, Resources: a logical id is unique and identifies the resource"),
    Rule("removed", removed, "CloudFormation user guide, DeletionPolicy attribute"),
    Rule("interrupted", interrupted, "CloudFormation user guide, Update behaviors of stack resources"),
    Rule("unknown-type", unknown_type, REGISTRY),
    Rule("type-changed", type_changed, "CloudFormation: Update of resource type is not permitted"),
    Rule("read-only", read_only, REGISTRY),
    Rule("stack-left", stack_left, "pipeline/stages.py: the pipeline creates and updates stacks, and deletes none"),
)
