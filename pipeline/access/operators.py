"""IAM's condition operators on the context of one request (IAM user guide, "IAM JSON policy elements: Condition operators")."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pipeline.review import patterns
from pipeline.review.conditions import NEGATED, Test

# Keys in lower case, as IAM compares them; a key with several values holds a list.
Context = Mapping[str, str | Sequence[str]]

VARIABLE = re.compile(r"\$\{([^}]+)\}")
ARN_PARTS = 6


class UnknownOperatorError(Exception):
    """What a condition asks cannot be decided here; deciding it wrongly would be worse."""


class MissingVariableError(Exception):
    """A policy variable that the request has no value for: what names it matches nothing (IAM user guide, "Policy variables")."""


def holds(test: Test, context: Context) -> bool:
    quantifier, _, operator = test.operator.rpartition(":")
    negated = test.negated or operator in NEGATED
    operator = NEGATED.get(operator, operator)
    given = context.get(test.key)
    if operator == "null":
        return str(given is None).lower() in test.values
    matches = _MATCHES.get(operator)
    if matches is None or quantifier not in ("", "forallvalues", "foranyvalue"):
        raise UnknownOperatorError(f"condition operator {test.operator} on {test.key}")
    if given is None:
        # Without the key a test fails; a negated one, and one about every value of a set, holds.
        return test.optional or quantifier == "forallvalues" or (negated and not quantifier)

    def one(actual: str) -> bool:
        return any(_compared(operator, matches, wanted, actual, context) for wanted in test.values) != negated

    actuals = [given] if isinstance(given, str) else list(given)
    if quantifier == "forallvalues":
        return all(map(one, actuals))
    return any(map(one, actuals)) if quantifier or not negated else all(map(one, actuals))


def filled(pattern: str, context: Context) -> str:
    """The pattern with the request's values in place of policy variables: whatever stands in such a value is no wildcard."""
    if "${" not in pattern:
        return pattern

    def value(found: re.Match[str]) -> str:
        key, _, default = found[1].partition(",")
        if key == "$":
            return "$"
        given = context.get(key.strip().lower())
        if isinstance(given, str):
            return patterns.literal(given)
        if default:
            return default.strip().strip("'")
        raise MissingVariableError(found[1])

    return VARIABLE.sub(value, pattern)


def _compared(operator: str, matches: Callable[[str, str], bool], wanted: str, actual: str, context: Context) -> bool:
    if not operator.startswith(("string", "arn")):
        return matches(wanted, actual)
    try:
        pattern = filled(patterns.glob(wanted) if operator in ("stringlike", "arnlike", "arnequals") else wanted, context)
    except MissingVariableError:
        return False
    return matches(pattern, actual)


def _arn(pattern: str, actual: str) -> bool:
    """Each of the six parts for itself: a `*` does not reach over a colon, but in the last part."""
    wanted, parts = pattern.split(":", ARN_PARTS - 1), actual.split(":", ARN_PARTS - 1)
    return len(wanted) == len(parts) == ARN_PARTS and all(map(patterns.matches, wanted, parts))


def _date(text: str) -> datetime:
    return datetime.fromtimestamp(float(text), UTC) if re.fullmatch(r"\d+(\.\d+)?", text) else datetime.fromisoformat(text)


def _ordered(read: Callable[[str], Any], compare: str) -> Callable[[str, str], bool]:
    def matches(wanted: str, actual: str) -> bool:
        left, right = read(actual), read(wanted)
        return bool(
            {
                "equals": left == right,
                "lessthan": left < right,
                "lessthanequals": left <= right,
                "greaterthan": left > right,
                "greaterthanequals": left >= right,
            }[compare]
        )

    return matches


_ORDERS = ("equals", "lessthan", "lessthanequals", "greaterthan", "greaterthanequals")
_MATCHES: dict[str, Callable[[str, str], bool]] = {
    "stringequals": lambda wanted, actual: wanted == actual,
    "stringequalsignorecase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "stringlike": patterns.matches,
    "arnlike": _arn,
    "arnequals": _arn,
    "bool": lambda wanted, actual: wanted == actual.lower(),
    "binaryequals": lambda wanted, actual: wanted == actual,
    "ipaddress": lambda wanted, actual: ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False),
    **{f"numeric{order}": _ordered(Decimal, order) for order in _ORDERS},
    **{f"date{order}": _ordered(_date, order) for order in _ORDERS},
}
