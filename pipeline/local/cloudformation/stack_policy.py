"""What CloudFormation takes as a stack policy, and whether one lets an update touch a resource."""

from __future__ import annotations

import json

from pipeline import stack_policy_rules
from pipeline.local.protocol import AwsError
from pipeline.stack_policy_rules import listed

ACTIONS = {*stack_policy_rules.ACTIONS, "Update:*"}
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
    for statement in listed(statements):
        if unknown := sorted(set(statement) - STATEMENT_KEYS):
            raise _invalid(f"unknown element {unknown[0]}")
        if statement.get("Effect") not in {"Allow", "Deny"}:
            raise _invalid("Effect must be Allow or Deny")
        if statement.get("Principal") != "*":
            raise _invalid("Principal must be *")
        if wrong := sorted(set(listed(statement.get("Action", [])) + listed(statement.get("NotAction", []))) - ACTIONS):
            raise _invalid(f"unknown action {wrong[0]}")
        for operator, condition in statement.get("Condition", {}).items():
            if operator not in {"StringEquals", "StringLike"} or set(condition) != {"ResourceType"}:
                raise _invalid("Condition must be StringEquals or StringLike on ResourceType")


def _invalid(why: str) -> AwsError:
    return AwsError("ValidationError", f"Error validating stack policy: {why}")


def denial(body: str, action: str, name: str, type_name: str) -> str | None:
    """The reason of the refusal, or None where the action is allowed."""
    return stack_policy_rules.denial(json.loads(body), action, name, type_name) if body else None
