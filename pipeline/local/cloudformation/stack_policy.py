"""Whether a stack policy lets an update touch a resource. Once a policy is set, what no statement allows is denied."""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from pipeline.local.protocol import AwsError

ACTIONS = {"Update:Modify", "Update:Replace", "Update:Delete", "Update:*"}
STATEMENT_KEYS = {"Effect", "Action", "NotAction", "Principal", "Resource", "NotResource", "Condition"}
LIMIT = 16_384


def check(body: str) -> None:
    """Refuse a policy that AWS would refuse, or that this evaluation would misread."""
    if len(body) > LIMIT:
        raise _invalid(f"stack policy is longer than {LIMIT} bytes")
    try:
        statements = json.loads(body)["Statement"]
    except (ValueError, KeyError, TypeError) as error:
        raise _invalid(str(error)) from error
    for statement in _listed(statements):
        if unknown := sorted(set(statement) - STATEMENT_KEYS):
            raise _invalid(f"unknown element {unknown[0]}")
        if statement.get("Effect") not in {"Allow", "Deny"}:
            raise _invalid("Effect must be Allow or Deny")
        if statement.get("Principal") != "*":
            raise _invalid("Principal must be *")
        if wrong := sorted(set(_listed(statement.get("Action", [])) + _listed(statement.get("NotAction", []))) - ACTIONS):
            raise _invalid(f"unknown action {wrong[0]}")
        for operator, condition in statement.get("Condition", {}).items():
            if operator not in {"StringEquals", "StringLike"} or set(condition) != {"ResourceType"}:
                raise _invalid("Condition must be StringEquals or StringLike on ResourceType")


def _invalid(why: str) -> AwsError:
    return AwsError("ValidationError", f"Error validating stack policy: {why}")


def denial(body: str, action: str, name: str, type_name: str) -> str | None:
    """The reason of the refusal, or None where the action is allowed."""
    if not body:
        return None
    allowed = False
    for number, statement in enumerate(_listed(json.loads(body)["Statement"]), start=1):
        if not _applies(statement, action, name, type_name):
            continue
        if statement["Effect"] == "Deny":
            return f"Action denied by stack policy: Statement [#{number}] does not allow [{action}] for resource [{name}]"
        allowed = True
    return None if allowed else f"Action denied by stack policy: No statement allows [{action}] for resource [{name}]"


def _applies(statement: dict[str, Any], action: str, name: str, type_name: str) -> bool:
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
    for operator, condition in statement.get("Condition", {}).items():
        wanted = _listed(condition["ResourceType"])
        if not (type_name in wanted if operator == "StringEquals" else _matches(wanted, type_name)):
            return False
    return True


def _matches(patterns: Any, text: str) -> bool:
    return any(fnmatch.fnmatchcase(text, pattern) for pattern in _listed(patterns))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
