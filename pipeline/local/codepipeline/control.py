"""Operations that act on executions: start, stop, retry, roll back, approve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipeline.local.codepipeline import records, rollback
from pipeline.local.protocol import AwsError, Call

if TYPE_CHECKING:
    from pipeline.local.world import World


def start(world: World, call: Call) -> dict[str, Any]:
    params = call.params
    revisions = {}
    for revision in params.get("sourceRevisions", []):
        if revision["revisionType"] != "COMMIT_ID":
            raise AwsError(
                "ValidationException", f"revisionType {revision['revisionType']} is not supported by the local engine; COMMIT_ID is"
            )
        revisions[revision["actionName"]] = revision["revisionValue"]
    variables = {variable["name"]: variable["value"] for variable in params.get("variables", [])}
    trigger = {"triggerType": "StartPipelineExecution", "triggerDetail": f"arn:aws:iam::{call.account}:root"}
    document = records.start_execution(world, params["name"], trigger=trigger, variables=variables, revisions=revisions)
    return {"pipelineExecutionId": document["id"]}


def stop(world: World, call: Call) -> dict[str, Any]:
    params = call.params
    abandon = params.get("abandon", False)
    with world.changed:
        document = records.execution(world, params["pipelineName"], params["pipelineExecutionId"])
        if document["status"] not in records.RUNNING:
            raise AwsError("PipelineExecutionNotStoppableException", f"execution {document['id']} is {document['status']}")
        if "stop" in document and not (abandon and not document["stop"]["abandon"]):
            raise AwsError("DuplicatedStopRequestException", f"execution {document['id']} is already being stopped")
        document.update(stop={"abandon": abandon, "reason": params.get("reason", "")}, status="Stopping", updated=records.now(world))
        records.put(world, records.EXECUTION, document["id"], document)
    return {"pipelineExecutionId": document["id"]}


def retry_stage(world: World, call: Call) -> dict[str, Any]:
    params = call.params
    name, stage = params["pipelineName"], params["stageName"]
    with world.changed:
        declaration = records.pipeline(world, name)["declaration"]
        records.stage_declaration(declaration, stage)
        document = records.execution(world, name, params["pipelineExecutionId"])
        record = document["stages"].get(stage, {"status": ""})
        if document["status"] in records.RUNNING or record["status"] not in ("Failed", "Stopped"):
            raise AwsError(
                "StageNotRetryableException",
                f"stage {stage} of execution {document['id']} is {record['status'] or 'not reached'}, not Failed",
            )
        if document["version"] != declaration["version"]:
            raise AwsError(
                "StageNotRetryableException", f"the pipeline was updated since execution {document['id']}; start a new execution"
            )
        later = [other for other in records.executions(world, name) if _entered_later(other, document, stage)]
        if later:
            raise AwsError("NotLatestPipelineExecutionException", f"execution {later[-1]['id']} has been in stage {stage} since")
        retry = record.setdefault("retry", {"auto": 0, "manual": 0})
        retry.update(manual=retry["manual"] + 1, latest="ManualStageRetry")
        if params["retryMode"] == "ALL_ACTIONS":
            record["actions"] = {}
        record["status"] = "Retrying"
        document.pop("stop", None)
        document.update(status="InProgress", statusSummary="", updated=records.now(world))
        records.put(world, records.EXECUTION, document["id"], document)
    return {"pipelineExecutionId": document["id"]}


def _entered_later(other: records.Document, document: records.Document, stage: str) -> bool:
    theirs, ours = other["stages"].get(stage, {}).get("updated", ""), document["stages"][stage]["updated"]
    return bool(other["id"] != document["id"] and theirs > ours)


def rollback_stage(world: World, call: Call) -> dict[str, Any]:
    params = call.params
    with world.changed:
        declaration = records.pipeline(world, params["pipelineName"])["declaration"]
        records.stage_declaration(declaration, params["stageName"])
        target = records.execution(world, params["pipelineName"], params["targetPipelineExecutionId"])
        refusal = rollback.refusal(declaration, params["stageName"], target)
        if refusal:
            raise refusal
        trigger = {"triggerType": "ManualRollback", "triggerDetail": f"arn:aws:iam::{call.account}:root"}
        document = rollback.start(world, params["stageName"], target, trigger)
    return {"pipelineExecutionId": document["id"]}


def approve(world: World, call: Call) -> dict[str, Any]:
    params = call.params
    stage = records.stage_declaration(records.pipeline(world, params["pipelineName"])["declaration"], params["stageName"])
    if params["actionName"] not in [action["name"] for action in stage["actions"]]:
        raise AwsError("ActionNotFoundException", f"stage {params['stageName']} has no action {params['actionName']}")
    with world.changed:
        asked = next((document for document in world.store.all(records.ACTION) if document.get("token") == params["token"]), None)
        if asked is None or (asked["stageName"], asked["actionName"]) != (params["stageName"], params["actionName"]):
            raise AwsError("InvalidApprovalTokenException", "The approval token is not valid; it may belong to an earlier execution")
        if asked["status"] != "InProgress" or "decision" in asked:
            raise AwsError("ApprovalAlreadyCompletedException", "The approval action has already been approved or rejected")
        at = records.now(world)
        asked["decision"] = {**params["result"], "by": f"arn:aws:iam::{call.account}:root", "at": at}
        records.put(world, records.ACTION, asked["actionExecutionId"], asked)
    return {"approvedAt": at}
