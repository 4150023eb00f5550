"""What a stack policy lets an update do, as CloudFormation reads it: once there is a policy, what no statement allows is denied."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from typing import Any, Literal

Action = Literal["Update:Modify", "Update:Replace", "Update:Delete"]
ACTIONS: tuple[Action, ...] = ("Update:Modify", "Update:Replace", "Update:Delete")


def denial(policy: Mapping[str, Any], action: str, name: str, type_name: str) -> str | None:
    """The reason of the refusal in AWS's words, or None where the action is allowed. Never fails: odd statements apply to nothing."""
    allowed = False
    for number, statement in enumerate(listed(policy.get("Statement")), start=1):
        if not isinstance(statement, Mapping) or not _applies(statement, action, name, type_name):
            continue
        if statement.get("Effect") == "Deny":
            return f"Action denied by stack policy: Statement [#{number}] does not allow [{action}] for resource [{name}]"
        allowed = allowed or statement.get("Effect") == "Allow"
    return None if allowed else f"Action denied by stack policy: No statement allows [{action}] for resource [{name}]"


def types(policy: Mapping[str, Any]) -> set[str]:
    """The types of resources that its conditions name."""
    statements = (statement for statement in listed(policy.get("Statement")) if isinstance(statement, Mapping))
    wanted = (one for statement in statements for _, patterns in _conditions(statement) for one in patterns)
    return {one for one in wanted if isinstance(one, str)}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _applies(statement: Mapping[str, Any], action: str, name: str, type_name: str) -> bool:
    if "Action" in statement and not _matches(statement["Action"], action):
        return False
    if "NotAction" in statement and _matches(statement["NotAction"], action):
        return False
    if "NotResource" in statement:
        if _matches(statement["NotResource"], f"LogicalResourceId/{name}"):
            return False
    # A statement without Resource matches nothing: its Condition alone does not select (serverless/serverless#5012).
    elif not _matches(statement.get("Resource", []), f"LogicalResourceId/{name}"):
        return False
    return all(
        type_name in patterns if operator == "StringEquals" else _matches(patterns, type_name)
        for operator, patterns in _conditions(statement)
    )


def _conditions(statement: Mapping[str, Any]) -> list[tuple[Any, list[Any]]]:
    """Operator and the types that it compares with."""
    found = statement.get("Condition")
    if not isinstance(found, Mapping):
        return []
    return [
        (operator, listed(one["ResourceType"])) for operator, one in found.items() if isinstance(one, Mapping) and "ResourceType" in one
    ]


def _matches(patterns: Any, text: str) -> bool:
    return any(isinstance(pattern, str) and fnmatch.fnmatchcase(text, pattern) for pattern in listed(patterns))
