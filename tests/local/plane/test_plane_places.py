"""The pipeline of four environments in two accounts and two regions: those far from it are deployed, and answer."""

from __future__ import annotations

import http.client
import json
import os
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline import addresses, image, prepare, protect, verify
from pipeline.aws import Target
from pipeline.local import bootstrap as local_bootstrap
from pipeline.local import connections, prerequisites, remote, translate
from pipeline.local.codepipeline.runner import Runner
from pipeline.paths import NGINX_RENDERED, RENDERED
from pipeline.prepare import environment, environment_aws, pipeline_aws
from pipeline.wiring import title
from stacks.project import Project
from tests.support import places
from tests.support.places import FAR, HOME, NEAR, OTHER

pytestmark = pytest.mark.local

CLIENT = "127.0.113.5"


@dataclass(frozen=True, kw_only=True)
class Far:
    town: Any
    root: Path
    project: Project
    target: Target
    whole: dict[str, Any]

    @property
    def pipeline(self) -> Any:
        return self.town.client("codepipeline")

    def only(self, name: str, digest: str) -> dict[str, Any]:
        """The pipeline as it is deployed, less everything but the source and the stacks of one environment."""
        whole = self.whole
        source, deploy = whole["stages"][0], next(stage for stage in whole["stages"] if stage["name"] == f"{name}-Deploy")
        stacks = [action for action in deploy["actions"] if action["actionTypeId"]["provider"] == "CloudFormation"]
        text = json.dumps({**whole, "stages": [source, {"name": deploy["name"], "actions": stacks}]})
        # No build runs here, so nothing else names the image.
        changed: dict[str, Any] = json.loads(text.replace("#{Image.IMAGE_DIGEST}", digest))
        changed.pop("triggers", None)
        return changed

    def run(self, pipeline: dict[str, Any], until: Any) -> list[dict[str, Any]]:
        self.pipeline.update_pipeline(pipeline=pipeline)
        execution = self.pipeline.start_pipeline_execution(name="kotei")["pipelineExecutionId"]

        def ended() -> bool:
            found = self.pipeline.get_pipeline_execution(pipelineName="kotei", pipelineExecutionId=execution)["pipelineExecution"]
            return found["status"] not in ("InProgress", "Stopping")

        until(ended, lambda: (self.actions(execution), self.town.problems()))
        return self.actions(execution)

    def actions(self, execution: str) -> list[dict[str, Any]]:
        wanted = {"pipelineExecutionId": execution}
        found: list[dict[str, Any]] = self.pipeline.list_action_executions(pipelineName="kotei", filter=wanted)["actionExecutionDetails"]
        return list(reversed(found))

    def get(self, name: str, address: str) -> tuple[int, str]:
        """From the environment's fixed address, as an allowed client."""
        context = ssl.create_default_context(cafile=str(self.town.world.home / "ca.pem"))
        host = f"{name}.example.com"
        where = (translate.address(address), translate.port(443))
        with (
            socket.create_connection(where, timeout=10, source_address=(CLIENT, 0)) as below,
            context.wrap_socket(below, server_hostname=host) as found,
        ):
            connection = http.client.HTTPConnection(host)
            connection.sock = found
            connection.request("GET", "/where")
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


@pytest.fixture
def far(empty_town: Any, tmp_path: Path) -> Iterator[Far]:
    world = empty_town.world
    # The registry's stack makes it.
    empty_town.client("ecr").delete_repository(repositoryName="kotei/proxy")
    root = tmp_path / "checkout"
    root.mkdir()
    project = places.write(root)
    prerequisites.provide(world, project.environments)
    remote.prepare(world.home, root, "main")
    _push(root, world.home)
    local_bootstrap.deploy(world.endpoint, project, root, lambda arn: connections.complete(world, arn), lambda _: None)
    runner = Runner(world=world)
    loop = runner.start()
    empty_town.start()
    whole = empty_town.client("codepipeline").get_pipeline(name="kotei")["pipeline"]
    yield Far(town=empty_town, root=root, project=project, target=Target(endpoint=world.endpoint, why="the test"), whole=whole)
    world.closing.set()
    with world.changed:
        world.changed.notify_all()
    runner.leave()
    loop.join()


def _push(root: Path, home: Path) -> None:
    names = {f"GIT_{who}_{what}": "ada@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    alone = {**os.environ, **names, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    for arguments in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", str(RENDERED), str(NGINX_RENDERED)],
        ["commit", "--quiet", "--message=everything that is rendered"],
    ):
        subprocess.run(["git", *arguments], cwd=root, env=alone, check=True)
    subprocess.run(["git", "-C", str(remote.path(home)), "fetch", "--quiet", str(root), "+HEAD:refs/heads/main"], env=alone, check=True)


def pushed(far: Far, *names: str) -> str:
    files = {f"{name}/nginx.conf": (far.root / NGINX_RENDERED / name / "nginx.conf").read_bytes() for name in names}
    digest: str = far.town.image("one", more=files)
    return digest


def test_environments_far_away(far: Far, until: Any) -> None:
    digest = pushed(far, "far-live", "far-test")
    image.wait_until_copied(pipeline_aws(far.project, far.target), far.project, digest)
    for name, role in (("far-live", f"arn:aws:iam::{OTHER}:role/kotei-delivery"), ("far-test", "")):
        done = far.run(far.only(title(name), digest), until)
        problems = [action["output"]["executionResult"].get("errorDetails", {}).get("message") for action in done]
        assert [problem for problem in problems if problem] == []
        for action in done[1:]:
            assert (action["input"]["region"], action["input"]["roleArn"]) == (FAR, role)
    # What the actions there read lies in their own region.
    kept = far.town.client("s3").list_objects_v2(Bucket=f"kotei-artifacts-{HOME}-{FAR}")["Contents"]
    assert {one["Key"].rpartition("/")[0] for one in kept} == {"kotei/Source"}
    # One has a copy of the image in its region, the other pulls across.
    assert running(far, "far-live") == f"{HOME}.dkr.ecr.{FAR}.amazonaws.com/kotei/proxy@{digest}"
    assert running(far, "far-test") == f"{HOME}.dkr.ecr.{NEAR}.amazonaws.com/kotei/proxy@{digest}"
    for name in ("far-live", "far-test"):
        answers_and_can_be_asked(far, name, digest)
    stores_are_where_actions_run(far)


def running(far: Far, name: str) -> str:
    env = environment(far.project, name)
    ecs = far.town.world.client("ecs", account=env.account, region=env.region)
    cluster = f"kotei-{name}"
    (first, *_) = ecs.describe_tasks(cluster=cluster, tasks=ecs.list_tasks(cluster=cluster)["taskArns"])["tasks"]
    found: str = first["containers"][0]["image"]
    return found


def answers_and_can_be_asked(far: Far, name: str, digest: str) -> None:
    """By its fixed addresses, and by the commands, which read as the role of its account."""
    env = environment(far.project, name)
    aws = environment_aws(env, far.target)
    assert aws.role == (f"arn:aws:iam::{OTHER}:role/kotei-read" if env.account == OTHER else None)
    found = addresses.read(aws, env)
    assert {one.zone for one in found} == {f"{FAR}a", f"{FAR}c"}
    for one in found:
        status, body = far.get(name, one.address)
        assert (status, json.loads(body)["uri"]) == (200, "/where")
    planned = prepare.prepare(far.root, far.project, far.target, name, digest)
    assert [stack.stack for owner in planned.review.owners for stack in owner.stacks if stack.action != "none"] == []
    protect.turn_on(aws, env)
    assert list(verify.wrong(aws, env, digest, since=None, say=lambda _: None)) == []


def stores_are_where_actions_run(far: Far) -> None:
    """AWS takes no pipeline otherwise."""
    whole = far.pipeline.get_pipeline(name="kotei")["pipeline"]
    stores = whole["artifactStores"]
    for changed, told in (
        ({NEAR: stores[NEAR]}, f"no artifact store in {FAR}"),
        ({**stores, FAR: {**stores[FAR], "location": "nowhere"}}, f"No bucket with the name nowhere was found. .* in '{FAR}'"),
        ({**stores, FAR: stores[NEAR]}, f"it is in '{NEAR}'"),
    ):
        with pytest.raises(ClientError, match=told) as refused:
            far.pipeline.update_pipeline(pipeline={**whole, "artifactStores": changed})
        assert refused.value.response["Error"]["Code"] == "InvalidStructureException"
