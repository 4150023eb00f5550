"""What ECS does in the name of a task's execution role to start it: it logs in to the registry, pulls, and makes the stream of its log."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.access.decide import Request
from pipeline.errors import PipelineError
from pipeline.local.iam import authorize, requests, sessions
from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pipeline.local.iam.sessions import Session
    from pipeline.local.plane.tasks import Task
    from pipeline.local.world import World

SERVICE = "ecs-tasks.amazonaws.com"
IMAGE = re.compile(
    r"(?P<host>(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com)/(?P<repository>[^@:]+)@(?P<digest>sha256:[0-9a-f]{64})"
)


class FailedToStartError(PipelineError):
    """The message is the stopped reason of the task, in ECS's words."""


def role(task: Task, definition: Mapping[str, Any], world: World) -> Session:
    """The execution role, taken on; and the task role could be. ECS sends for which account and task it does so."""
    if not definition["execution_role"]:
        # RegisterTaskDefinition refuses it on AWS, where moto does not.
        raise FailedToStartError("Fargate requires task definition to have execution role ARN to support ECR images.")
    context = {"aws:sourceaccount": task.account, "aws:sourcearn": task.arn}
    taken = [
        _taken_on(world, one, task.arn.rpartition("/")[2], context)
        for one in (definition["task_role"], definition["execution_role"])
        if one
    ]
    return taken[-1]


def log_in(session: Session, image: str) -> None:
    """An image that is no one of ECR's by digest is refused where it is unpacked."""
    found = IMAGE.fullmatch(image)
    if found is None:
        return
    try:
        _ask(session, "ecr", "GetAuthorizationToken", region=found["region"])
    except AwsError as refused:
        raise unavailable(f"unable to retrieve ecr registry auth: service call has been retried 1 time(s): {told(refused)}") from refused


def pull(session: Session, image: str) -> None:
    """Without ecr:BatchCheckLayerAvailability: a pull does not ask for it (AWS's policy AmazonEC2ContainerRegistryPullOnly)."""
    found = IMAGE.fullmatch(image)
    if found is None:
        return
    # Fargate tells the status of HTTP alone; which permission it is that lacks, the engine adds.
    failures = {
        "BatchGetImage": f"pull image manifest has been retried 1 time(s): failed to resolve ref {image}: pulling from host {found['host']}"
        f" failed with status code [manifests {found['digest']}]",
        "GetDownloadUrlForLayer": "ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: unexpected status code"
        f" https://{found['host']}/v2/{found['repository']}/blobs/",
    }
    for operation, failure in failures.items():
        try:
            where = {"registryId": found["account"], "repositoryName": found["repository"]}
            _ask(session, "ecr", operation, region=found["region"], **where)
        except AwsError as refused:
            raise FailedToStartError(f"CannotPullContainerError: {failure}: 403 Forbidden ({refused.message})") from refused


def log(session: Session, task: Task, definition: Mapping[str, Any], world: World) -> None:
    """The log driver makes the stream of each container that has one before the container starts."""
    for group, stream, region in streams(task, definition):
        try:
            _ask(session, "logs", "CreateLogStream", region=region, logGroupName=group, logStreamName=stream)
        except AwsError as refused:
            raise _unlogged(told(refused)) from refused
        groups = world.client("logs", account=session.account, region=region).describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        if group not in {one["logGroupName"] for one in groups}:
            raise _unlogged("ResourceNotFoundException: The specified log group does not exist.")


def _unlogged(why: str) -> FailedToStartError:
    return FailedToStartError(
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed to create Cloudwatch"
        f" log stream: {why}"
    )


def writes(role_arn: str, account: str, region: str, group: str, stream: str) -> bool:
    """Whether lines arrive: a driver that may not send them lets the container run on without a word."""
    needed = _needs("logs", "PutLogEvents", account=account, region=region, logGroupName=group, logStreamName=stream)
    return all(authorize.decided(role_arn, one).allowed for one in needed)


def streams(task: Task, definition: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Log group, stream and region of each container that logs to CloudWatch."""
    for container in definition["containers"]:
        logging = container.get("logConfiguration") or {}
        if logging.get("logDriver") == "awslogs":
            options = logging.get("options") or {}
            stream = f"{options.get('awslogs-stream-prefix', '')}/{container['name']}/{task.arn.rpartition('/')[2]}"
            yield options["awslogs-group"], stream, options.get("awslogs-region", task.region)


def unavailable(why: str) -> FailedToStartError:
    return FailedToStartError(
        f"ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: {why}"
    )


def told(refused: AwsError) -> str:
    return f"{refused.code}: {refused.message}"


def _taken_on(world: World, arn: str, name: str, context: Mapping[str, str]) -> Session:
    try:
        return sessions.of_service(world, arn, SERVICE, name, context)
    except AwsError as refused:
        raise FailedToStartError(
            f"ECS was unable to assume the role '{arn}' that was provided for this task. Please verify that the role being passed has the"
            " proper trust relationship and permissions and that your IAM user has permissions to pass this role."
        ) from refused


def _ask(session: Session, service: str, operation: str, *, region: str, **params: str) -> None:
    needed = _needs(service, operation, account=session.account, region=region, **params)
    authorize.check(session, needed, code="AccessDeniedException")


def _needs(service: str, operation: str, *, account: str, region: str, **params: str) -> list[Request]:
    return requests.needs(requests.Asked(service=service, operation=operation, params=params, account=account, region=region))
