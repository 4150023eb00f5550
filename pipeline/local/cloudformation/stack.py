"""A stack as the engine remembers it, its events, and where both are kept."""

from __future__ import annotations

import dataclasses
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline.local.protocol import AwsError
from pipeline.local.world import World

STACK = "cloudformation-stack"
HIDDEN = "****"


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


@dataclass(kw_only=True)
class Goal:
    """What an operation wants the stack to be. `parameters` are complete, defaults included; no body: under review."""

    body: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class Resource:
    """One physical resource. `properties` are those last applied; `touched` marks a change that did not finish.

    `serial` tells a replacement from the original even where both have the same id.
    """

    type: str
    id: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    metadata: Any = None
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    status: str = ""
    reason: str = ""
    time: str = ""
    touched: bool = False
    serial: str = ""


@dataclass(kw_only=True)
class Leftover:
    """A physical resource that no longer belongs to the stack and is deleted when the operation has succeeded (or was rolled back)."""

    name: str
    resource: Resource


@dataclass(kw_only=True)
class Stack:
    """`goal` is what the running operation aims at, or the last one reached; a rollback returns to `before` and `previous`."""

    id: str
    name: str
    account: str
    region: str
    status: str
    created: str
    reason: str = ""
    updated: str = ""
    deleted: str = ""
    goal: Goal = field(default_factory=Goal)
    previous: Goal | None = None
    resources: dict[str, Resource] = field(default_factory=dict)
    before: dict[str, Resource] = field(default_factory=dict)
    leftovers: list[Leftover] = field(default_factory=list)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    policy: str = ""
    policy_during_update: str = ""
    policy_after_update: str = ""
    protected: bool = False
    on_failure: str = "ROLLBACK"
    retain_except_on_create: bool = False
    skip: list[str] = field(default_factory=list)
    imports: dict[str, dict[str, str]] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    role: str = ""
    change_set: str = ""

    @property
    def busy(self) -> bool:
        return self.status.endswith("_IN_PROGRESS") and self.status != "REVIEW_IN_PROGRESS"


def new(name: str, account: str, region: str, status: str) -> Stack:
    arn = f"arn:aws:cloudformation:{region}:{account}:stack/{name}/{uuid.uuid4()}"
    return Stack(id=arn, name=name, account=account, region=region, status=status, created=now())


def save(world: World, stack: Stack) -> None:
    world.store.put(STACK, stack.id, dataclasses.asdict(stack))


def _load(document: dict[str, Any]) -> Stack:
    def resources(key: str) -> dict[str, Resource]:
        return {name: Resource(**one) for name, one in document[key].items()}

    return Stack(
        **{
            **document,
            "goal": Goal(**document["goal"]),
            "previous": Goal(**document["previous"]) if document["previous"] else None,
            "resources": resources("resources"),
            "before": resources("before"),
            "leftovers": [Leftover(name=one["name"], resource=Resource(**one["resource"])) for one in document["leftovers"]],
        }
    )


def every(world: World) -> list[Stack]:
    return [_load(document) for document in world.store.all(STACK)]


def find(world: World, name_or_id: str, account: str, region: str) -> Stack:
    """A deleted stack is found by its id only, as in AWS."""
    for stack in every(world):
        if stack.id == name_or_id:
            return stack
        if stack.name == name_or_id and (stack.account, stack.region) == (account, region) and stack.status != "DELETE_COMPLETE":
            return stack
    raise AwsError("ValidationError", f"Stack with id {name_or_id} does not exist")


def record_event(
    world: World, stack: Stack, *, logical: str, resource: Resource | None, status: str, reason: str, more: Mapping[str, str] | None = None
) -> None:  # the fields of an event
    """`resource` None: the event is about the stack itself. `more` are fields that few events have."""
    kind = f"cloudformation-event {stack.id}"
    identity = f"{logical}-{status}-{secrets.token_hex(6)}"
    document = {
        "StackId": stack.id,
        "StackName": stack.name,
        "EventId": identity,
        "LogicalResourceId": logical,
        "PhysicalResourceId": resource.id if resource else stack.id,
        "ResourceType": resource.type if resource else "AWS::CloudFormation::Stack",
        "Timestamp": now(),
        "ResourceStatus": status,
        "ResourceStatusReason": reason,
        **(more or {}),
    }
    world.store.put(kind, identity, {key: value for key, value in document.items() if value})


def events(world: World, stack: Stack) -> list[dict[str, Any]]:
    """Newest first."""
    kept = world.store.all(f"cloudformation-event {stack.id}")
    return [{**event, "Timestamp": moment(event["Timestamp"])} for event in reversed(kept)]


def set_status(world: World, stack: Stack, status: str, reason: str = "") -> None:
    stack.status = status
    stack.reason = reason
    # The event comes second: whoever sees it may act on the stack's status.
    save(world, stack)
    record_event(world, stack, logical=stack.name, resource=None, status=status, reason=reason)
