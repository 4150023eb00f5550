"""Stage rollback: one stage again, with the artifacts and variables of an earlier execution that passed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.local.codepipeline import records
from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from pipeline.local.world import World


def refusal(pipeline: Mapping[str, Any], stage: str, target: records.Document) -> AwsError | None:
    """Why the stage cannot be rolled back to this execution."""
    if stage == pipeline["stages"][0]["name"]:
        return AwsError("UnableToRollbackStageException", f"stage {stage} is the source stage, which cannot be rolled back")
    if target["version"] != pipeline["version"]:
        return AwsError(
            "PipelineExecutionOutdatedException",
            f"execution {target['id']} ran in version {target['version']} of the pipeline's structure, which is now {pipeline['version']}",
        )
    if target["type"] == "ROLLBACK":
        return AwsError("UnableToRollbackStageException", f"execution {target['id']} is itself a rollback")
    if target["stages"].get(stage, {}).get("status") != "Succeeded":
        return AwsError("UnableToRollbackStageException", f"execution {target['id']} did not succeed in stage {stage}")
    return None


def start(world: World, stage: str, target: records.Document, trigger: records.Document) -> records.Document:
    document: records.Document = {
        **{key: target[key] for key in ("pipeline", "version", "mode", "variables", "revisions", "sources", "artifacts", "namespaces")},
        "id": records.new_id(),
        "status": "InProgress",
        "type": "ROLLBACK",
        "start": records.now(world),
        "updated": records.now(world),
        "trigger": trigger,
        "onlyStage": stage,
        "rollbackTarget": target["id"],
        "stages": {},
    }
    records.put(world, records.EXECUTION, document["id"], document)
    return document


def automatic(world: World, pipeline: Mapping[str, Any], stage: str, failed: records.Document) -> None:
    """To the latest execution that passed the stage in this structure version. Without one the failure stands as it is, as in AWS."""
    if failed["type"] == "ROLLBACK":
        return
    for target in reversed(records.executions(world, pipeline["name"])):
        if target["id"] != failed["id"] and refusal(pipeline, stage, target) is None:
            start(world, stage, target, {"triggerType": "AutomatedRollback", "triggerDetail": failed["id"]})
            return
