"""The build that a schedule starts, whole: the buildspec of the commit, as its role; and what the team hears of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline import drift_project, paths
from pipeline.local import connections, remote, schedules
from pipeline.local.codebuild.environment import LOCKS
from stacks.config_drift import DriftCheck
from stacks.project import load
from tests.support.drifted import group

pytestmark = pytest.mark.local

Kotei = Callable[..., int]


@pytest.fixture
def watched(standing: tuple[Any, Kotei], tmp_path: Path) -> Iterator[Any]:
    """The tree of this checkout is pushed, and the stack that looks for drift deployed."""
    cloud, _ = standing
    repository = remote.path(cloud.world.home)
    remote.prepare(cloud.world.home, paths.ROOT, "main")
    for lock in LOCKS:
        # The same locks as those that this runs on: nothing is to be installed.
        shutil.copyfile(paths.ROOT / lock, cloud.world.root / lock)
    index = {"GIT_INDEX_FILE": str(tmp_path / "index"), "GIT_DIR": str(repository), "GIT_WORK_TREE": str(paths.ROOT)}
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=paths.ROOT, check=True, capture_output=True
    ).stdout
    git(paths.ROOT, index, "update-index", "--add", "--remove", "-z", "--stdin", given=listed)
    commit = git(paths.ROOT, index, "commit-tree", git(paths.ROOT, index, "write-tree"), "-m", "deployed")
    git(paths.ROOT, index, "update-ref", "refs/heads/main", commit)
    project = load(paths.ROOT)
    project = project.model_copy(update={"pipeline": project.pipeline.model_copy(update={"drift": DriftCheck(every="day")})})
    arn = cloud.client("codeconnections").create_connection(ConnectionName="drift", ProviderType="GitHub")["ConnectionArn"]
    connections.complete(cloud.world, arn)
    topic = cloud.client("sns").create_topic(Name="kotei-told")["TopicArn"]
    key = f"arn:aws:kms:{cloud.world.region}:{cloud.world.account}:key/1"
    given = {"ConnectionArn": arn, "TopicArn": topic, "ArtifactKeyArn": key}
    made = cloud.create(
        "kotei-drift",
        json.loads(drift_project.build(project).to_json()),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    assert made["StackStatus"] == "CREATE_COMPLETE", cloud.reasons("kotei-drift")
    yield cloud
    cloud.delete("kotei-drift")


def git(folder: Path, environment: dict[str, str], *arguments: str, given: bytes = b"") -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    given_to = {"PATH": os.environ["PATH"], **environment}
    ran = subprocess.run(["git", *identity, *arguments], cwd=folder, env=given_to, input=given, capture_output=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.decode().strip()


def test_a_clean_build_is_quiet_and_drift_is_heard_of(watched: Any) -> None:
    queue = watched.client("sqs").create_queue(QueueName="told")["QueueUrl"]
    inbox = watched.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = next(one["TopicArn"] for one in watched.client("sns").list_topics()["Topics"] if one["TopicArn"].endswith(":kotei-told"))
    watched.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=inbox)
    status, log = built(watched, schedules.start_due(watched.world))
    assert status == "SUCCEEDED", log
    assert "drift of staging: none in" in log
    assert "not all" not in log
    assert watched.client("sqs").receive_message(QueueUrl=queue).get("Messages", []) == []
    group(watched)
    again = watched.client("codebuild").start_build(projectName="kotei-drift")["build"]["id"]
    status, log = built(watched, iter([f"started {again}"]))
    assert status == "FAILED", log
    assert "kotei drift revert staging security/LoadBalancerGroup" in log
    (message,) = watched.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert json.loads(message["Body"])["Subject"].startswith("drift of staging: 1 of ")


def built(cloud: Any, said: Iterator[str]) -> tuple[str, str]:
    (line,) = said
    build = line.rpartition("started ")[2]

    def found() -> dict[str, Any]:
        shown: dict[str, Any] = cloud.client("codebuild").batch_get_builds(ids=[build])["builds"][0]
        return shown

    end = datetime.now(UTC) + timedelta(seconds=120)
    while not found()["buildComplete"] and datetime.now(UTC) < end:
        with cloud.world.changed:
            cloud.world.changed.wait(0.2)
    return found()["buildStatus"], (cloud.world.home / "builds" / build.rpartition(":")[2] / "log").read_text()
