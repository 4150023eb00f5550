"""Change sets: an update worked out first and executed later, for a new stack, an existing one, or resources to import."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Mapping
from typing import Any

from pipeline.local.cloudformation import changes, deploy, describe, request, template, workers
from pipeline.local.cloudformation.changes import Change
from pipeline.local.cloudformation.drift import change_sets as drift
from pipeline.local.cloudformation.stack import Goal, Stack, find, moment, new, now, set_status
from pipeline.local.protocol import AwsError, Call, Operation
from pipeline.local.world import World

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."


def _kind(stack: Stack) -> str:
    return f"cloudformation-changeset {stack.id}"


def create_change_set(world: World, call: Call) -> Mapping[str, Any]:
    request.known_only(
        call,
        "StackName ChangeSetName ChangeSetType TemplateBody TemplateURL UsePreviousTemplate Parameters Capabilities RoleARN "
        "Tags ClientToken Description OnStackFailure ResourcesToImport IncludeNestedStacks DeploymentMode",
    )
    kind = call.params.get("ChangeSetType") or "UPDATE"
    with workers.BEGIN:
        stack, fresh = _target(world, call, kind)
        goal, document = request.goal(world, call, stack if stack.goal.body else None)
        changes.refuse_type_changes(stack, document)
        name = call.params["ChangeSetName"]
        if any(one["name"] == name for one in world.store.all(_kind(stack))):
            raise AwsError("AlreadyExistsException", f"ChangeSet {name} already exists")
        found = drift.predict(world, stack, goal, call)
        rows = _imported(world, stack, goal, document, call) if kind == "IMPORT" else found.rows
        empty = kind == "UPDATE" and changes.changes_nothing(stack, goal, rows) and not found.synced
        if fresh:
            set_status(world, stack, "REVIEW_IN_PROGRESS", "User Initiated")
        identity = f"arn:aws:cloudformation:{stack.region}:{stack.account}:changeSet/{name}/{uuid.uuid4()}"
        record = {
            "id": identity,
            "name": name,
            "kind": kind,
            "created": now(),
            "description": call.params.get("Description") or "",
            "status": "FAILED" if empty else "CREATE_COMPLETE",
            "reason": NO_CHANGES if empty else "",
            "execution": "UNAVAILABLE" if empty else "AVAILABLE",
            "goal": vars(goal),
            "capabilities": call.params.get("Capabilities") or [],
            "role": call.params.get("RoleARN") or "",
            "on_failure": request.failure_mode(call),
            "imports": {one["LogicalResourceId"]: one["ResourceIdentifier"] for one in call.params.get("ResourcesToImport") or []},
            "mode": call.params.get("DeploymentMode") or "",
            "changes": [*(_shown(row, found.statuses) for row in rows), *found.synced],
        }
        world.store.put(_kind(stack), identity, record)
    return {"Id": identity, "StackId": stack.id}


def _target(world: World, call: Call, kind: str) -> tuple[Stack, bool]:
    """The stack, and whether it is only now made."""
    name = call.params["StackName"]
    try:
        stack = find(world, name, call.account, call.region)
    except AwsError:
        if kind == "UPDATE":
            raise
        return new(name, call.account, call.region, "REVIEW_IN_PROGRESS"), True
    if kind == "CREATE" and stack.status != "REVIEW_IN_PROGRESS":
        raise template.invalid(
            f"Stack [{name}] already exists and cannot be created again with the changeSet [{call.params['ChangeSetName']}]."
        )
    if kind == "UPDATE" or (kind == "IMPORT" and stack.status != "REVIEW_IN_PROGRESS"):
        deploy.refuse_unless_updatable(stack)
    return stack, False


def _imported(world: World, stack: Stack, goal: Goal, document: Mapping[str, Any], call: Call) -> list[Change]:
    """An import adds what it names and changes nothing else, outputs included."""
    rows = []
    wanted = {one["LogicalResourceId"]: one for one in call.params.get("ResourcesToImport") or []}
    added = set(document["Resources"]) - set(stack.resources)
    if added != set(wanted):
        raise template.invalid(f"As part of the import operation, you cannot modify or add [{', '.join(sorted(added ^ set(wanted)))}]")
    changed = [row.name for row in changes.predict(world, stack, goal) if row.name not in wanted]
    before, after = ((template.parse(body).get("Outputs") or {}) if body else {} for body in (stack.goal.body, goal.body))
    if changed or before != after:
        raise template.invalid(f"As part of the import operation, you cannot modify or add [{', '.join(changed or ['Outputs'])}]")
    for name, one in wanted.items():
        if "DeletionPolicy" not in document["Resources"][name]:
            raise template.invalid(f"Resources [{name}] is missing deletionPolicy attribute")
        identity = json.dumps(one["ResourceIdentifier"], sort_keys=True)
        rows.append(
            Change(
                action="Import", name=name, type=one["ResourceType"], id=identity, difference=None, before=None, after=None, retained=False
            )
        )
    return rows


def _shown(row: Change, drifted: Mapping[str, str] | None) -> dict[str, Any]:
    change: dict[str, Any] = {"Action": row.action, "LogicalResourceId": row.name, "ResourceType": row.type}
    if drifted is not None and row.name in drifted:
        change["ResourceDriftStatus"] = drifted[row.name]
    if row.id:
        change["PhysicalResourceId"] = row.id
    if row.difference is not None:
        delta = row.difference
        change["Replacement"] = "True" if delta.recreates else "Conditional" if delta.caution else "False"
        change["Scope"] = ["Properties"] if delta.changed else ["Metadata"]
        change["Details"] = [_detail(name, row) for name in delta.changed]
        if delta.replaces:
            change["PolicyAction"] = "ReplaceAndRetain" if row.retained else "ReplaceAndDelete"
    if row.action == "Remove":
        change["PolicyAction"] = "Retain" if row.retained else "Delete"
    for key, values in (("BeforeContext", row.before), ("AfterContext", row.after)):
        if values is not None:
            change[key] = json.dumps({"Properties": values}, default=repr)
    return change


def _detail(name: str, row: Change) -> dict[str, Any]:
    delta = row.difference
    before, after = (row.before or {}).get(name), (row.after or {}).get(name)
    recreation = "Always" if delta and name in delta.recreates else "Conditionally" if delta and name in delta.caution else "Never"
    target = {"Attribute": "Properties", "Name": name, "RequiresRecreation": recreation, "Path": f"/Properties/{name}"}
    target["AttributeChangeType"] = "Add" if before is None else "Remove" if after is None else "Modify"
    for key, value in (("BeforeValue", before), ("AfterValue", after)):
        if value is not None:
            target[key] = value if isinstance(value, str) else json.dumps(value, default=repr)
    dynamic = "KNOWN_AFTER_APPLY" in json.dumps(after, default=repr)
    return {
        "Target": target,
        "Evaluation": "Dynamic" if dynamic else "Static",
        "ChangeSource": "ResourceReference" if dynamic else "DirectModification",
    }


def _find(world: World, call: Call) -> tuple[Stack, dict[str, Any]]:
    wanted = call.params["ChangeSetName"]
    for stack in describe.mine(world, call):
        if call.params.get("StackName") in (None, stack.name, stack.id):
            for record in world.store.all(_kind(stack)):
                if wanted == record["id"] or (wanted == record["name"] and call.params.get("StackName")):
                    return stack, record
    raise AwsError("ChangeSetNotFound", f"ChangeSet [{wanted}] does not exist", status=404)


def _summary(stack: Stack, record: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": record["id"],
        "ChangeSetName": record["name"],
        "Description": record["description"],
        "CreationTime": moment(record["created"]),
        "Status": record["status"],
        "StatusReason": record["reason"],
        "ExecutionStatus": record["execution"],
    }
    return {key: value for key, value in shown.items() if value != ""}


def describe_change_set(world: World, call: Call) -> Mapping[str, Any]:
    stack, record = _find(world, call)
    rows = record["changes"]
    if not call.params.get("IncludePropertyValues"):
        rows = [_without_values(row) for row in rows]
    goal = Goal(**record["goal"])
    return {
        **_summary(stack, record),
        **({"DeploymentMode": record["mode"]} if record.get("mode") else {}),
        "Parameters": describe.shown_parameters(goal.body, goal.parameters),
        "Capabilities": record["capabilities"],
        "Tags": [{"Key": key, "Value": value} for key, value in goal.tags.items()],
        "Changes": [{"Type": "Resource", "ResourceChange": row} for row in rows],
    }


def _without_values(row: Mapping[str, Any]) -> dict[str, Any]:
    plain = {key: value for key, value in row.items() if key not in {"BeforeContext", "AfterContext"}}
    if "Details" in plain:
        plain["Details"] = [
            {
                **detail,
                "Target": {key: value for key, value in detail["Target"].items() if key in {"Attribute", "Name", "RequiresRecreation"}},
            }
            for detail in plain["Details"]
        ]
    return plain


def list_change_sets(world: World, call: Call) -> Mapping[str, Any]:
    stack = find(world, call.params["StackName"], call.account, call.region)
    return {"Summaries": [_summary(stack, record) for record in world.store.all(_kind(stack))]}


def delete_change_set(world: World, call: Call) -> Mapping[str, Any]:
    with workers.BEGIN:
        try:
            stack, record = _find(world, call)
        except AwsError:
            # AWS answers success for a change set that is not there, but not for a stack that is not there.
            if call.params.get("StackName"):
                find(world, call.params["StackName"], call.account, call.region)
            return {}
        world.store.delete(_kind(stack), record["id"])
    return {}


def execute_change_set(world: World, call: Call) -> Mapping[str, Any]:
    request.known_only(call, "ChangeSetName StackName ClientRequestToken DisableRollback RetainExceptOnCreate")
    with workers.BEGIN:
        stack, record = _find(world, call)
        if record["execution"] != "AVAILABLE":
            raise AwsError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{record['id']}] cannot be executed in its current status of [{record['status']}], "
                f"execution status [{record['execution']}]",
            )
        stack.on_failure = "DO_NOTHING" if call.params.get("DisableRollback") else record["on_failure"]
        stack.retain_except_on_create = bool(call.params.get("RetainExceptOnCreate"))
        stack.capabilities, stack.role, stack.change_set = record["capabilities"], record["role"] or stack.role, record["id"]
        goal = Goal(**record["goal"])
        work = deploy.update
        if record["kind"] == "IMPORT":
            stack.imports, stack.previous, stack.goal, work = record["imports"], copy.deepcopy(stack.goal), goal, deploy.bring_in
            set_status(world, stack, "IMPORT_IN_PROGRESS", "User Initiated")
        elif record["kind"] == "CREATE":
            stack.goal, work = goal, deploy.create
            set_status(world, stack, "CREATE_IN_PROGRESS", "User Initiated")
        else:
            deploy.refuse_unless_updatable(stack)
            if record.get("mode"):
                drift.begin(world, stack)
            deploy.begin_update(world, stack, goal)
        # Whatever the others were worked out against no longer holds.
        for other in world.store.all(_kind(stack)):
            world.store.delete(_kind(stack), other["id"])
        world.store.put(_kind(stack), record["id"], {**record, "execution": "EXECUTE_COMPLETE"})
    deploy.launch(world, stack, work)
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateChangeSet": create_change_set,
    "DescribeChangeSet": describe_change_set,
    "ListChangeSets": list_change_sets,
    "ExecuteChangeSet": execute_change_set,
    "DeleteChangeSet": delete_change_set,
}
