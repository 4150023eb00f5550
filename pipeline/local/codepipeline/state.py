"""GetPipelineState: every stage with what happened in it last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.local.codepipeline import records

if TYPE_CHECKING:
    from pipeline.local.world import World

KINDS = {"beforeEntry": "beforeEntryConditionState", "onSuccess": "onSuccessConditionState", "onFailure": "onFailureConditionState"}


def pipeline_state(world: World, pipeline: records.Document) -> dict[str, Any]:
    declaration = pipeline["declaration"]
    executions = records.executions(world, declaration["name"])
    order = [stage["name"] for stage in declaration["stages"]]
    return {
        "pipelineName": declaration["name"],
        "pipelineVersion": declaration["version"],
        "created": pipeline["created"],
        "updated": pipeline["updated"],
        "stageStates": [_stage(world, pipeline, stage, executions, order) for stage in declaration["stages"]],
    }


def _stage(
    world: World, pipeline: records.Document, stage: Mapping[str, Any], executions: list[records.Document], order: list[str]
) -> dict[str, Any]:
    name = stage["name"]
    transition = pipeline["transitions"].get(name, {"enabled": True})
    inbound = [_execution(execution, "InProgress") for execution in executions if _waits_for(execution, name, order)]
    state: dict[str, Any] = {"stageName": name, "inboundTransitionState": transition, "inboundExecutions": inbound}
    if inbound:
        state["inboundExecution"] = inbound[-1]
    been = [execution for execution in executions if execution["stages"].get(name, {}).get("status")]
    latest = max(been, key=lambda execution: str(execution["stages"][name].get("updated", "")), default=None)
    states = latest["stages"][name]["actions"] if latest else {}
    state["actionStates"] = [_action(world, action, states.get(action["name"])) for action in stage["actions"]]
    if latest:
        record = latest["stages"][name]
        state["latestExecution"] = _execution(latest, record["status"])
        state |= {KINDS[kind]: _conditions(listed) for kind, listed in record.get("conditions", {}).items()}
        if "retry" in record:
            retry = record["retry"]
            state["retryStageMetadata"] = {
                "autoStageRetryAttempt": retry["auto"],
                "manualStageRetryAttempt": retry["manual"],
                "latestRetryTrigger": retry["latest"],
            }
    return state


def _execution(execution: records.Document, status: str) -> dict[str, Any]:
    return {"pipelineExecutionId": execution["id"], "status": status, "type": execution["type"]}


def _waits_for(execution: records.Document, stage: str, order: list[str]) -> bool:
    if execution["status"] not in records.RUNNING or execution["stages"].get(stage, {}).get("status"):
        return False
    if execution.get("onlyStage"):
        return bool(execution["onlyStage"] == stage)
    before = order[: order.index(stage)]
    return all(execution["stages"].get(name, {}).get("status") in records.PASSED for name in before)


def _action(world: World, declaration: Mapping[str, Any], mark: Mapping[str, Any] | None) -> dict[str, Any]:
    state: dict[str, Any] = {"actionName": declaration["name"]}
    document = world.store.get(records.ACTION, mark["id"]) if mark else None
    if document is None:
        return state
    result = document.get("output", {}).get("executionResult", {})
    latest: dict[str, Any] = {
        "actionExecutionId": document["actionExecutionId"],
        "status": document["status"],
        "lastStatusChange": document["lastUpdateTime"],
        "summary": result.get("externalExecutionSummary") or document.get("summary", ""),
        "externalExecutionId": result.get("externalExecutionId") or document.get("externalExecutionId", ""),
    }
    if "errorDetails" in result:
        latest["errorDetails"] = result["errorDetails"]
    if document.get("token") and document["status"] == "InProgress":
        latest["token"] = document["token"]
    if "decision" in document:
        latest["lastUpdatedBy"] = document["decision"]["by"]
    state["latestExecution"] = latest
    if declaration["actionTypeId"]["category"] == "Source" and latest["externalExecutionId"]:
        state["currentRevision"] = {"revisionId": latest["externalExecutionId"]}
    return state


def _conditions(listed: list[Mapping[str, Any]]) -> dict[str, Any]:
    states = [
        {
            "latestExecution": {"status": condition["status"], "lastStatusChange": condition["lastStatusChange"]},
            "ruleStates": list(condition["rules"]),
        }
        for condition in listed
    ]
    worst = next((condition["status"] for condition in listed if condition["status"] != "Succeeded"), "Succeeded")
    return {"latestExecution": {"status": worst}, "conditionStates": states}
