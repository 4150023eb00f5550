"""What the CloudFormation registry says about a resource type: the schemas bundled with cfn-lint (read as data, not imported)."""

from __future__ import annotations

import functools
import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Types and create-only data do not differ between regions for what we use; us-east-1 has the longest list.
PROVIDERS = "us-east-1"


@dataclass(frozen=True, kw_only=True)
class Schema:
    """`create_only` holds property paths such as ("DnsOptions", "PrivateDnsPreference"), `conditional` those that sometimes replace.

    `name_property` is the one property that identifies the resource, where a template may choose it.
    """

    properties: frozenset[str]
    required: frozenset[str]
    read_only: frozenset[str]
    write_only: tuple[tuple[str, ...], ...]
    create_only: tuple[tuple[str, ...], ...]
    conditional: tuple[tuple[str, ...], ...]
    name_property: str | None
    tag_property: str | None
    tags_are_map: bool


@functools.cache
def _folder() -> Path:
    spec = importlib.util.find_spec("cfnlint")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("cfn-lint is not installed; run: make setup")
    return Path(spec.origin).parent / "data" / "schemas"


@functools.cache
def _index() -> dict[str, str]:
    content: dict[str, str] = json.loads((_folder() / "providers" / f"{PROVIDERS}.json").read_text())
    return content


@functools.cache
def load(type_name: str) -> Schema | None:
    """None where the registry has no such type."""
    if type_name not in _index():
        return None
    document = json.loads((_folder() / "resources" / f"{_index()[type_name]}.json").read_text())
    tagging = document.get("tagging") or {}
    # CodeBuild::Project and some other legacy types have no tagging section but a plain Tags property.
    tag_property = tagging.get("tagProperty", "/properties/Tags").rsplit("/", 1)[-1] if tagging.get("taggable", True) else None
    tags = _reference(document, document["properties"].get(tag_property, {})) if tag_property else {}
    return Schema(
        properties=frozenset(document["properties"]),
        required=frozenset(document.get("required", [])),
        read_only=frozenset(path[0] for path in _paths(document.get("readOnlyProperties")) if len(path) == 1),
        write_only=_paths(document.get("writeOnlyProperties")),
        create_only=_paths(document.get("createOnlyProperties")),
        conditional=_paths(document.get("conditionalCreateOnlyProperties")),
        name_property=_name(_paths(document.get("primaryIdentifier")), _paths(document.get("readOnlyProperties"))),
        tag_property=tag_property if tag_property in document["properties"] else None,
        tags_are_map=tags.get("type") != "array",
    )


@functools.cache
def permissions(type_name: str, operation: str) -> tuple[str, ...]:
    """What the type's handler of the operation calls, as far as the schema says; the stack's tags included."""
    if type_name not in _index():
        return ()
    document = json.loads((_folder() / "resources" / f"{_index()[type_name]}.json").read_text())
    return tuple(document.get("handlers", {}).get(operation, {}).get("permissions", ()))


def _name(identifier: tuple[tuple[str, ...], ...], read_only: tuple[tuple[str, ...], ...]) -> str | None:
    return identifier[0][0] if len(identifier) == 1 and identifier[0] not in read_only else None


def _paths(pointers: list[str] | None) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(pointer.removeprefix("/properties/").split("/")) for pointer in pointers or [])


def _reference(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        found: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node
