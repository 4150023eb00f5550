"""What AWS kept of stacks that are gone (addresses, log groups, the registry, buckets) comes back into them as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline import live
from pipeline.apply_change_set import Say, Template, Wanted, execute, load, make, protect, refuse_stuck, settle
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from pipeline.kept_address import Identifier, address
from pipeline.kept_resources import FINDERS, KEY, key_named, key_of
from pipeline.review.resource_types import EIP
from pipeline.stack_events import Watch


@dataclass(frozen=True, kw_only=True)
class Kept:
    """A resource that the template wants and no stack holds. `identifier` as CloudFormation's schema of the type asks for it."""

    stack: str
    logical_id: str
    type: str
    identifier: Identifier

    @property
    def told(self) -> str:
        return f"{self.logical_id} ({self.type}): {', '.join(self.identifier.values())}"


def find(aws: Aws, stacks: Mapping[str, Wanted], pins: Mapping[str, str] | None = None) -> tuple[Kept, ...]:
    """Reads only. `pins` are the allocations that partners were told, by logical id."""
    return tuple(one for stack, wanted in stacks.items() for one in _find(aws, stack, wanted, pins or {}))


def _find(aws: Aws, stack: str, wanted: Wanted, pins: Mapping[str, str]) -> Iterator[Kept]:
    held, template = _held(aws, wanted.name), load(wanted.files)
    for name, resource in template.document["Resources"].items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        if name in held or "DeletionPolicy" not in resource:
            continue
        if kind == EIP and (identifier := address(aws, properties, template.tags, pins.get(name, ""))):
            yield Kept(stack=stack, logical_id=name, type=kind, identifier=identifier)
        elif kind in FINDERS and (identifier := FINDERS[kind](aws, f"{wanted.name}-{name}", properties)):
            yield Kept(stack=stack, logical_id=name, type=kind, identifier=identifier)
            if (key := key_named(properties)) and key not in held:
                yield Kept(stack=stack, logical_id=key, type=KEY, identifier=key_of(aws, identifier["BucketName"]))


def refuse_kept(aws: Aws, stacks: Mapping[str, Wanted], owner: str, pins: Mapping[str, str]) -> None:
    """A new address beside the one that partners know is the last thing that anybody wants, and a log group's name is not given twice."""
    if kept := find(aws, stacks, pins):
        raise PipelineError(
            f"{owner}: AWS keeps what these stacks want and do not hold: {'; '.join(one.told for one in kept)}. Take that back first: "
            f"kotei apply {owner} --import"
        )


def bring_in(aws: Aws, stacks: Mapping[str, Wanted], kept: Sequence[Kept], say: Say, watch: Watch) -> None:
    for stack, wanted in stacks.items():
        if mine := [one for one in kept if one.stack == stack]:
            _import(aws, wanted, mine, say, watch)


def _import(aws: Aws, wanted: Wanted, kept: Sequence[Kept], say: Say, watch: Watch) -> None:
    template = load(wanted.files)
    found = settle(aws, wanted.name, say, watch)
    before: Mapping[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {}}
    parameters: list[dict[str, Any]] = []
    if found is not None and found["StackStatus"] != "REVIEW_IN_PROGRESS":
        refuse_stuck(aws, wanted, found)
        before = live.template(aws, wanted.name)
        parameters = [{"ParameterKey": one["ParameterKey"], "UsePreviousValue": True} for one in found.get("Parameters", [])]
    request = {
        "ChangeSetType": "IMPORT",
        "TemplateBody": json.dumps(with_imports(before, template, kept)),
        "Parameters": parameters,
        "Tags": [{"Key": name, "Value": value} for name, value in template.tags.items()],
        "ResourcesToImport": [
            {"ResourceType": one.type, "LogicalResourceId": one.logical_id, "ResourceIdentifier": one.identifier} for one in kept
        ],
    }
    change_set = make(aws, wanted, request, f"kotei apply {wanted.owner} --import")
    if change_set is not None:
        execute(aws, wanted.owner, replace(change_set, new=False), say, watch)
    protect(aws, wanted, template, say)


def with_imports(before: Mapping[str, Any], template: Template, kept: Sequence[Kept]) -> dict[str, Any]:
    """An import may add the resources and nothing else: outputs and everything around them come with the next update."""
    added = {one.logical_id: template.document["Resources"][one.logical_id] for one in kept}
    # An import that rolls back must let go of what it found, never delete it.
    plain = {
        name: {"Type": one["Type"], "DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain", "Properties": one.get("Properties", {})}
        for name, one in added.items()
    }
    return {**before, "Resources": {**before["Resources"], **plain}}


def _held(aws: Aws, name: str) -> set[str]:
    stack = live.describe(aws, name)
    if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        return set()
    found = aws.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name)
    return {one["LogicalResourceId"] for one in found if one.get("ResourceStatus") != "DELETE_COMPLETE"}
