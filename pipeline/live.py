"""What is deployed: the stacks of an owner as AWS has them now. Read-only."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from pipeline.aws import DENIED, Aws, RefusedError
from pipeline.paths import RENDERED
from pipeline.review.model import Stack
from pipeline.template_text import document

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Live:
    """One stack. `changed` is when its last operation began, so any operation in between shows.

    `unread` names the calls that the caller may not make. The plan goes on without their answers.
    """

    stack: Stack
    id: str
    changed: str
    unread: tuple[str, ...] = ()


def read(aws: Aws, owner: str, stack: str, name: str) -> Live | None:
    """None where there is no stack, or one that was never created (REVIEW_IN_PROGRESS is a change set without resources)."""
    found = describe(aws, name)
    if found is None or found["StackStatus"] == "REVIEW_IN_PROGRESS":
        return None
    unread: list[str] = []
    return Live(
        stack=Stack(
            stack=stack,
            path=f"{RENDERED}/{owner}/{stack}.yaml",
            template=template(aws, name),
            tags={tag["Key"]: tag["Value"] for tag in found.get("Tags", []) if not tag["Key"].startswith("aws:")},
            policy=_optional(unread, "GetStackPolicy", lambda: policy(aws, name)),
            parameters={item["ParameterKey"]: item.get("ParameterValue", "") for item in found.get("Parameters", [])},
            outputs=outputs(found),
            name=name,
            status=found["StackStatus"],
            resources=_optional(unread, "ListStackResources", lambda: _resources(aws, name)) or {},
            drifted=_optional(unread, "DescribeStackResourceDrifts", lambda: _drifted(aws, found)) or (),
        ),
        id=found["StackId"],
        changed=_instant(found.get("LastUpdatedTime") or found["CreationTime"]),
        unread=tuple(unread),
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


def _optional(unread: list[str], name: str, read: Callable[[], T]) -> T | None:
    """A role that was made before the plan looked at this must be able to plan its own update, which lets it look."""
    try:
        return read()
    except RefusedError as refused:
        if refused.code not in DENIED:
            raise
        unread.append(name)
        return None


def template(aws: Aws, name: str) -> dict[str, Any]:
    """As it was handed over; empty for a stack that holds nothing but a change set."""
    text = aws.call("cloudformation", "get_template", StackName=name, TemplateStage="Original").get("TemplateBody")
    return document(text) if text else {}


def policy(aws: Aws, name: str) -> dict[str, Any] | None:
    """The stack policy in force."""
    text = aws.call("cloudformation", "get_stack_policy", StackName=name).get("StackPolicyBody")
    found: dict[str, Any] | None = json.loads(text) if text else None
    return found


def _resources(aws: Aws, name: str) -> dict[str, str]:
    # DescribeStackResources ends after 100.
    found = aws.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name)
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found if one.get("PhysicalResourceId")}


def _drifted(aws: Aws, stack: dict[str, Any]) -> tuple[str, ...]:
    """As the last detection found it; nothing is detected anew."""
    if stack.get("DriftInformation", {}).get("StackDriftStatus") != "DRIFTED":
        return ()
    found = resource_drifts(aws, stack["StackName"], StackResourceDriftStatusFilters=["MODIFIED", "DELETED"])
    return tuple(sorted(one["LogicalResourceId"] for one in found))


def resource_drifts(aws: Aws, name: str, **asked: Any) -> Iterator[dict[str, Any]]:
    """As the last detection found them."""
    return aws.pages("cloudformation", "describe_stack_resource_drifts", "StackResourceDrifts", StackName=name, **asked)


def _instant(value: datetime | str) -> str:
    return value if isinstance(value, str) else value.isoformat()
