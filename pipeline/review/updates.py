"""What an update of a property does to its resource: from the registry's schemas, and a short table of what they do not say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline import registry_schema
from pipeline.review.model import Update


@dataclass(frozen=True)
class Override:
    update: Update
    why: str


_REASSOCIATED = "the schema's description: updates may require some interruptions, the address is reassociated"
# The registry marks what replaces, and not always; what interrupts stands in descriptions only. Type -> property -> what happens.
OVERRIDES: dict[str, dict[str, Override]] = {
    "AWS::EC2::EIP": {
        "Domain": Override("replacement", "CloudFormation user guide, aws-properties-ec2-eip.html: update requires replacement"),
        "InstanceId": Override("some interruption", _REASSOCIATED),
        "PublicIpv4Pool": Override("some interruption", _REASSOCIATED),
        "Tags": Override("some interruption", _REASSOCIATED),
    },
}


class Behaviour:
    """Of one resource type, between two sets of resolved properties."""

    def __init__(self, type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        self.type = type_name
        self.schema = registry_schema.load(type_name)
        self.replacing = _different(self.schema.create_only if self.schema else (), before, after)
        self.conditional = _different(self.schema.conditional if self.schema else (), before, after)

    def of(self, path: tuple[str, ...]) -> Update:
        """`path` without indexes of lists."""
        if self.schema is None:
            return "unknown"
        if any(_related(path, other) for other in self.replacing):
            return "replacement"
        if any(_related(path, other) for other in self.conditional):
            return "conditional replacement"
        override = OVERRIDES.get(self.type, {}).get(path[0])
        return override.update if override else "in place"

    def access(self, path: tuple[str, ...]) -> Literal["", "read-only", "write-only"]:
        if self.schema is None:
            return ""
        if path[0] in self.schema.read_only:
            return "read-only"
        hidden = (tuple(part for part in other if part != "*") for other in self.schema.write_only)
        return "write-only" if any(path[: len(other)] == other for other in hidden) else ""


def _different(paths: tuple[tuple[str, ...], ...], before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
    """Without the stars that stand for the items of a list: neither do paths of differences have its places."""
    named = (tuple(part for part in path if part != "*") for path in paths)
    return tuple(path for path in named if _at(before, path) != _at(after, path))


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(value, dict):
            return value  # a list: compared as a whole
        value = value.get(part)
    return value


def _related(path: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one lies inside the other."""
    shorter = min(len(path), len(other))
    return path[:shorter] == other[:shorter]
