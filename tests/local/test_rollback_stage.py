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


def action(name: str, category: str, provider: str, configuration: dict[str, str], **more: Any) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, "configuration": configuration, **more}


def build(name: str, **more: Any) -> dict[str, Any]:
    return action(name, "Build", "CodeBuild", {"ProjectName": "image"}, inputArtifacts=[{"name": "Source"}], **more)


@pytest.fixture
def project() -> Project:
    config = {"project": "demo", "account": "111122223333", "region": "ap-northeast-1", "environments": ["test"]}
    pipeline = PipelineConfig.model_validate({**config, "repository": {"name": "example-org/demo"}})
    return Project.model_construct(pipeline=pipeline, environments=())


@pytest.fixture
def client(engine: Any) -> Any:
    """The pipeline: a source, an image, and a stage that deploys."""
    made = engine.client("codepipeline")
    engine.client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": engine.world.region})
    engine.client("ecr").create_repository(repositoryName="demo/proxy")
    arn = engine.client("codeconnections").create_connection(ConnectionName="demo", ProviderType="GitHub")["ConnectionArn"]
    connections.complete(engine.world, arn)
    engine.client("codebuild").create_project(
        name="image",
        source={"type": "CODEPIPELINE", "buildspec": "buildspec/image.yml"},
        artifacts={"type": "CODEPIPELINE"},
        environment={
            "type": "ARM_CONTAINER",
            "image": "aws/codebuild/amazonlinux-aarch64-standard:3.0",
            "computeType": "BUILD_GENERAL1_SMALL",
        },
        serviceRole="arn:aws:iam::111122223333:role/build",
    )
    wanted = {"ConnectionArn": arn, "FullRepositoryId": "me/demo", "BranchName": "main"}
    source = action("Source", "Source", "CodeStarSourceConnection", wanted, outputArtifacts=[{"name": "Source"}])
    stages = {"Source": source, "Image": build("Image", namespace="Image"), deploy_stage("test"): build("service")}
    made.create_pipeline(
        pipeline={
            "name": "demo",
            "roleArn": "arn:aws:iam::111122223333:role/pipeline",
            "artifactStore": {"type": "S3", "location": "artifacts"},
            "pipelineType": "V2",
            "executionMode": "QUEUED",
            "stages": [{"name": name, "actions": [one]} for name, one in stages.items()],
        }
    )
    return made


def test_an_earlier_run_is_rolled_back_to_until_something_of_it_is_gone(engine: Any, checkout: Any, client: Any, project: Project) -> None:
    aws = Aws(target=Target(endpoint=engine.world.endpoint, why="test"), account=engine.world.account, region=engine.world.region)

    def deploy(tag: str) -> tuple[str, str, str]:
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": {"digest": tag}, "layers": []})
        image = engine.client("ecr").put_image(repositoryName="demo/proxy", imageManifest=manifest, imageTag=tag)
        digest = image["image"]["imageId"]["imageDigest"]
        commit = checkout.commit({"digest.txt": digest, "buildspec/image.yml": BUILDSPEC}, message=tag)
        run = client.start_pipeline_execution(name="demo")["pipelineExecutionId"]
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
