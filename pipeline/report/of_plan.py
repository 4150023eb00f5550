"""A plan in words: a text for people, a line for the approval, a document for programs. Pure."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from dataclasses import asdict
from typing import Any

from pipeline.plan import Change, Plan, StackPlan

# CodePipeline's CustomData and every other configuration value of an action (API: ActionConfigurationValue).
SUMMARY_LIMIT = 1000
MARKS = {"add": "+", "modify": "~", "remove": "-"}


def text(plan: Plan) -> str:
    lines = [headline(plan)]
    lines += [f"  ! {reason}" for reason in plan.reasons]
    for stack in plan.stacks:
        lines.append(f"{stack.name}: {_stack_words(stack)}")
        lines += [f"  {_change_words(change)}" for change in stack.changes]
        lines += [f"  ~ parameter {name}" for name in stack.parameters if stack.action == "update"]
    return "\n".join(lines) + "\n"


def headline(plan: Plan) -> str:
    if plan.empty:
        return f"{plan.owner}: no change ({plan.verdict})"
    count: Counter[str] = Counter(change.action for stack in plan.stacks for change in stack.changes)
    parts = [
        f"{count[action]} {word}" for action, word in (("add", "added"), ("modify", "changed"), ("remove", "removed")) if count[action]
    ]
    updated = sum(stack.action == "update" and not stack.changes for stack in plan.stacks)
    if updated:
        parts.append(f"{updated} stack(s) with new parameters or outputs")
    return f"{plan.owner}: {', '.join(parts)} ({plan.verdict})"


def summary(plan: Plan) -> str:
    """For CustomData: one line, plain characters, the dangerous first, within AWS's limit."""
    changed = [stack.stack for stack in plan.stacks if stack.action != "none"]
    whole = headline(plan)
    if plan.reasons:
        whole += ". " + "; ".join(plan.reasons)
    if changed:
        whole += f". Stacks: {', '.join(changed)}"
    # The value travels through a shell, JSON and CodePipeline's #{} substitution.
    plain = re.sub(r"[^ -~]|[\"\\#`$]", "", whole)
    return plain if len(plain) <= SUMMARY_LIMIT else plain[: SUMMARY_LIMIT - 4] + " ..."


def exports(plan: Plan, *, needs_approval: bool, fingerprint: str) -> str:
    """Shell lines that a buildspec reads with `.`; CodeBuild hands the variables on."""
    values = {
        "NEEDS_APPROVAL": "true" if needs_approval else "false",
        "VERDICT": plan.verdict,
        "SUMMARY": summary(plan),
        "FINGERPRINT": fingerprint,
    }
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def document(plan: Plan, *, needs_approval: bool, fingerprint: str) -> dict[str, Any]:
    return {**asdict(plan), "needs_approval": needs_approval, "fingerprint": fingerprint, "summary": summary(plan)}


def _stack_words(stack: StackPlan) -> str:
    return {"create": "new stack", "update": "update", "none": "no change"}[stack.action]


def _change_words(change: Change) -> str:
    replaced = {True: ", replaced", None: ", whether it is replaced is not known here", False: ""}[change.replaces]
    paths = f": {', '.join(change.paths)}" if change.paths else ""
    return f"{MARKS[change.action]} {change.logical_id} ({change.type}{replaced if change.action == 'modify' else ''}){paths}"
