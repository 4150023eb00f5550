"""Operations that tell what happened: executions, their actions and their rules, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pipeline.local.codepipeline import records
from pipeline.local.protocol import AwsError, Call

if TYPE_CHECKING:
    from pipeline.local.world import World

PAGE = 100
OWN_FIELDS = frozenset({"pipeline", "rerun", "token", "decision", "externalExecutionId", "summary"})


def _page(call: Call, found: Sequence[dict[str, Any]], key: str) -> dict[str, Any]:
    token = call.params.get("nextToken", "0")
    if not token.isdigit():
        raise AwsError("InvalidNextTokenException", "the next token is not one that this service gave out")
    start = int(token)
    end = start + min(call.params.get("maxResults", PAGE), PAGE)
    return {key: list(found[start:end])} | ({"nextToken": str(end)} if end < len(found) else {})


def _kind(document: records.Document) -> dict[str, Any]:
    kind = {
        "status": document["status"],
        "statusSummary": document.get("statusSummary", ""),
        "trigger": document["trigger"],
        "executionMode": document["mode"],
        "executionType": document["type"],
    }
    if "rollbackTarget" in document:
        kind["rollbackMetadata"] = {"rollbackTargetPipelineExecutionId": document["rollbackTarget"]}
    return kind


def execution(world: World, call: Call) -> dict[str, Any]:
    document = records.execution(world, call.params["pipelineName"], call.params["pipelineExecutionId"])
    revisions = [
        {"name": source["artifact"], **{key: source[key] for key in ("revisionId", "revisionSummary", "revisionUrl")}}
        for source in document["sources"].values()
    ]
    shown = {
        "pipelineName": document["pipeline"],
        "pipelineVersion": document["version"],
        "pipelineExecutionId": document["id"],
        "artifactRevisions": revisions,
        "variables": [{"name": name, "resolvedValue": value} for name, value in document["variables"].items()],
        **_kind(document),
    }
    return {"pipelineExecution": shown}


def executions(world: World, call: Call) -> dict[str, Any]:
    records.pipeline(world, call.params["pipelineName"])
    stage = call.params.get("filter", {}).get("succeededInStage", {}).get("stageName")
    found = [
        _summary(document)
        for document in reversed(records.executions(world, call.params["pipelineName"]))
        if stage is None or document["stages"].get(stage, {}).get("status") == "Succeeded"
    ]
    return _page(call, found, "pipelineExecutionSummaries")


def _summary(document: records.Document) -> dict[str, Any]:
    revisions = [
        {"actionName": action, **{key: source[key] for key in ("revisionId", "revisionSummary", "revisionUrl")}}
        for action, source in document["sources"].items()
    ]
    stop = {"stopTrigger": {"reason": document["stop"]["reason"]}} if "stop" in document else {}
    return {
        "pipelineExecutionId": document["id"],
        "startTime": document["start"],
        "lastUpdateTime": document["updated"],
        "sourceRevisions": revisions,
        **_kind(document),
        **stop,
    }


def _details(world: World, call: Call, kind: str) -> list[dict[str, Any]]:
    records.pipeline(world, call.params["pipelineName"])
    wanted = call.params.get("filter", {})
    only = wanted.get("pipelineExecutionId") or wanted.get("latestInPipelineExecution", {}).get("pipelineExecutionId")
    found = world.store.where(kind, "pipelineExecutionId", only) if only else world.store.all(kind)
    return [
        {key: value for key, value in document.items() if key not in OWN_FIELDS}
        for document in reversed(found)
        if document["pipeline"] == call.params["pipelineName"]
    ]


def actions(world: World, call: Call) -> dict[str, Any]:
    found = _details(world, call, records.ACTION)
    for shown in found:
        document = world.store.get(records.ACTION, shown["actionExecutionId"]) or {}
        if shown["status"] == "InProgress":
            external = document.get("externalExecutionId") or document.get("token", "")
            shown["output"] = {"executionResult": {"externalExecutionId": external}}
    return _page(call, found, "actionExecutionDetails")


def rules(world: World, call: Call) -> dict[str, Any]:
    return _page(call, _details(world, call, records.RULE), "ruleExecutionDetails")
