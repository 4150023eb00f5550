"""Findings of a review that somebody has accepted for a time: the [[review]] tables of policy/exceptions.toml.

Read without pydantic, which would take a review as long as everything else that it does.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import date, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.review.model import Finding
from pipeline.review.rules import RULES

EXCEPTIONS = Path("policy/exceptions.toml")
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
    try:
        entries = tomllib.loads(text or "").get("review", [])
    except tomllib.TOMLDecodeError as error:
        raise PipelineError(f"{EXCEPTIONS}: {error}") from error
    if not isinstance(entries, list):
        raise PipelineError(f"{EXCEPTIONS}: review: is no list of tables; write [[review]]")
    problems = [f"{EXCEPTIONS}: review.{number}.{problem}" for number, entry in enumerate(entries) for problem in _problems(entry)]
    if problems:
        raise PipelineError("\n".join(problems))
    return tuple(Accepted(**entry) for entry in entries)


def _problems(entry: Any) -> Iterator[str]:
    names = [field.name for field in fields(Accepted)]
    if not isinstance(entry, dict):
        yield "is no table; write [[review]]"
        return
    yield from (f"{name}: is missing" for name in names if name not in entry)
    yield from (f"{name}: there is no such key; there are {', '.join(names)}" for name in entry if name not in names)
    texts = [name for name in names if name in entry and name != "expires"]
    wrong = [name for name in texts if not isinstance(entry[name], str) or (name != "resource" and not entry[name].strip())]
    yield from (f"{name}: {entry[name]!r} is no text" for name in wrong)
    if "expires" in entry and (not isinstance(entry["expires"], date) or isinstance(entry["expires"], datetime)):
        yield f"expires: {entry['expires']!r} is no day; write 2027-01-31, without quotes"
    if "rule" in texts and "rule" not in wrong:
        yield from _about_the_rule(entry["rule"])
    if "stack" in texts and "stack" not in wrong:
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
