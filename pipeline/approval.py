"""A person's decision in the pipeline: what waits, saying yes or no to it, whether somebody said yes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pipeline import executions
from pipeline.aws import Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.stages import SHARED, deploy_stage, prefix
from stacks.project import Project

REASON_LIMIT = 512  # API: ApprovalSummary


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An approval that somebody must give. `text` is the summary of the plan that would run, `since` when it began to wait.

    `behind` are the runs that stand still until then.
    """

    owner: str
    stage: str
    action: str
    token: str
    execution: str
    text: str
    since: str = ""
    behind: tuple[str, ...] = ()


def stage_of(owner: str) -> str:
    return f"{prefix(owner)}-Approve"


def owner_of(stage: str, project: Project) -> str:
    owners = [SHARED, *project.pipeline.environments]
    return next((owner for owner in owners if stage_of(owner) == stage), stage)


def waiting(aws: Aws, project: Project) -> list[Waiting]:
    state = aws.call("codepipeline", "get_pipeline_state", name=project.pipeline.project)
    found = []
    for stage in state["stageStates"]:
        execution = stage.get("latestExecution", {}).get("pipelineExecutionId", "")
        for action in stage.get("actionStates", []):
            latest = action.get("latestExecution", {})
            if latest.get("status") == "InProgress" and "token" in latest:
                text = _text(aws, project, execution, stage["stageName"])
                since = latest.get("lastStatusChange")
                found.append(
                    Waiting(
                        owner=owner_of(stage["stageName"], project),
                        stage=stage["stageName"],
                        action=action["actionName"],
                        token=latest["token"],
                        execution=execution,
                        text=text,
                        since=since.isoformat(timespec="seconds") if since else "",
                        behind=inbound(stage),
                    )
                )
    return found


def inbound(stage: Mapping[str, Any]) -> tuple[str, ...]:
    """The runs that wait to enter a stage."""
    return tuple(one["pipelineExecutionId"] for one in stage.get("inboundExecutions", []))


def decide(aws: Aws, project: Project, owner: str, decision: Literal["Approved", "Rejected"], reason: str) -> Waiting:
    """Returns what was decided about."""
    if len(reason) > REASON_LIMIT:
        raise PipelineError(f"the reason has {len(reason)} characters and AWS keeps {REASON_LIMIT}; shorten --reason")
    all_waiting = waiting(aws, project)
    mine = [one for one in all_waiting if one.owner == owner]
    if not mine:
        others = ", ".join(one.owner for one in all_waiting)
        also = f" (waiting now: {others})" if others else ""
        raise PipelineError(f"{owner}: no approval is waiting{also}; see: kotei status")
    try:
        aws.call(
            "codepipeline",
            "put_approval_result",
            pipelineName=project.pipeline.project,
            stageName=mine[0].stage,
            actionName=mine[0].action,
            token=mine[0].token,
            result={"summary": reason, "status": decision},
        )
    except RefusedError as refused:
        if refused.code in ("ApprovalAlreadyCompletedException", "InvalidApprovalTokenException"):
            raise PipelineError(f"{owner}: somebody else decided in the meantime; see: kotei status") from refused
        raise
    return mine[0]


def overtaken(aws: Aws, project: Project, waiting: Waiting) -> str:
    """The run that began to deploy to the same owner after this one had planned; empty where there is none."""
    actions = list(executions.actions(aws, project))
    plan, deploy = f"{prefix(waiting.owner)}-Plan", deploy_stage(waiting.owner)
    planned = [one["startTime"] for one in actions if (one["stageName"], one["pipelineExecutionId"]) == (plan, waiting.execution)]
    later = [one for one in actions if planned and one["stageName"] == deploy and one["startTime"] > max(planned)]
    return next((str(one["pipelineExecutionId"]) for one in later if one["actionName"] != "Gate"), "")


def approved_in(aws: Aws, project: Project, owner: str, execution: str) -> bool:
    """A skipped stage leaves no action execution, so only a person's yes counts."""
    actions = executions.actions(aws, project, execution)
    return any(action["stageName"] == stage_of(owner) and action["status"] == "Succeeded" for action in actions)


def _text(aws: Aws, project: Project, execution: str, stage: str) -> str:
    for action in executions.actions(aws, project, execution):
        if action["stageName"] == stage:
            settings = action.get("input", {})
            return str(settings.get("resolvedConfiguration", settings.get("configuration", {})).get("CustomData", ""))
    return ""
