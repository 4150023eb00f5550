"""A resource type: functions that make, change and remove it through AWS APIs, and what they do with each property."""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.local.world import World

Properties = dict[str, Any]
# How the keys of the tags begin that CloudFormation itself gives.
SYSTEM = "aws:cloudformation:"


class Stopped(Exception):
    """The engine is closing; the operation is taken up again at its next start."""


class ResourceError(Exception):
    """The resource cannot be made or changed as the template says; the message becomes the event's reason."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """`id` is what Ref answers, `attributes` what Fn::GetAtt may ask for."""

    id: str
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Scope:
    """Where a resource lives and what it is called in its template.

    `born` remembers what a first call made before further calls complete it: whatever fails or is killed then can still be removed.
    """

    world: World
    account: str
    region: str
    stack: str
    name: str
    type: str
    born: Callable[[Made], Made]

    def pause(self, seconds: float) -> None:
        if self.world.closing.wait(seconds):
            raise Stopped

    def client(self, service: str, *, region: str | None = None) -> Any:
        return self.world.client(service, account=self.account, region=region or self.region)

    def physical_name(self, limit: int) -> str:
        """A name as CloudFormation makes it up: stack, logical name, random end; cut to what the service allows."""
        end = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(12))
        room = limit - len(end) - 2
        stack = self.stack[: max(room - len(self.name), room // 2)]
        return f"{stack}-{self.name[: room - len(stack)]}-{end}"

    def arn(self, service: str, rest: str) -> str:
        return f"arn:aws:{service}:{self.region}:{self.account}:{rest}"


@dataclass(frozen=True, kw_only=True)
class Handler:
    """One resource type.

    `enforced` properties reach the emulated AWS; those in `mutable` can be changed in place. `recorded` ones are kept in the stack and
    nothing else happens here, which `kotei local coverage` says. A property in none of them fails the resource by name.
    `settle` waits until what was made works; it is apart from `create` so that the id is already remembered while it waits.
    """

    create: Callable[[Scope, Properties], Made]
    delete: Callable[[Scope, Made, Properties], None]
    update: Callable[[Scope, Made, Properties, Properties], Made] | None = None
    settle: Callable[[Scope, Made, Properties], None] | None = None
    adopt: Callable[[Scope, Mapping[str, str]], Made] | None = None
    enforced: frozenset[str]
    mutable: frozenset[str] = frozenset()
    recorded: frozenset[str] = frozenset()


def names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def only(properties: Properties, *wanted: str) -> Properties:
    return {key: properties[key] for key in wanted if key in properties}


def without(properties: Properties, *unwanted: str) -> Properties:
    return {key: value for key, value in properties.items() if key not in unwanted}


def refuse_dropped(old: Properties, new: Properties, *keys: str) -> None:
    """Where an API leaves alone what a call does not name, dropping a property would silently keep its value: refused."""
    if dropped := [key for key in keys if key in old and key not in new]:
        raise ResourceError(f"{', '.join(dropped)} would keep the former value; write the value that is wanted")


def tag_changes(old: Properties, new: Properties) -> tuple[dict[str, str], list[str]]:
    """Tags to set, and keys to remove."""
    was, wanted = tag_map(old.get("Tags")), tag_map(new.get("Tags"))
    return {name: value for name, value in wanted.items() if was.get(name) != value}, sorted(set(was) - set(wanted))


def tag_map(tags: Any) -> dict[str, str]:
    if isinstance(tags, dict):
        return {str(key): str(value) for key, value in tags.items()}
    return {tag["Key"]: str(tag["Value"]) for tag in tags or []}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]
