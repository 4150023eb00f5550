"""A small pipeline written by hand: Source and Image, and the stages that a test adds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.local import connections

BUILDSPEC = """
version: 0.2
env:
  exported-variables: [DIGEST]
phases:
  build:
    commands:
      - export DIGEST="sha256:$(cat name.txt)"
      - test "$(cat name.txt)" != broken
artifacts:
  files: [name.txt]
"""


def action(name: str, category: str, provider: str, configuration: dict[str, str], **more: Any) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, "configuration": configuration, **more}


def build(name: str, **more: Any) -> dict[str, Any]:
    more = {"inputArtifacts": [{"name": "Source"}], **more}
    return action(name, "Build", "CodeBuild", {"ProjectName": "image"} | more.pop("configuration", {}), **more)


def approval(**more: Any) -> dict[str, Any]:
    return action("Approve", "Approval", "Manual", {"CustomData": "digest #{Image.DIGEST}"}, **more)


def rule(provider: str, configuration: dict[str, str]) -> dict[str, Any]:
    kind = {"category": "Rule", "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": "Rule", "ruleTypeId": kind, "configuration": configuration}


def surroundings(engine: Any) -> str:
    """Where its artifacts are, and the build `image`; the answer is the ARN of its connection, which nobody has confirmed yet."""
    engine.client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": engine.world.region})
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
    arn: str = engine.client("codeconnections").create_connection(ConnectionName="demo", ProviderType="GitHub")["ConnectionArn"]
    return arn


def source(connection: str, **more: Any) -> dict[str, Any]:
    wanted = {"ConnectionArn": connection, "FullRepositoryId": "me/demo", "BranchName": "main"}
    return action("Source", "Source", "CodeStarSourceConnection", wanted, outputArtifacts=[{"name": "Source"}], **more)


def stage(name: str, *actions: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "actions": list(actions)}


def declaration(*stages: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "demo",
        "roleArn": "arn:aws:iam::111122223333:role/pipeline",
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "pipelineType": "V2",
        "executionMode": "QUEUED",
        "stages": list(stages),
    }


def prepared(engine: Any, checkout: Any) -> Callable[..., Any]:
    """Everything but the pipeline, which the answer creates with further stages; it returns the client."""
    client, arn = engine.client("codepipeline"), surroundings(engine)
    checkout.commit({"name.txt": "one", "buildspec/image.yml": BUILDSPEC})

    def create(*stages: dict[str, Any], available: bool = True) -> Any:
        if available:
            connections.complete(engine.world, arn)
        image = build("Image", namespace="Image", outputArtifacts=[{"name": "Built"}])
        client.create_pipeline(pipeline=declaration(stage("Source", source(arn, namespace="Source")), stage("Image", image), *stages))
        return client

    return create


def start(client: Any) -> str:
    execution: str = client.start_pipeline_execution(name="demo")["pipelineExecutionId"]
    return execution
