"""Drift as CloudFormation tells it: detected when asked for, remembered until asked for again."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from pipeline import registry_schema as schema
from pipeline.local.cloudformation import template
from pipeline.local.cloudformation.drift import network, record, services
from pipeline.local.cloudformation.drift.reader import Seen
from pipeline.local.cloudformation.drift.shape import differences, like
from pipeline.local.cloudformation.stack import Resource, Stack, find, moment, now
from pipeline.local.protocol import AwsError, Call, Operation
from pipeline.local.world import World

# CloudFormation user guide, Detect drift on an entire stack; an import ends with the advice to detect drift.
DETECTABLE = (
    *("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"),
    *("IMPORT_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"),
)
READERS = {**network.READERS, **services.READERS}


@dataclass(frozen=True, kw_only=True)
class Reading:
    """One resource. `properties` are those of the template, as they are; None where the resource is gone."""

    status: str
    properties: dict[str, Any] | None


def reading(world: World, stack: Stack, name: str) -> Reading:
    resource = stack.resources[name]
    reader = READERS.get(resource.type)
    if reader is None or not resource.id:
        return Reading(status="NOT_CHECKED", properties=resource.properties)
    seen = Seen(
        client=lambda service: world.client(service, account=stack.account, region=stack.region),
        resource=resource,
        others=[other for key, other in stack.resources.items() if key != name],
    )
    try:
        found = reader(seen)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        # `ListenerNotFound`, `NoSuchBucketPolicy`, `InvalidGroup.NotFound`, and ECS, which calls it a client's mistake.
        if "NotFound" not in code and not code.startswith("NoSuch") and code != "ClientException":
            raise
        found = None
    if found is None:
        return Reading(status="DELETED", properties=None)
    actual = _actual(resource, found)
    return Reading(status="IN_SYNC" if actual == resource.properties else "MODIFIED", properties=actual)


def _actual(resource: Resource, found: Mapping[str, Any]) -> dict[str, Any]:
    """The properties of the template with their values as they are. Of one that no reader tells, nothing is known."""
    told = {key.lower(): value for key, value in found.items()}
    known = schema.load(resource.type)
    tag_property = known.tag_property if known else None
    actual = {}
    for name, expected in resource.properties.items():
        value = told.get(name.lower(), expected)
        if name == tag_property:
            value = _tags(expected, value)
        value = like(expected, value)
        if value not in (None, [], {}) or expected in (None, [], {}):
            actual[name] = value
    return actual


def _tags(expected: Any, value: Any) -> Any:
    """AWS's own tags are nobody's, and keys that the template does not have are left alone (drift-aware change sets)."""
    if not isinstance(expected, list) or not isinstance(value, list):
        return value
    wanted = {one["Key"] for one in expected}
    plain = [{key[:1].upper() + key[1:]: text for key, text in one.items()} for one in value]
    return [one for one in plain if one["Key"] in wanted]


def as_live(world: World, stack: Stack) -> tuple[Stack, dict[str, str]]:
    """The stack as if its last deployment had made it what it is now, and the status of each resource.

    What cannot be changed in place stays as it was: a drift-aware change set does not reconcile it.
    """
    seen, statuses = copy.deepcopy(stack), {}
    for name, resource in stack.resources.items():
        found = reading(world, stack, name)
        statuses[name] = found.status
        if found.status == "DELETED":
            del seen.resources[name]
        elif found.status == "MODIFIED" and found.properties is not None:
            known = schema.load(resource.type)
            fixed = {path[0] for path in known.create_only} if known else set()
            kept = {key: value for key, value in resource.properties.items() if key in fixed}
            seen.resources[name].properties = {**found.properties, **kept}
    return seen, statuses


def _row(stack: Stack, name: str, found: Reading) -> dict[str, Any]:
    resource = stack.resources[name]
    row: dict[str, Any] = {
        "StackId": stack.id,
        "LogicalResourceId": name,
        "PhysicalResourceId": resource.id,
        "ResourceType": resource.type,
        "StackResourceDriftStatus": found.status,
        "Timestamp": now(),
    }
    if found.status in ("IN_SYNC", "MODIFIED", "DELETED"):
        row["ExpectedProperties"] = json.dumps(resource.properties, default=repr)
        row["PropertyDifferences"] = []
    if found.properties is not None and found.status != "NOT_CHECKED":
        row["ActualProperties"] = json.dumps(found.properties, default=repr)
        row["PropertyDifferences"] = list(differences(resource.properties, found.properties))
    return row


def detect_stack_drift(world: World, call: Call) -> Mapping[str, Any]:
    stack = _settled(world, call)
    wanted = call.params.get("LogicalResourceIds") or list(stack.resources)
    if unknown := sorted(set(wanted) - set(stack.resources)):
        raise template.invalid(f"Resources {unknown} do not exist for stack {stack.name}")
    rows = {name: _row(stack, name, reading(world, stack, name)) for name in wanted}
    identity = str(uuid.uuid4())
    record.put(world, stack.id, identity, now(), rows)
    return {"StackDriftDetectionId": identity}


def _settled(world: World, call: Call) -> Stack:
    stack = find(world, call.params["StackName"], call.account, call.region)
    if stack.status not in DETECTABLE:
        raise template.invalid(f"Drift detection cannot be performed on stack [{stack.id}] while it is in {stack.status} state")
    return stack


def detect_stack_resource_drift(world: World, call: Call) -> Mapping[str, Any]:
    stack = _settled(world, call)
    name = call.params["LogicalResourceId"]
    if name not in stack.resources:
        raise template.invalid(f"Resource {name} does not exist for stack {stack.name}")
    row = _row(stack, name, reading(world, stack, name))
    record.replace(world, stack.id, name, row)
    return {"StackResourceDrift": _shown(row)}


def describe_stack_drift_detection_status(world: World, call: Call) -> Mapping[str, Any]:
    found = record.by_detection(world, call.params["StackDriftDetectionId"])
    if found is None:
        raise template.invalid(f"Drift detection {call.params['StackDriftDetectionId']} does not exist")
    drifted = record.drifted(found)
    return {
        "StackId": found["stack"],
        "StackDriftDetectionId": found["detection"],
        "StackDriftStatus": "DRIFTED" if drifted else "IN_SYNC",
        "DetectionStatus": "DETECTION_COMPLETE",
        "DriftedStackResourceCount": len(drifted),
        "Timestamp": moment(found["time"]),
    }


def describe_stack_resource_drifts(world: World, call: Call) -> Mapping[str, Any]:
    stack = find(world, call.params["StackName"], call.account, call.region)
    wanted = call.params.get("StackResourceDriftStatusFilters")
    return {"StackResourceDrifts": [_shown(row) for row in _rows(world, stack) if _asked(row, wanted)]}


def _asked(row: Mapping[str, Any], wanted: Any) -> bool:
    return row["StackResourceDriftStatus"] in wanted if wanted else row["StackResourceDriftStatus"] != "NOT_CHECKED"


def _rows(world: World, stack: Stack) -> Iterator[dict[str, Any]]:
    found = record.get(world, stack.id)
    if found is None:
        raise AwsError("ValidationError", f"Drift detection has not been performed on stack [{stack.name}]")
    yield from found["rows"].values()


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "Timestamp": moment(row["Timestamp"])}


OPERATIONS: dict[str, Operation] = {
    "DetectStackDrift": detect_stack_drift,
    "DetectStackResourceDrift": detect_stack_resource_drift,
    "DescribeStackDriftDetectionStatus": describe_stack_drift_detection_status,
    "DescribeStackResourceDrifts": describe_stack_resource_drifts,
}
