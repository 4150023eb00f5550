"""Whether an environment runs what was approved: every task the right image, every zone a healthy task, every alarm quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from pipeline import executions, live, protect, verify_alarms, verify_balancer
from pipeline.aws import DENIED, Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.stages import deploy_stage
from stacks.environment import Environment
from stacks.project import Project

POLL_SECONDS = 3
BAKE_POLL_SECONDS = 15
Say = Callable[[str], None]


def wait(aws: Aws, env: Environment, image_digest: str | None, *, seconds: int, since: datetime | None, say: Say) -> None:
    """Returns once nothing is wrong; what is still wrong after `seconds` is the error. `since`: see verify_alarms.loud."""
    deadline = time.monotonic() + seconds
    # Asked again and again, but said once.
    once = lru_cache(say)
    while problems := list(wrong(aws, env, image_digest, since=since, say=once)):
        if time.monotonic() > deadline:
            raise PipelineError(f"{env.name} does not run as it should: " + "; ".join(problems) + ". See: kotei status")
        time.sleep(POLL_SECONDS)


def bake(aws: Aws, env: Environment, minutes: int, *, since: datetime | None) -> None:
    """Returns after so many minutes without an alarm."""
    deadline = time.monotonic() + 60 * minutes
    while time.monotonic() < deadline:
        time.sleep(BAKE_POLL_SECONDS)
        if found := verify_alarms.loud(aws, env, since):
            raise PipelineError(f"{env.name} did not stay quiet for {minutes} minutes: " + "; ".join(found))


def started(aws: Aws, project: Project, env: Environment, execution: str) -> datetime | None:
    """When the run of the pipeline began to deploy to the environment."""
    actions = executions.actions(aws, project, execution)
    return min((action["startTime"] for action in actions if action["stageName"] == deploy_stage(env.name)), default=None)


def wrong(aws: Aws, env: Environment, image_digest: str | None, *, since: datetime | None, say: Say) -> Iterator[str]:
    stack = live.describe(aws, env.stack_name("service"))
    outputs = live.outputs(stack) if stack else {}
    # A stack into which only what AWS kept was taken back has neither outputs nor parameters.
    if stack is None or "ServiceName" not in outputs:
        raise PipelineError(f"{env.name}: stack {env.stack_name('service')} holds no service; deploy first: git push, or kotei release")
    wanted = image_digest or next(item["ParameterValue"] for item in stack["Parameters"] if item["ParameterKey"] == "ImageDigest")
    tasks = _tasks(aws, outputs["ClusterName"], outputs["ServiceName"])
    yield from _deployment(aws, outputs["ClusterName"], outputs["ServiceName"])
    yield from _images(aws, tasks, wanted)
    yield from (f"stack {name} can be deleted; run: kotei protect {env.name}" for name in protect.unprotected(aws, env))
    for look in (lambda: verify_balancer.wrong(aws, env, dict(_addresses(tasks))), lambda: verify_alarms.loud(aws, env, since)):
        try:
            yield from look()
        # The roles of another account are not deployed by the pipeline, so they may be those of an earlier version.
        except RefusedError as refused:
            if refused.code not in DENIED:
                raise
            say(f"not verified, for want of a permission: {refused}")


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


def _addresses(tasks: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    return (
        (detail["value"], task.get("availabilityZone", ""))
        for task in tasks
        for attachment in task.get("attachments", [])
        for detail in attachment.get("details", [])
        if detail["name"] == "privateIPv4Address"
    )
