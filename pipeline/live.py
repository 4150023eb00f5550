"""What is deployed: the stacks of an owner as AWS has them now. Read-only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import yaml

from pipeline.aws import Aws, RefusedError


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


def document(template: Any) -> dict[str, Any]:
    """Botocore parses a JSON template itself and leaves a YAML one as text. Ours have no short-form tags, so plain YAML reads them."""
    parsed = yaml.load(template, Loader=_Loader) if isinstance(template, str) else template  # noqa: S506 - a SafeLoader below
    return dict(parsed)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # the C one is ten times as fast, where there is one
    """Reads !Ref and the like too, because somebody may have changed a stack by hand."""


def _short_form(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


def _instant(value: datetime | str) -> str:
    return value if isinstance(value, str) else value.isoformat()
