"""The CloudFormation deploy action, against CloudFormation's own API."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from pipeline.local.cloudformation.template import BODY_LIMIT
from pipeline.local.codepipeline import artifacts
from pipeline.local.codepipeline.action import Action, ActionFailedError, Result, known_keys
from pipeline.local.iam import sessions

KEYS = frozenset(
    {
        "ActionMode",
        "StackName",
        "ChangeSetName",
        "TemplatePath",
        "TemplateConfiguration",
        "Capabilities",
        "RoleArn",
        "OutputFileName",
        "ParameterOverrides",
    }
)
# CodePipeline refuses more: "a JSON object, maximum size 1 kilobyte".
OVERRIDES_LIMIT = 1024
POLL_SECONDS = 0.3
GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
# What REPLACE_ON_FAILURE deletes before it creates again.
REPLACEABLE = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED")


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One action's stack, seen through CloudFormation's API."""

    action: Action
    client: Any
    stack: str
    seen: set[str] = field(default_factory=set)

    def live(self) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = self.client.describe_stacks(StackName=self.stack)["Stacks"][0]
        except self.client.exceptions.ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError" and "does not exist" in error.response["Error"]["Message"]:
                return None
            raise
        return found

    def settled(self) -> dict[str, Any] | None:
        """The stack once nothing is in progress in it."""
        while (stack := self.live()) and stack["StackStatus"].endswith("IN_PROGRESS") and stack["StackStatus"] != "REVIEW_IN_PROGRESS":
            self.action.wait(POLL_SECONDS)
        return None if stack and stack["StackStatus"] == "DELETE_COMPLETE" else stack

    def events(self) -> list[dict[str, Any]]:
        """Oldest first."""
        found: list[dict[str, Any]] = self.client.describe_stack_events(StackName=self.stack)["StackEvents"]
        return list(reversed(found))

    def remember_events(self) -> None:
        self.seen.update(event["EventId"] for event in self.events())

    def failure(self) -> str:
        for event in self.events():
            reason = event.get("ResourceStatusReason", "")
            if event["EventId"] not in self.seen and event["ResourceStatus"].endswith("FAILED") and "cancelled" not in reason.lower():
                return f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
        return "no failed resource in the stack's events"


def cloudformation(action: Action) -> Result:
    known_keys(action, KEYS, frozenset({"ActionMode", "StackName"}))
    mode = MODES.get(action.configuration["ActionMode"])
    if mode is None:
        raise ActionFailedError(
            f"ActionMode {action.configuration['ActionMode']} is not one of {', '.join(sorted(MODES))}", code="ConfigurationError"
        )
    client = sessions.client(action.world, action.role, "cloudformation", region=action.region)
    deployment = Deployment(action=action, client=client, stack=action.configuration["StackName"])
    try:
        return mode(deployment)
    except client.exceptions.ClientError as error:
        details = error.response["Error"]
        raise ActionFailedError(
            f"stack {deployment.stack}: {error.operation_name}: {details['Code']}: {details['Message']}", code="ConfigurationError"
        ) from error


def _create_update(deployment: Deployment) -> Result:
    stack = deployment.settled()
    if stack and stack["StackStatus"] == "ROLLBACK_COMPLETE" and deployment.action.record().get("rerun"):
        # Not AWS's doing: the engine was killed while it created the stack. AWS, which is not killed, has no such stack to delete, so
        # it is not the role that does it.
        owner = deployment.action.world.client("cloudformation", account=deployment.action.role.account, region=deployment.action.region)
        _delete(replace(deployment, client=owner))
        stack = None
    return _apply(deployment, stack)


def _replace_on_failure(deployment: Deployment) -> Result:
    stack = deployment.settled()
    if stack and stack["StackStatus"] in REPLACEABLE:
        _delete(deployment)
        stack = None
    return _apply(deployment, stack)


def _apply(deployment: Deployment, stack: dict[str, Any] | None) -> Result:
    request = _request(deployment.action)
    if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        deployment.client.create_stack(StackName=deployment.stack, **request)
    else:
        deployment.remember_events()
        try:
            deployment.client.update_stack(StackName=deployment.stack, **request)
        except deployment.client.exceptions.ClientError as error:
            if "No updates are to be performed" not in error.response["Error"]["Message"]:
                raise
            return _done(deployment, stack, "no updates were to be performed")
    return _outcome(deployment)


def _outcome(deployment: Deployment) -> Result:
    stack = deployment.settled()
    if stack is None or stack["StackStatus"] not in GOOD:
        status = stack["StackStatus"] if stack else "DELETE_COMPLETE"
        raise ActionFailedError(f"stack {deployment.stack} is {status}: {deployment.failure()}", summary=status)
    return _done(deployment, stack, stack["StackStatus"])


def _done(deployment: Deployment, stack: dict[str, Any], summary: str) -> Result:
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    action = deployment.action
    file = action.configuration.get("OutputFileName")
    archives = {name: artifacts.pack({file: json.dumps(outputs).encode()}) for name in action.output_names} if file else {}
    return Result(artifacts=archives, variables=outputs, external_id=stack["StackId"], summary=summary)


def _delete(deployment: Deployment) -> None:
    role = deployment.action.configuration.get("RoleArn")
    deployment.client.delete_stack(StackName=deployment.stack, **({"RoleARN": role} if role else {}))
    stack = deployment.settled()
    if stack is not None:
        raise ActionFailedError(f"stack {deployment.stack} is {stack['StackStatus']}: {deployment.failure()}", summary=stack["StackStatus"])


def _delete_only(deployment: Deployment) -> Result:
    if deployment.settled() is None:
        return Result(summary="the stack does not exist")
    deployment.remember_events()
    _delete(deployment)
    return Result(summary="DELETE_COMPLETE")


def _change_set_replace(deployment: Deployment) -> Result:
    name = _change_set(deployment)
    stack = deployment.settled()
    request = _request(deployment.action)
    request.pop("StackPolicyBody", None)
    new = stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS"
    if stack is not None:
        deployment.client.delete_change_set(StackName=deployment.stack, ChangeSetName=name)
    deployment.client.create_change_set(
        StackName=deployment.stack, ChangeSetName=name, ChangeSetType="CREATE" if new else "UPDATE", **request
    )
    while True:
        found = deployment.client.describe_change_set(StackName=deployment.stack, ChangeSetName=name)
        if found["Status"] in ("CREATE_COMPLETE", "FAILED"):
            break
        deployment.action.wait(POLL_SECONDS)
    reason = found.get("StatusReason", "")
    if found["Status"] == "FAILED" and "didn't contain changes" not in reason and "No updates" not in reason:
        raise ActionFailedError(f"change set {name} of stack {deployment.stack}: {reason}")
    return Result(external_id=found["ChangeSetId"], summary=f"change set {name}: {len(found['Changes'])} changes")


def _change_set_execute(deployment: Deployment) -> Result:
    name = _change_set(deployment)
    found = deployment.client.describe_change_set(StackName=deployment.stack, ChangeSetName=name)
    stack = deployment.settled()
    if found["Status"] == "FAILED" and stack is not None:
        deployment.client.delete_change_set(StackName=deployment.stack, ChangeSetName=name)
        return _done(deployment, stack, "the change set holds no changes")
    deployment.remember_events()
    deployment.client.execute_change_set(StackName=deployment.stack, ChangeSetName=name)
    return _outcome(deployment)


def _change_set(deployment: Deployment) -> str:
    name = deployment.action.configuration.get("ChangeSetName")
    if not name:
        raise ActionFailedError("configuration key ChangeSetName is missing", code="ConfigurationError")
    return name


MODES: dict[str, Callable[[Deployment], Result]] = {
    "CREATE_UPDATE": _create_update,
    "REPLACE_ON_FAILURE": _replace_on_failure,
    "DELETE_ONLY": _delete_only,
    "CHANGE_SET_REPLACE": _change_set_replace,
    "CHANGE_SET_EXECUTE": _change_set_execute,
}


def _request(action: Action) -> dict[str, Any]:
    configuration = action.configuration
    if "TemplatePath" not in configuration:
        raise ActionFailedError("configuration key TemplatePath is missing", code="ConfigurationError")
    settings = json.loads(_file(action, configuration["TemplateConfiguration"])) if "TemplateConfiguration" in configuration else {}
    unknown = sorted(set(settings) - {"Parameters", "Tags", "StackPolicy"})
    if unknown:
        raise ActionFailedError(f"{configuration['TemplateConfiguration']}: unknown key {', '.join(unknown)}", code="ConfigurationError")
    parameters = settings.get("Parameters", {}) | _overrides(action)
    request: dict[str, Any] = {
        **_template(action, _file(action, configuration["TemplatePath"])),
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Tags": [{"Key": key, "Value": value} for key, value in settings.get("Tags", {}).items()],
        "Capabilities": [name.strip() for name in configuration.get("Capabilities", "").split(",") if name.strip()],
    }
    if "StackPolicy" in settings:
        request["StackPolicyBody"] = json.dumps(settings["StackPolicy"])
    if "RoleArn" in configuration:
        request["RoleARN"] = configuration["RoleArn"]
    return request


def _template(action: Action, text: str) -> dict[str, str]:
    """CodePipeline itself puts a template into S3 that is too large for a call."""
    if len(text.encode()) <= BODY_LIMIT:
        return {"TemplateBody": text}
    world = action.world
    bucket = artifacts.buckets(action.pipeline, world.region)[action.region]
    client = world.client("s3", region=action.region)
    put = artifacts.store(client, bucket, f"{action.pipeline['name']}/templates/{action.id}.yaml", text.encode())
    return {"TemplateURL": f"{world.endpoint}/{put['bucket']}/{put['key']}"}


def _overrides(action: Action) -> dict[str, str]:
    text = action.configuration.get("ParameterOverrides", "{}")
    if len(text.encode()) > OVERRIDES_LIMIT:
        raise ActionFailedError(
            f"ParameterOverrides has {len(text.encode())} bytes; CodePipeline takes at most {OVERRIDES_LIMIT}", code="ConfigurationError"
        )
    return {key: _override(action, value) for key, value in json.loads(text).items()}


def _override(action: Action, value: Any) -> str:
    if isinstance(value, dict):
        if set(value) != {"Fn::GetParam"}:
            raise ActionFailedError(
                f"ParameterOverrides: {', '.join(value)} is not supported by the local engine", code="ConfigurationError"
            )
        artifact, path, key = value["Fn::GetParam"]
        return str(json.loads(_file(action, f"{artifact}::{path}"))[key])
    return str(value)


def _file(action: Action, reference: str) -> str:
    artifact, separator, path = reference.partition("::")
    if not separator or artifact not in action.inputs:
        raise ActionFailedError(f"{reference}: {artifact} is not an input artifact of the action", code="ConfigurationError")
    content = artifacts.member(action.inputs[artifact], path)
    if content is None:
        raise ActionFailedError(f"File [{path}] does not exist in artifact [{artifact}]", code="ConfigurationError")
    return content.decode()
