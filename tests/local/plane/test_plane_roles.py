"""What ECS's roles lack stops tasks and deployments in ECS's words: to pull, to log, and to turn a listener."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.local.plane import log_streams, observe, tasks
from tests.local.plane.conftest import ACCOUNT, EXECUTION, REGION

pytestmark = pytest.mark.local

GROUP, OTHER = "/kotei/proxy", "444455556666"
STREAM = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{GROUP}:log-stream:kotei/proxy/"
LOGGING = {"logDriver": "awslogs", "options": {"awslogs-group": GROUP, "awslogs-region": REGION, "awslogs-stream-prefix": "kotei"}}
INITIALIZATION = "ResourceInitializationError: "


TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs.amazonaws.com"}}


def denied(action: str, resource: str) -> str:
    return f"is not authorized to perform: {action} on resource: {resource}"


REPOSITORY = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/kotei/proxy"
STOPPED = {
    "token": (
        f"{INITIALIZATION}unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve ecr registry",
        denied("ecr:GetAuthorizationToken", "*"),
    ),
    "manifest": ("CannotPullContainerError: pull image manifest has been retried", denied("ecr:BatchGetImage", REPOSITORY)),
    "layers": ("CannotPullContainerError: ref pull has been retried", denied("ecr:GetDownloadUrlForLayer", REPOSITORY)),
    "stream": (f"{INITIALIZATION}failed to validate logger args: create stream", denied("logs:CreateLogStream", STREAM)),
    "group": (f"{INITIALIZATION}failed to validate logger args: create stream", "The specified log group does not exist."),
    "trust": (f"ECS was unable to assume the role '{EXECUTION}'", "Please verify that the role being passed has the proper trust"),
}


def lacking(town: Any, what: str) -> None:
    iam, logs = town.client("iam"), town.client("logs")
    if what == "group":
        return
    logs.create_log_group(logGroupName=GROUP)
    if what == "trust":
        iam.update_assume_role_policy(RoleName="execution", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [TRUST]}))
    elif what:
        iam.delete_role_policy(RoleName="execution", PolicyName=what)


def serve(town: Any, digest: str, **container: Any) -> None:
    town.build()
    town.serve(town.definition(digest, logConfiguration=LOGGING, **container), desired=1)


def started(town: Any) -> tasks.Task:
    """The service's next task, started as its deployment would."""
    seen = observe.look()
    (service,) = seen.services.values()
    task = tasks.new(service, seen, subnet=service.network["subnets"][0], provider=None)
    definition = seen.definitions[task.definition]
    tasks.launch(task, service, definition, town.world, target_groups=[], resolver="127.0.0.1:1", authority=town.world.home)
    return task


@pytest.mark.parametrize("what", STOPPED)
def test_a_task_without_a_permission_never_starts(empty_town: Any, what: str) -> None:
    lacking(empty_town, what)
    serve(empty_town, empty_town.image("v1"))
    task = started(empty_town)
    begins, holds = STOPPED[what]
    assert (task.stage, task.stop_code, task.pid) == ("stopped", "TaskFailedToStart", 0)
    assert task.reason.startswith(begins)
    assert holds in task.reason


def test_a_deployment_whose_tasks_may_not_pull_fails_and_says_so(empty_town: Any, until: Callable[..., Any]) -> None:
    lacking(empty_town, "manifest")
    serve(empty_town, empty_town.image("v1"))
    empty_town.start()
    until(lambda: empty_town.deployment()["rolloutState"] == "FAILED", empty_town.service)
    told = f"circuit breaker: tasks failed to start. Last: {STOPPED['manifest'][0]}"
    assert told in empty_town.deployment()["rolloutStateReason"]
    assert empty_town.tasks("STOPPED")[0]["stoppedReason"].startswith(STOPPED["manifest"][0])


@pytest.mark.parametrize("lines", [True, False], ids=["allowed", "lacks PutLogEvents"])
def test_a_log_driver_that_may_not_write_says_nothing(empty_town: Any, *, lines: bool, until: Callable[..., Any]) -> None:
    lacking(empty_town, "" if lines else "lines")
    serve(empty_town, empty_town.image("v1"))
    empty_town.start()
    empty_town.settled()
    assert empty_town.get() == (200, "v1")
    until(lambda: empty_town.log(empty_town.tasks()[0]))
    assert bool(list(log_streams.lines(empty_town.world, ACCOUNT, REGION, GROUP))) is lines


@pytest.mark.parametrize("named", [True, False], ids=["named", "without the repository's policy"])
def test_another_account_s_image_is_pulled_if_its_repository_says_so(empty_town: Any, *, named: bool) -> None:
    town = empty_town
    digest = town.image("v1")
    found = town.client("ecr").batch_get_image(repositoryName="kotei/proxy", imageIds=[{"imageDigest": digest}])["images"][0]
    there = town.world.client("ecr", account=OTHER)
    there.create_repository(repositoryName="kotei/proxy")
    there.put_image(repositoryName="kotei/proxy", imageManifest=found["imageManifest"], imageTag="v1")
    resource = f"arn:aws:ecr:{REGION}:{OTHER}:repository/kotei/proxy"
    pulls = {"Effect": "Allow", "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}
    own = json.dumps({"Version": "2012-10-17", "Statement": [{**pulls, "Resource": resource}]})
    town.client("iam").put_role_policy(RoleName="execution", PolicyName="other", PolicyDocument=own)
    if named:
        text = json.dumps({"Version": "2012-10-17", "Statement": [{**pulls, "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}]})
        there.set_repository_policy(repositoryName="kotei/proxy", policyText=text)
    serve(town, digest, image=f"{OTHER}.dkr.ecr.{REGION}.amazonaws.com/kotei/proxy@{digest}")
    refused = f"{denied('ecr:BatchGetImage', resource)} because no resource-based policy allows the ecr:BatchGetImage action"
    task = started(town)
    # Its log has no group: then it was pulled.
    assert ("The specified log group does not exist." if named else refused) in task.reason
