"""Findings of a review that somebody has accepted for a time: the [[review]] tables of policy/exceptions.toml."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

from pipeline import exception_tables as tables
from pipeline.review.model import Finding
from pipeline.review.rules import RULES

WILDCARDS = frozenset("*?[")
# Whoever lost an address cannot get it back by an exception, and no reason makes a partner's firewall let another one through.
# A load balancer that is replaced meets its own addresses in use.
NEVER = frozenset(("address-lost", "address-swap", "address-replaced", "balancer-replaced", "pinned-address"))


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """One finding (`rule`) on one resource. `stack` is environment/stack; `owner` answers for it until `expires`.

    What was blocked is then risky, what was risky is safe. * may stand for the stack, and for parts of the resource's name.
    """

    rule: str
    stack: str
    resource: str
    owner: str
    reason: str
    expires: date

    def covers(self, finding: Finding, owner: str) -> bool:
        return (
            finding.rule == self.rule
            and fnmatchcase(f"{owner}/{finding.stack}", self.stack)
            and fnmatchcase(finding.resource, self.resource)
        )


def parse(text: str | None) -> tuple[Accepted, ...]:
    """None: there is no such file. Raises PipelineError with everything that is wrong."""
    return tables.parse(text, "review", Accepted, _problems, may_be_empty="resource")


def _problems(entry: Mapping[str, Any], wrong: list[str]) -> Iterator[str]:
    if "rule" in entry and "rule" not in wrong:
        yield from _about_the_rule(entry["rule"])
    if "stack" in entry and "stack" not in wrong:
        yield from _about_the_stack(entry["stack"])


def _about_the_rule(rule: str) -> Iterator[str]:
    known = sorted(one.name for one in RULES)
    if WILDCARDS & set(rule):
        yield f"rule: {rule!r} stands for more than one; accept each finding by its name"
    elif rule in NEVER:
        yield f"rule: {rule} can never be accepted: an address that is lost does not come back, and partners' firewalls know no other"
    elif rule not in known:
        yield f"rule: there is no rule {rule!r}; there are {', '.join(known)}"


def _about_the_stack(stack: str) -> Iterator[str]:
    owner, slash, name = stack.rpartition("/")
    if not slash or not owner:
        yield f"stack: {stack!r} is not environment/stack, such as production/loadbalancer"
    elif WILDCARDS & set(owner) or (name != "*" and WILDCARDS & set(name)):
        yield f"stack: {stack!r} stands for too much; name the environment, and the stack (or * for all of its stacks)"
