"""What AWS kept of stacks that are gone (addresses, log groups, the registry) comes back into them as it is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pipeline import live
from pipeline.apply_change_set import Say, Template, Wanted, execute, load, make, protect, refuse_stuck, settle
from pipeline.aws import Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.kept_address import Identifier, address
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


def find(aws: Aws, stacks: Mapping[str, Wanted]) -> tuple[Kept, ...]:
    """Reads only."""
    found = []
    for stack, wanted in stacks.items():
        held = _held(aws, wanted.name)
        for name, resource in load(wanted.files).document["Resources"].items():
            finder = FINDERS.get(resource["Type"])
            if finder is None or name in held or "DeletionPolicy" not in resource:
                continue
            if identifier := finder(aws, resource.get("Properties", {}), load(wanted.files).tags):
                found.append(Kept(stack=stack, logical_id=name, type=resource["Type"], identifier=identifier))
    return tuple(found)


def refuse_kept(aws: Aws, stacks: Mapping[str, Wanted], owner: str) -> None:
    """A new address beside the one that partners know is the last thing that anybody wants, and a log group's name is not given twice."""
    if kept := find(aws, stacks):
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
    if live.describe(aws, name) is None:
        return set()
    found = aws.pages("cloudformation", "list_stack_resources", "StackResourceSummaries", StackName=name)
    return {one["LogicalResourceId"] for one in found if one.get("ResourceStatus") != "DELETE_COMPLETE"}


def _log_group(aws: Aws, properties: Mapping[str, Any], _tags: Mapping[str, str]) -> Identifier | None:
    name = properties.get("LogGroupName")
    found = aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=name)
    return {"LogGroupName": str(name)} if any(one["logGroupName"] == name for one in found) else None


def _repository(aws: Aws, properties: Mapping[str, Any], _tags: Mapping[str, str]) -> Identifier | None:
    name = str(properties["RepositoryName"])
    try:
        aws.call("ecr", "describe_repositories", repositoryNames=[name])
    except RefusedError as refused:
        if refused.code == "RepositoryNotFoundException":
            return None
        raise
    return {"RepositoryName": name}


# What has a name or tags of its own, so that it can be told from others. The rest that AWS keeps (buckets, keys, certificates) is made
# anew, under another name; the old one stays as it was left.
FINDERS: dict[str, Callable[[Aws, Mapping[str, Any], Mapping[str, str]], Identifier | None]] = {
    "AWS::EC2::EIP": address,
    "AWS::ECR::Repository": _repository,
    "AWS::Logs::LogGroup": _log_group,
}
