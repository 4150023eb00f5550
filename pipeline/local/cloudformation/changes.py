"""What a template would make of a stack's resources: resolved properties, the difference to what is there, and the list of changes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline import registry_schema as schema
from pipeline.local.cloudformation import intrinsics, template
from pipeline.local.cloudformation.intrinsics import UNKNOWN, Names
from pipeline.local.cloudformation.resources.handler import ResourceError, tag_list, tag_map
from pipeline.local.cloudformation.stack import Goal, Resource, Stack
from pipeline.local.world import World


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Top-level names of properties that differ; `recreates` those among them that AWS cannot change in place (`caution`: not always)."""

    changed: tuple[str, ...]
    recreates: tuple[str, ...]
    caution: tuple[str, ...]

    @property
    def replaces(self) -> bool:
        return bool(self.recreates or self.caution)


@dataclass(frozen=True, kw_only=True)
class Change:
    """One row of a change set."""

    action: Literal["Add", "Modify", "Remove", "Import"]
    name: str
    type: str
    id: str
    difference: Difference | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    retained: bool


def names(
    world: World, stack: Stack, document: Mapping[str, Any], values: Mapping[str, str], *, unknown: frozenset[str] = frozenset()
) -> Names:
    """Lookup in a stack; the resources in `unknown` are about to be made or replaced."""
    pseudo = {
        "AWS::AccountId": stack.account,
        "AWS::Region": stack.region,
        "AWS::StackName": stack.name,
        "AWS::StackId": stack.id,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::NotificationARNs": [],
    }
    declared = document.get("Parameters") or {}

    def ref(name: str) -> Any:
        if name in pseudo:
            return pseudo[name]
        if name in declared:
            is_list = template.LIST_TYPES.match(declared[name].get("Type", "String"))
            return [part.strip() for part in values[name].split(",")] if is_list else values[name]
        return UNKNOWN if name in unknown else _resource(name).id

    def attribute(name: str, path: str) -> Any:
        if name in unknown:
            return UNKNOWN
        resource = _resource(name)
        if path not in resource.attributes:
            raise ResourceError(f"Requested attribute {path} does not exist for {resource.type} ({name}) in the local CloudFormation")
        return resource.attributes[path]

    def _resource(name: str) -> Resource:
        if name not in stack.resources:
            raise template.invalid(f"Template error: {name} is neither a resource nor a parameter")
        return stack.resources[name]

    def zones(region: str) -> list[str]:
        client = world.client("ec2", account=stack.account, region=region or stack.region)
        return [zone["ZoneName"] for zone in client.describe_availability_zones()["AvailabilityZones"]]

    return Names(ref=ref, attribute=attribute, zones=zones)


def properties(resource: Mapping[str, Any], lookup: Names, tags: Mapping[str, str]) -> dict[str, Any]:
    """Resolved, with the stack's tags below the resource's own, as CloudFormation propagates them."""
    resolved: dict[str, Any] = intrinsics.resolve(resource.get("Properties") or {}, lookup)
    found = schema.load(resource["Type"])
    if tags and found and found.tag_property:
        merged = {**tags, **tag_map(resolved.get(found.tag_property))}
        resolved[found.tag_property] = merged if found.tags_are_map else tag_list(merged)
    return resolved


def difference(type_name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Difference:
    changed = tuple(sorted(name for name in {*old, *new} if not _same(old.get(name), new.get(name))))
    found = schema.load(type_name)
    if found is None:
        raise ResourceError(f"Resource type {type_name} is not in the CloudFormation registry")

    def among(paths: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
        return tuple(sorted({path[0] for path in paths if not _same(_at(old, path), _at(new, path))}))

    return Difference(changed=changed, recreates=among(found.create_only), caution=among(found.conditional))


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        if not isinstance(value, Mapping):
            return value  # a list: compared as a whole
        value = value.get(part)
    return value


def _same(old: Any, new: Any) -> bool:
    if UNKNOWN is new:
        return False
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return set(old) == set(new) and all(_same(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_same(one, other) for one, other in zip(old, new, strict=True))
    return bool(old == new)


def predict(world: World, stack: Stack, goal: Goal) -> list[Change]:
    """The changes that `goal` means for the stack; what depends on something new or replaced counts as changed."""
    document = template.parse(goal.body)
    rows: list[Change] = []
    unknown: set[str] = set()
    for name in template.order(document):
        wanted = document["Resources"][name]
        current = stack.resources.get(name)
        after = properties(
            wanted, names(world, stack, document, goal.parameters, unknown=frozenset(unknown | _missing(stack, document))), goal.tags
        )
        if current is None:
            unknown.add(name)
            rows.append(
                Change(action="Add", name=name, type=wanted["Type"], id="", difference=None, before=None, after=after, retained=False)
            )
            continue
        delta = difference(current.type, current.properties, after)
        if delta.replaces:
            unknown.add(name)
        if delta.changed or not _same(current.metadata, wanted.get("Metadata")):
            kept = wanted.get("UpdateReplacePolicy") == "Retain"
            rows.append(
                Change(
                    action="Modify",
                    name=name,
                    type=current.type,
                    id=current.id,
                    difference=delta,
                    before=current.properties,
                    after=after,
                    retained=kept,
                )
            )
    for name, resource in stack.resources.items():
        if name not in document["Resources"]:
            kept = resource.deletion_policy.startswith("Retain")
            rows.append(
                Change(
                    action="Remove",
                    name=name,
                    type=resource.type,
                    id=resource.id,
                    difference=None,
                    before=resource.properties,
                    after=None,
                    retained=kept,
                )
            )
    return rows


def _missing(stack: Stack, document: Mapping[str, Any]) -> set[str]:
    return set(document["Resources"]) - set(stack.resources)


def changes_nothing(stack: Stack, goal: Goal, rows: list[Change]) -> bool:
    """Tags and outputs count; a DeletionPolicy alone does not, as in AWS."""
    return not rows and stack.goal.tags == goal.tags and outputs_source(stack.goal) == outputs_source(goal)


def outputs_source(goal: Goal) -> str:
    """The outputs as written, with the parameter values they may use."""
    outputs = template.parse(goal.body).get("Outputs") or {}
    used = template.references(outputs)
    return json.dumps([outputs, {name: value for name, value in goal.parameters.items() if name in used}], sort_keys=True)


def refuse_type_changes(stack: Stack, document: Mapping[str, Any]) -> None:
    wrong = [name for name, one in document["Resources"].items() if name in stack.resources and stack.resources[name].type != one["Type"]]
    if wrong:
        raise template.invalid(
            "Update of resource type is not permitted. The new template modifies resource type of the following resources: "
            f"[{', '.join(wrong)}]"
        )
