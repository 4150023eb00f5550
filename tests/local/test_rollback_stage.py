"""Rollback of an environment's stage, by the walk of a small pipeline whose stages are called as ours are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline import deployed, rollback
from pipeline.aws import Aws, Target
from pipeline.errors import PipelineError
from pipeline.local import connections
from pipeline.stages import deploy_stage
from stacks.project import PipelineConfig, Project
from tests.support.small_pipeline import build, declaration, source, stage, start, surroundings

pytestmark = pytest.mark.local

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
BUILDSPEC = """
version: 0.2
env:
  exported-variables: [IMAGE_DIGEST]
phases:
  build:
    commands:
      - export IMAGE_DIGEST="$(cat digest.txt)"
"""


@pytest.fixture
def project() -> Project:
    config = {"project": "demo", "account": "111122223333", "region": "ap-northeast-1", "environments": ["test"]}
    pipeline = PipelineConfig.model_validate({**config, "repository": {"name": "example-org/demo"}})
    return Project.model_construct(pipeline=pipeline, environments=())


@pytest.fixture
def client(engine: Any) -> Any:
    """The pipeline: a source, an image, and a stage that deploys."""
    made, arn = engine.client("codepipeline"), surroundings(engine)
    engine.client("ecr").create_repository(repositoryName="demo/proxy")
    connections.complete(engine.world, arn)
    stages = (
        stage("Source", source(arn)),
        stage("Image", build("Image", namespace="Image")),
        stage(deploy_stage("test"), build("service")),
    )
    made.create_pipeline(pipeline=declaration(*stages))
    return made


def test_an_earlier_run_is_rolled_back_to_until_something_of_it_is_gone(engine: Any, checkout: Any, client: Any, project: Project) -> None:
    aws = Aws(target=Target(endpoint=engine.world.endpoint, why="test"), account=engine.world.account, region=engine.world.region)

    def deploy(tag: str) -> tuple[str, str, str]:
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": tag}, "layers": []})
        image = engine.client("ecr").put_image(repositoryName="demo/proxy", imageManifest=manifest, imageTag=tag)
        digest = image["image"]["imageId"]["imageDigest"]
        commit = checkout.commit({"digest.txt": digest, "buildspec/image.yml": BUILDSPEC}, message=tag)
        run = start(client)
        assert engine.ended(run)["status"] == "Succeeded"
        return run, commit, digest

    def reasons() -> list[tuple[str, str]]:
        found = rollback.candidates(aws, project, "test", deployed.last_run(aws, project, "test"))
        return [(one.execution, one.why_not) for one in found]

    first, commit, digest = deploy("one")
    second, _, _ = deploy("two")
    found = rollback.candidates(aws, project, "test", deployed.last_run(aws, project, "test"))
    assert [(one.execution, one.why_not) for one in found] == [(second, "is what runs now"), (first, "")]
    target = rollback.chosen(found, "")
    assert target
    assert (target.commit, target.digest, target.message) == (commit, digest, "one")
    back = rollback.start(aws, project, "test", target)
    assert engine.ended(back)["status"] == "Succeeded"
    assert deployed.last_run(aws, project, "test") == deployed.Run(execution=first, commit=commit)
    assert reasons() == [(back, "is itself a rollback"), (second, ""), (first, "is what runs now")]
    third, _, _ = deploy("three")
    engine.client("ecr").batch_delete_image(repositoryName="demo/proxy", imageIds=[{"imageTag": "one"}])
    assert dict(reasons())[first] == f"its image {digest[:19]} is not in the registry any more"
    bucket = engine.client("s3").list_objects_v2(Bucket="artifacts")["Contents"]
    engine.client("s3").delete_object(Bucket="artifacts", Key=next(one["Key"] for one in bucket if second in one["Key"]))
    assert dict(reasons())[second] == "its source is not in the artifact bucket any more"
    declaration = client.get_pipeline(name="demo")["pipeline"]
    client.update_pipeline(pipeline=declaration)
    assert [why for run, why in reasons() if run != third] == [
        "is itself a rollback",
        *["ran in version 1 of the pipeline's structure, which is now 2"] * 2,
    ]
    with pytest.raises(PipelineError, match=f"kotei rollback test --to {commit} --commit"):
        rollback.start(aws, project, "test", target)
