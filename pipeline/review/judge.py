"""From what differs to what it means: every rule is asked, exceptions are applied, the worst comes first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Literal

from pipeline.review import costs, timing
from pipeline.review.exceptions import Accepted
from pipeline.review.model import TOPICS, VERDICTS, Comparison, Finding, OwnerReview, StackReview, Verdict, worst
from pipeline.review.read import mapping, outputs, standing
from pipeline.review.rules import RULES

# What is true of a resource of any type; rules about its own type say more.
GENERIC = ("replaced", "renamed", "removed", "interrupted", "stack-policy")
MILDER: dict[Verdict, Verdict] = {"blocked": "risky", "risky": "safe", "safe": "safe"}


def judge(comparison: Comparison, accepted: Sequence[Accepted], today: date) -> OwnerReview:
    comparison = replace(comparison, today=today)
    found = _telling([finding for rule in RULES for finding in rule.judge(comparison)])
    findings = tuple(sorted((_accepted(one, comparison.owner, accepted, today) for one in found), key=_rank))
    return OwnerReview(
        owner=comparison.owner,
        verdict=worst(*(one.verdict for one in findings)),
        stacks=tuple(_stack(comparison, stack) for stack in comparison.order),
        findings=findings,
        cost=costs.change(comparison),
        timing=timing.of(comparison),
    )


def _telling(findings: Sequence[Finding]) -> list[Finding]:
    """Without repetitions, and without "is replaced" and the like where another rule says at least as gravely what that means."""
    special: dict[tuple[str, str], Verdict] = {}
    for one in findings:
        if one.rule not in GENERIC:
            special[one.stack, one.resource] = worst(one.verdict, special.get((one.stack, one.resource), "safe"))
    return [
        one
        for one in dict.fromkeys(findings)
        if one.rule not in GENERIC or VERDICTS.index(one.verdict) > VERDICTS.index(special.get((one.stack, one.resource), "safe"))
    ]


def _rank(finding: Finding) -> tuple[int, int, str, str, str, str]:
    return (
        -VERDICTS.index(finding.verdict),
        TOPICS.index(finding.topic),
        finding.stack,
        finding.resource,
        finding.rule,
        finding.text,
    )


def _accepted(finding: Finding, owner: str, accepted: Iterable[Accepted], today: date) -> Finding:
    for exception in accepted:
        if finding.verdict != "safe" and exception.expires >= today and exception.covers(finding, owner):
            words = f"accepted by {exception.owner} until {exception.expires}: {exception.reason}"
            return replace(finding, verdict=MILDER[finding.verdict], accepted=words)
    return finding


def _stack(comparison: Comparison, stack: str) -> StackReview:
    before, after = comparison.before.stacks.get(stack), comparison.after.stacks.get(stack)
    changes = tuple(change for change in comparison.changes if change.stack == stack)
    parameters = comparison.parameters.get(stack, ())
    action: Literal["create", "update", "remove", "none"] = "none"
    if before is None:
        action = "create"
    elif after is None:
        action = "remove"
    elif changes or parameters or _rest(before.template) != _rest(after.template) or before.tags != after.tags:
        action = "update"
    return StackReview(
        stack=stack,
        name=next((one.name for one in (after, before) if one and one.name), ""),
        action=action,
        changes=changes,
        parameters=parameters,
        takes=_takes(comparison, stack),
    )


def _takes(comparison: Comparison, stack: str) -> dict[str, tuple[str, ...]]:
    side = standing(comparison)
    wanted = mapping(side.stacks[stack].template.get("Parameters"))
    fed = {other: tuple(sorted(wanted.keys() & outputs(one).keys())) for other, one in side.stacks.items() if other != stack}
    return {other: names for other, names in fed.items() if names}


def _rest(template: object) -> object:
    return {name: template.get(name) for name in ("Parameters", "Outputs", "Metadata")} if isinstance(template, dict) else template
