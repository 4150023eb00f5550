"""Whether a prepared plan may be deployed now. The last word before CloudFormation is called."""

from __future__ import annotations

from pipeline import approval, executions
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from pipeline.plan import Parts, moved
from pipeline.plan_effects import uncovered
from pipeline.prepare import Prepared
from pipeline.stages import deploy_stage
from stacks.project import Project, environment_file

# What a sentence about a refusal can hold; the plan has them all.
NAMED = 5
COVERED, FREE = "all that it does was approved", "it needs nobody's approval"


class BlockedError(PipelineError):
    """The plan would lose an address, or AWS would refuse it."""

    exit_code = 5


def refuse_if_blocked(prepared: Prepared) -> None:
    blocked = [finding for owner in prepared.review.owners for finding in owner.findings if finding.verdict == "blocked"]
    if blocked:
        mend = f". The safe way: {blocked[0].mend}" if blocked[0].mend else ""
        raise BlockedError(f"{prepared.owner}: this plan cannot be deployed: {blocked[0].text} [{blocked[0].rule}]{mend}")


def pass_or_refuse(
    prepared: Prepared, project: Project, aws: Aws, *, expected: str, execution: str | None, planned: Parts | None = None
) -> str:
    """Returns what has moved since the plan, and why it may be deployed all the same; empty when nothing has.

    `expected` is the fingerprint that was planned, `execution` the pipeline's run, where there is one. `planned` is what the
    fingerprint was of and what that plan does, where that is still known.
    """
    owner = prepared.owner
    run = {} if execution is None else executions.execution(aws, project, execution)
    if run.get("executionType") == "ROLLBACK":
        # It returns to what was approved and ran before; its plan was made against a state that is gone by now.
        if run.get("trigger", {}).get("triggerType") == "AutomatedRollback" and _stopped_by_the_gate(aws, project, owner, str(execution)):
            raise PipelineError(f"{owner}: the gate stopped the deployment before it changed anything, so there is nothing to roll back")
        return ""
    if prepared.frozen:
        raise PipelineError(
            f"{prepared.frozen}. Whatever was approved: after that release the change again: kotei release; to deploy before, take "
            f"the freeze out of {environment_file(owner)}, commit and push"
        )
    needed = prepared.facts.needs_approval
    moved_on = _what_moved(prepared, planned) if prepared.facts.fingerprint != expected else ""
    # A plan that needs nobody's approval binds nobody: the run before this one may have deployed after this one had planned.
    if moved_on and needed and (more := list(uncovered(planned or {}, prepared.parts, expected=expected))):
        raise PipelineError(
            f"{owner}: what would be deployed is not what was planned: {moved_on} (planned {expected[:12]}, now "
            f"{prepared.facts.fingerprint[:12]}). Not approved: {_few(more, '; ')}. Look at the new plan, and let the pipeline make it: "
            f"push, or release the change again: kotei release"
        )
    if execution and needed and not approval.approved_in(aws, project, owner, execution):
        raise PipelineError(f"{owner}: this plan needs an approval and nobody gave one in run {execution}; see: kotei status")
    if not moved_on:
        return ""
    return f"{moved_on}; this is the plan anew, and {COVERED if needed else FREE}"


def _what_moved(prepared: Prepared, planned: Parts | None) -> str:
    named = list(moved(planned, prepared.parts)) if planned else []
    if not named:
        return "the rendered files, the image or the live stacks have changed since"
    return f"{_few(named, ', ')} since"


def _few(named: list[str], between: str) -> str:
    return between.join(named[:NAMED]) + (f" and {len(named) - NAMED} more" if len(named) > NAMED else "")


def _stopped_by_the_gate(aws: Aws, project: Project, owner: str, rollback: str) -> bool:
    """Whether the run before this rollback ended at its gate. Rolling back then would undo what somebody else did meanwhile."""
    stage = deploy_stage(owner)
    before = [
        action for action in executions.actions(aws, project) if action["stageName"] == stage and action["pipelineExecutionId"] != rollback
    ]
    # Newest first, so the first one tells which run it was.
    return {action["actionName"] for action in before if action["pipelineExecutionId"] == before[0]["pipelineExecutionId"]} == {"Gate"}
