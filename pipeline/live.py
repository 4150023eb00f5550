"""What is deployed: the stacks of an owner as AWS has them now. Read-only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.aws import Aws, RefusedError
from pipeline.template_text import document


@dataclass(frozen=True, kw_only=True)
class Live:
    """One stack. `changed` is when its last operation began, so any operation in between shows."""

    stack: str
    id: str
    status: str
    changed: str
    template: dict[str, Any]
    parameters: dict[str, str]
    outputs: dict[str, str]


def read(aws: Aws, stack: str, name: str) -> Live | None:
    """None where there is no stack, or one that was never created (REVIEW_IN_PROGRESS is a change set without resources)."""
    found = describe(aws, name)
    if found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS":
        return None
    template = aws.call("cloudformation", "get_template", StackName=name, TemplateStage="Original")["TemplateBody"]
    return Live(
        stack=stack,
        id=found["StackId"],
        status=found["StackStatus"],
        changed=_instant(found.get("LastUpdatedTime") or found["CreationTime"]),
        template=document(template),
        parameters={item["ParameterKey"]: item.get("ParameterValue", "") for item in found.get("Parameters", [])},
        outputs=outputs(found),
    )


def describe(aws: Aws, name: str) -> dict[str, Any] | None:
    try:
        stacks: list[dict[str, Any]] = aws.call("cloudformation", "describe_stacks", StackName=name)["Stacks"]
    except RefusedError as refused:
        # CloudFormation has no code of its own for "there is none".
        if refused.code == "ValidationError" and "does not exist" in refused.detail:
            return None
        raise
    return stacks[0]


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {item["OutputKey"]: item["OutputValue"] for item in stack.get("Outputs", [])}


def _instant(value: datetime | str) -> str:
    return value if isinstance(value, str) else value.isoformat()
