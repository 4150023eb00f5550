"""Whether a prepared plan may be deployed now. The last word before CloudFormation is called."""

from __future__ import annotations

from typing import Any

from pipeline import approval
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from pipeline.prepare import Prepared
from pipeline.stages import prefix
from stacks.project import Project


def refuse_if_blocked(prepared: Prepared) -> None:
    plan = prepared.plan
    if plan.verdict == "blocked":
        raise PipelineError(f"{plan.owner}: this plan cannot be deployed: {plan.reasons[0]}")


def pass_or_refuse(prepared: Prepared, project: Project, aws: Aws, *, expected: str, execution: str | None) -> None:
    """`expected` is the fingerprint that was approved, `execution` the pipeline's run, where there is one."""
    owner = prepared.plan.owner
    run = {} if execution is None else _run(aws, project, execution)
    if run.get("executionType") == "ROLLBACK":
        # It returns to what was approved and ran before; its plan was made against a state that is gone by now.
        if run.get("trigger", {}).get("triggerType") == "AutomatedRollback" and _stopped_by_the_gate(aws, project, owner, str(execution)):
            raise PipelineError(f"{owner}: the gate stopped the deployment before it changed anything, so there is nothing to roll back")
        return
    if prepared.fingerprint != expected:
        raise PipelineError(
            f"{owner}: what would be deployed is not what was planned: the rendered files, the image or the live stacks have changed "
            f"since (planned {expected[:12]}, now {prepared.fingerprint[:12]}). Plan again: push, or run the pipeline again in the console"
        )
    if execution and prepared.needs_approval and not approval.approved_in(aws, project, owner, execution):
        raise PipelineError(f"{owner}: this plan needs an approval and nobody gave one in run {execution}; see: kotei status")


def _run(aws: Aws, project: Project, execution: str) -> dict[str, Any]:
    answer = aws.call("codepipeline", "get_pipeline_execution", pipelineName=project.pipeline.project, pipelineExecutionId=execution)
    run: dict[str, Any] = answer["pipelineExecution"]
    return run


def _stopped_by_the_gate(aws: Aws, project: Project, owner: str, rollback: str) -> bool:
    """Whether the run before this rollback ended at its gate. Rolling back then would undo what somebody else did meanwhile."""
    stage = f"{prefix(owner)}-Deploy"
    history = aws.pages("codepipeline", "list_action_executions", "actionExecutionDetails", pipelineName=project.pipeline.project)
    before = [action for action in history if action["stageName"] == stage and action["pipelineExecutionId"] != rollback]
    # Newest first, so the first one tells which run it was.
    return {action["actionName"] for action in before if action["pipelineExecutionId"] == before[0]["pipelineExecutionId"]} == {"Gate"}
