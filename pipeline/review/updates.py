"""What an update of a property does to its resource: from the registry's schemas, and a short table of what they do not say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pipeline import registry_schema
from pipeline.review.model import Update

# The registry marks what replaces, not what interrupts; the descriptions of these properties do. Type -> property -> what happens.
INTERRUPTS: dict[str, dict[str, str]] = {
    "AWS::EC2::EIP": {
        "InstanceId": "updates on an Elastic IP reassociate the address (registry schema, description)",
        "PublicIpv4Pool": "updates on an Elastic IP reassociate the address (registry schema, description)",
        "Tags": "updates on an Elastic IP reassociate the address (registry schema, description)",
    },
}


class Behaviour:
    """Of one resource type, between two sets of resolved properties."""

    def __init__(self, type_name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        self.type = type_name
        self.schema = registry_schema.load(type_name)
        self.replacing = self._different(self.schema.create_only if self.schema else (), before, after)
        self.conditional = self._different(self.schema.conditional if self.schema else (), before, after)

    def of(self, path: tuple[str, ...]) -> Update:
        """`path` without indexes of lists."""
        if self.schema is None:
            return "unknown"
        if any(_related(path, other) for other in self.replacing):
            return "replacement"
        if any(_related(path, other) for other in self.conditional):
            return "conditional replacement"
        return "some interruption" if path[0] in INTERRUPTS.get(self.type, {}) else "in place"

    def access(self, path: tuple[str, ...]) -> Literal["", "read-only", "write-only"]:
        if self.schema is None:
            return ""
        if path[0] in self.schema.read_only:
            return "read-only"
        return "write-only" if any(_related(path, other) for other in self.schema.write_only) else ""

    @staticmethod
    def _different(paths: tuple[tuple[str, ...], ...], before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[tuple[str, ...], ...]:
        return tuple(path for path in paths if _at(before, path) != _at(after, path))


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(value, Mapping):
            return value  # a list: compared as a whole
        value = value.get(part)
    return value


def _related(path: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Whether one lies inside the other."""
    shorter = min(len(path), len(other))
    return path[:shorter] == other[:shorter]
