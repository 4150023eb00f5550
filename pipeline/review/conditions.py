"""Conditions of IAM statements, and the contexts of requests that tell them apart.

Where text is compared it is computed; every other test (numbers, dates, address ranges, sets) is a fact that holds or does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from pipeline.review import patterns
from pipeline.review.read import items, text

EQUAL = ("stringequals",)
ALIKE = ("stringlike", "arnlike", "arnequals")  # ArnEquals and ArnLike behave identically (IAM user guide, condition operators)
NEGATED = {
    "stringnotequals": "stringequals",
    "stringnotlike": "stringlike",
    "arnnotlike": "arnlike",
    "arnnotequals": "arnequals",
    "stringnotequalsignorecase": "stringequalsignorecase",
    "notipaddress": "ipaddress",
    "numericnotequals": "numericequals",
    "datenotequals": "dateequals",
}
LIMIT = 4096

# A value of a key (None: the request has no such key), or whether a fact holds.
Context = Mapping[tuple[str, ...], str | bool | None]


@dataclass(frozen=True)
class Test:
    """One key under one operator; several values are alternatives."""

    operator: str
    key: str
    values: frozenset[str]
    optional: bool = False
    negated: bool = False

    @property
    def compares_text(self) -> bool:
        return self.operator in (*EQUAL, *ALIKE, "bool", "null")

    def patterns(self) -> frozenset[str]:
        make = patterns.glob if self.operator in ALIKE else patterns.literal
        return frozenset(make(value) for value in self.values) if self.operator != "null" else frozenset()

    def facts(self) -> frozenset[tuple[str, ...]]:
        # "All of a set" is not the same as an alternative of each of its values.
        whole = self.operator.startswith("forallvalues:")
        each = [",".join(sorted(self.values))] if whole else self.values
        return frozenset(("fact", self.operator, self.key, value, str(self.optional)) for value in each)

    def holds(self, context: Context) -> bool:
        if not self.compares_text:
            return any(context[fact] for fact in self.facts()) != self.negated
        value = context[("key", self.key)]
        if self.operator == "null":
            return str(value is None).lower() in self.values
        if value is None:
            # Without the key a test fails, but a negated one holds (IAM user guide, condition operators).
            return self.optional or self.negated
        return any(patterns.matches(pattern, str(value)) for pattern in self.patterns()) != self.negated


def tests(condition: Any) -> frozenset[Test]:
    if condition is None or condition == {}:
        return frozenset()
    if not isinstance(condition, Mapping) or not all(isinstance(block, Mapping) for block in condition.values()):
        return frozenset({Test("unreadable", text(condition), frozenset({""}))})
    return frozenset(_test(str(operator), str(key), value) for operator, block in condition.items() for key, value in block.items())


def _test(operator: str, key: str, value: Any) -> Test:
    name = operator.lower()
    optional = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    negated = name in NEGATED
    name = NEGATED.get(name, name)
    lower = name in ("bool", "null")
    values = frozenset(text(one).lower() if lower else text(one) for one in items(value))
    return Test(operator=name, key=key.lower(), values=values, optional=optional, negated=negated)


def contexts(found: Iterable[Test]) -> list[Context] | None:
    """Every context that makes a difference to one of the tests; None where there are too many."""
    choices: dict[tuple[str, ...], tuple[str | bool | None, ...]] = {}
    compared: dict[str, frozenset[str]] = {}
    for test in found:
        if test.compares_text:
            # What a request may say of a Boolean key is known.
            more = frozenset({"true", "false"} if test.operator == "bool" else ())
            compared[test.key] = compared.get(test.key, frozenset()) | test.patterns() | more
        else:
            choices |= dict.fromkeys(test.facts(), (False, True))
    for key, wanted in compared.items():
        texts = patterns.representatives(wanted)
        if texts is None:
            return None
        choices[("key", key)] = (None, *texts)
    if prod(len(values) for values in choices.values()) > LIMIT:
        return None
    return [dict(zip(choices, values, strict=True)) for values in product(*choices.values())]
