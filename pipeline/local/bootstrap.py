"""The shared stacks for the first time, as the owner and one click in the console do it on AWS. Later the pipeline updates them itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.catalog import SHARED_STACKS
from pipeline.errors import PipelineError
from pipeline.paths import RENDERED
from stacks.project import Project

# A stack in one of these never held anything that is in use.
UNBORN = ("ROLLBACK_COMPLETE", "CREATE_FAILED", "DELETE_COMPLETE", "REVIEW_IN_PROGRESS")


def deploy(client: Any, project: Project, root: Path, complete: Callable[[str], None], say: Callable[[str], None]) -> None:
    """`complete` gets the ARN of a new connection. Stacks that are there stay as they are."""
    known: dict[str, str] = {}
    for spec in SHARED_STACKS:
        if not spec.wanted(project):
            continue
        name = project.stack_name(spec.name)
        stack = _live(client, name)
        if stack is None or stack["StackStatus"] in UNBORN:
            if stack is not None:
                client.delete_stack(StackName=name)
                client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})
            parameters = {key: known[key] for key in spec.build(project).parameters}
            stack = _create(client, name, root / RENDERED / "shared" / spec.name, parameters)
            say(f"stack {name} … {stack['StackStatus']}")
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
        if "ConnectionArn" in outputs:
            complete(outputs["ConnectionArn"])
        known |= outputs


def _live(client: Any, name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.describe_stacks(StackName=name)["Stacks"][0]
    except client.exceptions.ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return found


def _create(client: Any, name: str, files: Path, parameters: dict[str, str]) -> dict[str, Any]:
    template, settings = files.with_suffix(".yaml"), files.with_suffix(".json")
    if not template.is_file():
        raise PipelineError(f"{template} is missing; run: kotei render")
    body = template.read_text()
    configuration = json.loads(settings.read_text())
    client.create_stack(
        StackName=name,
        TemplateBody=body,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in (configuration["Parameters"] | parameters).items()],
        Tags=[{"Key": key, "Value": value} for key, value in configuration.get("Tags", {}).items()],
        StackPolicyBody=json.dumps(configuration["StackPolicy"]),
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM"],
    )
    client.get_waiter("stack_exists").wait(StackName=name, WaiterConfig={"Delay": 1})
    return _settled(client, name)


def _settled(client: Any, name: str) -> dict[str, Any]:
    while (stack := _live(client, name)) and stack["StackStatus"].endswith("IN_PROGRESS"):
        time.sleep(0.2)
    if stack is None or stack["StackStatus"] not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        events = client.describe_stack_events(StackName=name)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
            for event in reversed(events)
            if event["ResourceStatus"].endswith("FAILED")
        ]
        raise PipelineError(f"stack {name}: {reasons[0] if reasons else stack and stack['StackStatus']}")
    return stack
