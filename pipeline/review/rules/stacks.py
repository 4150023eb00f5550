"""What a stack as a whole refuses or keeps: its policy, its state, what drifted, what went to another stack. Names: names.py."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline import stack_policy_rules
from pipeline.review.model import Change, Comparison, Finding, Stack, Verdict
from pipeline.review.read import in_order, mapping, resources
from pipeline.review.rules.names import RULES as NAMES
from pipeline.review.rules.rule import Rule, about

# CloudFormation updates no stack in one of these states, until somebody does this. The first five were never created whole, so
# nothing in them serves.
MENDED_BY = {
    "REVIEW_IN_PROGRESS": "aws cloudformation delete-stack --stack-name {name}",
    "CREATE_FAILED": "aws cloudformation delete-stack --stack-name {name}",
    "ROLLBACK_IN_PROGRESS": "aws cloudformation wait stack-rollback-complete --stack-name {name}; then delete-stack",
    "ROLLBACK_COMPLETE": "aws cloudformation delete-stack --stack-name {name}",
    "ROLLBACK_FAILED": "aws cloudformation delete-stack --stack-name {name}",
    "UPDATE_ROLLBACK_FAILED": "aws cloudformation continue-update-rollback --stack-name {name}",
    "DELETE_IN_PROGRESS": "aws cloudformation wait stack-delete-complete --stack-name {name}",
    "DELETE_FAILED": "aws cloudformation delete-stack --stack-name {name}",
}
SHOWN = 5


def stack_policy(comparison: Comparison) -> Iterator[Finding]:
    """The stack policy in force, which is the one from before, refuses the change."""
    for change in comparison.changes:
        stack = comparison.before.stacks.get(change.stack)
        action = _action(change)
        if stack is None or stack.policy is None or action is None:
            continue
        name = change.old_id
        if why := stack_policy_rules.denial(stack.policy, action, name, change.type):
            # AWS itself does not know yet whether it will replace.
            verdict: Verdict = "risky" if change.update == "conditional replacement" else "blocked"
            mend = "loosen the stack policy in a deployment of its own, before: a policy protects from the update after"
            yield about(change, "stack-policy", verdict, f"AWS refuses to change {name}: {why}", mend, topic="resources")


def _action(change: Change) -> str | None:
    if change.action == "remove" or change.renamed_from:
        return "Update:Delete"
    if change.action == "add" or not change.properties:
        return None
    return "Update:Replace" if change.replaces else "Update:Modify"


def stack_policy_weakened(comparison: Comparison) -> Iterator[Finding]:
    """From the next update on, the stack policy refuses less."""
    for name, after in comparison.after.stacks.items():
        before = comparison.before.stacks.get(name)
        # Without a policy in what is deployed, the one that is set stays in force.
        if before is None or before.policy is None or after.policy is None or before.policy == after.policy:
            continue
        allowed = [
            f"{action.removeprefix('Update:').lower()} {resource or type_name}"
            for action in stack_policy_rules.ACTIONS
            for resource, type_name in _subjects(before, after)
            if stack_policy_rules.denial(before.policy, action, resource, type_name)
            and not stack_policy_rules.denial(after.policy, action, resource, type_name)
        ]
        if allowed:
            more = f" and {len(allowed) - SHOWN} more" if len(allowed) > SHOWN else ""
            yield Finding(
                rule="stack-policy-weakened",
                topic="resources",
                verdict="risky",
                stack=name,
                text=f"the update after this one may {', '.join(allowed[:SHOWN])}{more}, which the stack policy refused until now",
            )


def _subjects(*stacks: Stack) -> list[tuple[str, str]]:
    """Logical id and type of everything there is, and what may come: no id, with the types of which the policies speak."""
    there = {(name, str(one.get("Type", ""))) for stack in stacks for name, one in resources(stack).items()}
    to_come = {("", kind) for stack in stacks for kind in stack_policy_rules.types(stack.policy or {})}
    return sorted(to_come) + sorted(there)


def stack_stuck(comparison: Comparison) -> Iterator[Finding]:
    """The stack is in a state in which CloudFormation refuses every update."""
    for name, stack in comparison.before.stacks.items():
        where = stack.name or f"{comparison.owner}/{name}"
        if stack.status in MENDED_BY:
            yield Finding(
                rule="stack-stuck",
                topic="resources",
                verdict="blocked",
                stack=name,
                text=f"stack {where} is {stack.status}, which no update can change",
                mend=MENDED_BY[stack.status].format(name=where),
            )
        elif stack.status.endswith("_IN_PROGRESS"):
            yield Finding(
                rule="stack-stuck",
                topic="resources",
                verdict="risky",
                stack=name,
                text=f"stack {where} is {stack.status}: CloudFormation refuses an update until that has ended",
                mend="wait, and plan again",
            )


def drifted(comparison: Comparison) -> Iterator[Finding]:
    """Somebody changed a resource beside its template."""
    touched = {(change.stack, change.logical_id): change for change in comparison.changes if change.touches}
    for name, stack in comparison.before.stacks.items():
        for resource in stack.drifted:
            change = touched.get((name, resource))
            meets = "this deployment overwrites what it touches of that" if change else "this deployment leaves it as it is"
            yield Finding(
                rule="drifted",
                topic="resources",
                verdict="risky" if change else "safe",
                stack=name,
                resource=resource,
                text=f"{resource} was changed by hand and differs from its template; {meets}",
                mend="write into the template what should stay" if change else "",
            )


def moved(comparison: Comparison) -> Iterator[Finding]:
    """The same resource leaves one stack and comes in another: AWS makes a second one."""
    gone = list(_gone(comparison))
    for change in comparison.changes:
        if change.action == "add":
            resource = resources(comparison.after.stacks.get(change.stack)).get(change.logical_id, {})
            alike = [one for one in gone if one[0] != change.stack and _alike((change.logical_id, resource), one[1:3])]
            for stack, logical_id, _, stays in alike[:1]:
                yield Finding(
                    rule="moved",
                    topic="resources",
                    verdict="risky",
                    stack=change.stack,
                    resource=change.logical_id,
                    text=f"{logical_id} ({change.type}) goes from stack {stack} to {change.stack}: AWS makes a second one"
                    + ("; the first one stays behind" if stays else " and deletes the first one"),
                    mend="leave it where it is, or move it with a stack refactoring: aws cloudformation create-stack-refactor",
                )


def _gone(comparison: Comparison) -> Iterator[tuple[str, str, Mapping[str, Any], bool]]:
    """Stack, logical id, resource, and whether AWS keeps it. A stack that is deployed no more keeps everything."""
    for change in comparison.changes:
        if change.action == "remove":
            found = resources(comparison.before.stacks.get(change.stack)).get(change.logical_id, {})
            yield change.stack, change.logical_id, found, change.retained
    for name, stack in comparison.before.stacks.items():
        if name not in comparison.after.stacks:
            for logical_id, found in resources(stack).items():
                yield name, logical_id, found, True


def _alike(one: tuple[str, Mapping[str, Any]], other: tuple[str, Mapping[str, Any]]) -> bool:
    if one[1].get("Type") != other[1].get("Type"):
        return False
    return one[0] == other[0] or _content(one[1]) == _content(other[1])


def _content(resource: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in mapping(resource.get("Properties")).items() if key != "Tags"}
    return json.dumps(in_order(kept), default=str)


RULES: tuple[Rule, ...] = (
    *NAMES,
    Rule("stack-policy", stack_policy, "CloudFormation user guide, Prevent updates to stack resources; DECISIONS.md"),
    Rule("stack-policy-weakened", stack_policy_weakened, "CloudFormation user guide, Prevent updates to stack resources"),
    Rule("stack-stuck", stack_stuck, "CloudFormation user guide, Stack status codes; Troubleshooting"),
    Rule("drifted", drifted, "CloudFormation user guide, Detect unmanaged configuration changes"),
    Rule("moved", moved, "CloudFormation user guide, Stack refactoring"),
)
