"""Whether an environment runs what was approved: every task the right image, every zone a healthy task, every address protected."""

from __future__ import annotations

import time
from typing import Any

from pipeline import live, protect
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from stacks.environment import Environment

POLL_SECONDS = 3


def wait(aws: Aws, env: Environment, image_digest: str | None, *, seconds: int) -> None:
    """Returns once nothing is wrong; what is still wrong after `seconds` is the error."""
    deadline = time.monotonic() + seconds
    while problems := wrong(aws, env, image_digest):
        if time.monotonic() > deadline:
            raise PipelineError(f"{env.name} does not run as it should: " + "; ".join(problems) + ". See: kotei status")
        time.sleep(POLL_SECONDS)


def wrong(aws: Aws, env: Environment, image_digest: str | None) -> list[str]:
    stack = live.describe(aws, env.stack_name("service"))
    if stack is None:
        raise PipelineError(f"{env.name}: stack {env.stack_name('service')} does not exist; deploy first: git push")
    given = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    outputs = live.outputs(stack)
    wanted = image_digest or given["ImageDigest"]
    tasks = _tasks(aws, outputs["ClusterName"], outputs["ServiceName"])
    return [
        *_deployment(aws, outputs["ClusterName"], outputs["ServiceName"]),
        *_images(aws, tasks, wanted),
        *_zones(aws, env, given["TargetGroupArn"], tasks),
        *(f"stack {name} can be deleted; run: kotei protect {env.name}" for name in protect.unprotected(aws, env)),
    ]


def _deployment(aws: Aws, cluster: str, name: str) -> list[str]:
    services = aws.call("ecs", "describe_services", cluster=cluster, services=[name])["services"]
    if not services:
        return [f"service {cluster}/{name} does not exist"]
    primary = next(one for one in services[0]["deployments"] if one["status"] == "PRIMARY")
    state = primary.get("rolloutState", "COMPLETED")
    return [] if state == "COMPLETED" else [f"the deployment is {state}"]


def _tasks(aws: Aws, cluster: str, name: str) -> list[dict[str, Any]]:
    arns = list(aws.pages("ecs", "list_tasks", "taskArns", cluster=cluster, serviceName=name, desiredStatus="RUNNING"))
    # DescribeTasks takes 100 at a time.
    batches = [arns[start : start + 100] for start in range(0, len(arns), 100)]
    return [task for batch in batches for task in aws.call("ecs", "describe_tasks", cluster=cluster, tasks=batch)["tasks"]]


def _images(aws: Aws, tasks: list[dict[str, Any]], wanted: str) -> list[str]:
    """A task definition names its image by digest, so what it names is what runs."""
    problems = []
    if not tasks:
        problems.append("no task runs")
    for arn in sorted({task["taskDefinitionArn"] for task in tasks}):
        definition = aws.call("ecs", "describe_task_definition", taskDefinition=arn)["taskDefinition"]
        images = [container["image"] for container in definition["containerDefinitions"] if container["name"] == "proxy"]
        problems += [f"{arn} runs {image}, approved is {wanted}" for image in images if not image.endswith(f"@{wanted}")]
    return problems


def _zones(aws: Aws, env: Environment, target_group: str, tasks: list[dict[str, Any]]) -> list[str]:
    zone_of = dict(_addresses(tasks))
    health = aws.call("elbv2", "describe_target_health", TargetGroupArn=target_group)["TargetHealthDescriptions"]
    healthy = {
        target["Target"].get("AvailabilityZone") or zone_of.get(target["Target"]["Id"])
        for target in health
        if target["TargetHealth"]["State"] == "healthy"
    }
    zones = [f"{env.region}{zone}" for zone in env.zones]
    return [f"zone {zone} has no healthy target" for zone in zones if zone not in healthy]


def _addresses(tasks: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [
        (detail["value"], task.get("availabilityZone", ""))
        for task in tasks
        for attachment in task.get("attachments", [])
        for detail in attachment.get("details", [])
        if detail["name"] == "privateIPv4Address"
    ]
