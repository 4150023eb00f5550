"""The CloudFormation operations that only read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.local.cloudformation import request, template
from pipeline.local.cloudformation.drift import record
from pipeline.local.cloudformation.stack import HIDDEN, Resource, Stack, events, every, find, moment
from pipeline.local.protocol import AwsError, Call, Operation
from pipeline.local.world import World


def _find(world: World, call: Call) -> Stack:
    return find(world, call.params["StackName"], call.account, call.region)


def mine(world: World, call: Call) -> list[Stack]:
    return [stack for stack in every(world) if (stack.account, stack.region) == (call.account, call.region)]


def shown_parameters(body: str, values: Mapping[str, str]) -> list[dict[str, str]]:
    declared = (template.parse(body).get("Parameters") or {}) if body else {}
    return [
        {"ParameterKey": name, "ParameterValue": HIDDEN if declared.get(name, {}).get("NoEcho") in (True, "true") else value}
        for name, value in values.items()
    ]


def _stack(world: World, stack: Stack) -> dict[str, Any]:
    document = template.parse(stack.goal.body) if stack.goal.body else {}
    shown: dict[str, Any] = {
        "StackId": stack.id,
        "StackName": stack.name,
        "ChangeSetId": stack.change_set,
        "Description": document.get("Description"),
        "Parameters": shown_parameters(stack.goal.body, stack.goal.parameters),
        "CreationTime": moment(stack.created),
        "LastUpdatedTime": moment(stack.updated) if stack.updated else None,
        "DeletionTime": moment(stack.deleted) if stack.deleted else None,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "DisableRollback": stack.on_failure == "DO_NOTHING",
        "NotificationARNs": [],
        "Capabilities": stack.capabilities,
        "Outputs": [
            {"OutputKey": name, "OutputValue": output["value"], "Description": output["description"] or None}
            for name, output in stack.outputs.items()
        ],
        "RoleARN": stack.role,
        "Tags": [{"Key": key, "Value": value} for key, value in stack.goal.tags.items()],
        "EnableTerminationProtection": stack.protected,
        "DriftInformation": record.information(world, stack.id),
    }
    shown["Outputs"] = [{key: value for key, value in output.items() if value is not None} for output in shown["Outputs"]]
    return {key: value for key, value in shown.items() if value not in (None, "")}


def describe_stacks(world: World, call: Call) -> Mapping[str, Any]:
    if call.params.get("StackName"):
        return {"Stacks": [_stack(world, _find(world, call))]}
    return {"Stacks": [_stack(world, stack) for stack in mine(world, call) if stack.status != "DELETE_COMPLETE"]}


def list_stacks(world: World, call: Call) -> Mapping[str, Any]:
    wanted = call.params.get("StackStatusFilter")
    rows = [_stack(world, stack) for stack in reversed(mine(world, call)) if not wanted or stack.status in wanted]
    keys = (
        "StackId",
        "StackName",
        "CreationTime",
        "LastUpdatedTime",
        "DeletionTime",
        "StackStatus",
        "StackStatusReason",
        "DriftInformation",
    )
    named = [
        {key: row[key] for key in keys if key in row} | ({"TemplateDescription": row["Description"]} if "Description" in row else {})
        for row in rows
    ]
    return {"StackSummaries": named}


def describe_stack_events(world: World, call: Call) -> Mapping[str, Any]:
    return {"StackEvents": events(world, _find(world, call))}


def _resource(name: str, resource: Resource) -> dict[str, Any]:
    shown = {
        "LogicalResourceId": name,
        "PhysicalResourceId": resource.id,
        "ResourceType": resource.type,
        "ResourceStatus": resource.status,
        "ResourceStatusReason": resource.reason,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }
    return {key: value for key, value in shown.items() if value}


def describe_stack_resources(world: World, call: Call) -> Mapping[str, Any]:
    if not call.params.get("StackName"):
        raise template.invalid("the local CloudFormation needs StackName")
    stack = _find(world, call)
    wanted = call.params.get("LogicalResourceId")
    return {
        "StackResources": [
            {**_resource(name, resource), "StackId": stack.id, "StackName": stack.name, "Timestamp": moment(resource.time)}
            for name, resource in stack.resources.items()
            if wanted in (None, name)
        ]
    }


def describe_stack_resource(world: World, call: Call) -> Mapping[str, Any]:
    stack = _find(world, call)
    name = call.params["LogicalResourceId"]
    if name not in stack.resources:
        raise template.invalid(f"Resource {name} does not exist for stack {stack.name}")
    resource = stack.resources[name]
    shown = {**_resource(name, resource), "StackId": stack.id, "StackName": stack.name, "LastUpdatedTimestamp": moment(resource.time)}
    return {"StackResourceDetail": shown}


def list_stack_resources(world: World, call: Call) -> Mapping[str, Any]:
    stack = _find(world, call)
    return {
        "StackResourceSummaries": [
            {**_resource(name, resource), "LastUpdatedTimestamp": moment(resource.time)} for name, resource in stack.resources.items()
        ]
    }


def get_template(world: World, call: Call) -> Mapping[str, Any]:
    request.known_only(call, "StackName TemplateStage")
    return {"TemplateBody": _find(world, call).goal.body, "StagesAvailable": ["Original", "Processed"]}


def _declared(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for name, rule in (document.get("Parameters") or {}).items():
        row = {"ParameterKey": name, "ParameterType": rule.get("Type", "String"), "NoEcho": rule.get("NoEcho") in (True, "true")}
        if "Default" in rule:
            row["DefaultValue"] = str(rule["Default"])
        rows.append(row)
    return rows


def _needed_capabilities(document: Mapping[str, Any]) -> list[str]:
    try:
        request.check_capabilities(document, [])
    except AwsError as refusal:
        return [refusal.message.rsplit("[", 1)[1].rstrip("]")]
    return []


def get_template_summary(world: World, call: Call) -> Mapping[str, Any]:
    request.known_only(call, "StackName TemplateBody TemplateURL")
    text = _find(world, call).goal.body if call.params.get("StackName") else request.body(world, call)
    document = template.parse(text)
    return {
        "Parameters": _declared(document),
        "Description": document.get("Description", ""),
        "Capabilities": _needed_capabilities(document),
        "ResourceTypes": sorted({one["Type"] for one in document["Resources"].values()}),
    }


def validate_template(world: World, call: Call) -> Mapping[str, Any]:
    request.known_only(call, "TemplateBody TemplateURL")
    document = template.parse(request.body(world, call))
    parameters = [{key: row[key] for key in ("ParameterKey", "DefaultValue", "NoEcho") if key in row} for row in _declared(document)]
    return {"Parameters": parameters, "Description": document.get("Description", ""), "Capabilities": _needed_capabilities(document)}


def get_stack_policy(world: World, call: Call) -> Mapping[str, Any]:
    policy = _find(world, call).policy
    return {"StackPolicyBody": policy} if policy else {}


OPERATIONS: dict[str, Operation] = {
    "DescribeStacks": describe_stacks,
    "ListStacks": list_stacks,
    "DescribeStackEvents": describe_stack_events,
    "DescribeStackResource": describe_stack_resource,
    "DescribeStackResources": describe_stack_resources,
    "ListStackResources": list_stack_resources,
    "GetTemplate": get_template,
    "GetTemplateSummary": get_template_summary,
    "ValidateTemplate": validate_template,
    "GetStackPolicy": get_stack_policy,
}
