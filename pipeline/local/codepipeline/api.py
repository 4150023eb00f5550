"""CodePipeline's operations."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pipeline.local.codepipeline import control, history, records, structure
from pipeline.local.codepipeline.state import pipeline_state
from pipeline.local.protocol import AwsError, Call, Operation

if TYPE_CHECKING:
    from pipeline.local.world import World


def create(world: World, call: Call) -> dict[str, Any]:
    declaration = {**call.params["pipeline"], "version": 1}
    structure.check(declaration, world.region, partial(_located, world))
    name = declaration["name"]
    tags = call.params.get("tags", [])
    with world.changed:
        if world.store.get(records.PIPELINE, name):
            raise AwsError("PipelineNameInUseException", f"A pipeline with the name '{name}' already exists")
        document = {
            "declaration": declaration,
            "arn": f"arn:aws:codepipeline:{call.region}:{call.account}:{name}",
            "created": records.now(world),
            "updated": records.now(world),
            "tags": tags,
            "transitions": {},
        }
        _save(world, document)
    # CodePipeline starts a new pipeline by itself; here the first push does, so that no run fails on a remote that is still empty.
    return {"pipeline": declaration, "tags": tags}


def _located(world: World, bucket: str) -> str | None:
    try:
        found = world.client("s3").get_bucket_location(Bucket=bucket)["LocationConstraint"]
    except ClientError:
        return None
    # S3 says nothing of its oldest region.
    return found or "us-east-1"


def _save(world: World, document: records.Document) -> None:
    declaration = document["declaration"]
    records.put(world, records.PIPELINE, declaration["name"], document)
    records.put(world, records.STRUCTURE, f"{declaration['name']}@{declaration['version']}", {"declaration": declaration})


def update(world: World, call: Call) -> dict[str, Any]:
    with world.changed:
        document = records.pipeline(world, call.params["pipeline"]["name"])
        declaration = {**call.params["pipeline"], "version": document["declaration"]["version"] + 1}
        structure.check(declaration, world.region, partial(_located, world))
        document.update(declaration=declaration, updated=records.now(world))
        _save(world, document)
    return {"pipeline": declaration}


def delete(world: World, call: Call) -> dict[str, Any]:
    with world.changed:
        for execution in records.executions(world, call.params["name"]):
            if execution["status"] in records.RUNNING:
                raise AwsError("ConflictException", f"pipeline {call.params['name']} is running execution {execution['id']}")
        world.store.delete(records.PIPELINE, call.params["name"])
        world.changed.notify_all()
    return {}


def get(world: World, call: Call) -> dict[str, Any]:
    document = records.pipeline(world, call.params["name"])
    declaration = document["declaration"]
    version = call.params.get("version")
    if version and version != declaration["version"]:
        earlier = world.store.get(records.STRUCTURE, f"{declaration['name']}@{version}")
        if earlier is None:
            raise AwsError("PipelineVersionNotFoundException", f"pipeline {declaration['name']} has no version {version}")
        declaration = earlier["declaration"]
    return {
        "pipeline": declaration,
        "metadata": {"pipelineArn": document["arn"], "created": document["created"], "updated": document["updated"]},
    }


def listed(world: World, call: Call) -> dict[str, Any]:  # noqa: ARG001 - every operation takes the call
    return {
        "pipelines": [
            {
                "name": document["declaration"]["name"],
                "version": document["declaration"]["version"],
                "pipelineType": document["declaration"].get("pipelineType", "V1"),
                "executionMode": document["declaration"].get("executionMode", "SUPERSEDED"),
                "created": document["created"],
                "updated": document["updated"],
            }
            for document in world.store.all(records.PIPELINE)
        ]
    }


def state(world: World, call: Call) -> dict[str, Any]:
    return pipeline_state(world, records.pipeline(world, call.params["name"]))


def enable_transition(world: World, call: Call) -> dict[str, Any]:
    return _transition(world, call, {"enabled": True})


def disable_transition(world: World, call: Call) -> dict[str, Any]:
    return _transition(world, call, {"enabled": False, "disabledReason": call.params["reason"]})


def _transition(world: World, call: Call, transition: dict[str, Any]) -> dict[str, Any]:
    if call.params["transitionType"] != "Inbound":
        raise AwsError("ValidationException", "the local engine knows Inbound transitions only")
    records.stage_declaration(records.pipeline(world, call.params["pipelineName"])["declaration"], call.params["stageName"])
    with records.changing(world, records.PIPELINE, call.params["pipelineName"]) as document:
        changed = {"lastChangedBy": f"arn:aws:iam::{call.account}:root", "lastChangedAt": records.now(world)}
        document["transitions"][call.params["stageName"]] = transition | changed
    return {}


def _by_arn(world: World, arn: str) -> records.Document:
    for document in world.store.all(records.PIPELINE):
        if document["arn"] == arn:
            return document
    raise AwsError("ResourceNotFoundException", f"no pipeline has the ARN {arn}")


def tags(world: World, call: Call) -> dict[str, Any]:
    return {"tags": _by_arn(world, call.params["resourceArn"])["tags"]}


def tag(world: World, call: Call) -> dict[str, Any]:
    document = _by_arn(world, call.params["resourceArn"])
    new = {pair["key"]: pair for pair in [*document["tags"], *call.params["tags"]]}
    _save(world, document | {"tags": list(new.values())})
    return {}


def untag(world: World, call: Call) -> dict[str, Any]:
    document = _by_arn(world, call.params["resourceArn"])
    _save(world, document | {"tags": [pair for pair in document["tags"] if pair["key"] not in call.params["tagKeys"]]})
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreatePipeline": create,
    "UpdatePipeline": update,
    "DeletePipeline": delete,
    "GetPipeline": get,
    "ListPipelines": listed,
    "GetPipelineState": state,
    "EnableStageTransition": enable_transition,
    "DisableStageTransition": disable_transition,
    "ListTagsForResource": tags,
    "TagResource": tag,
    "UntagResource": untag,
    "StartPipelineExecution": control.start,
    "StopPipelineExecution": control.stop,
    "RetryStageExecution": control.retry_stage,
    "RollbackStage": control.rollback_stage,
    "PutApprovalResult": control.approve,
    "GetPipelineExecution": history.execution,
    "ListPipelineExecutions": history.executions,
    "ListActionExecutions": history.actions,
    "ListRuleExecutions": history.rules,
}
