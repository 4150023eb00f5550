"""Whether a prepared plan may be deployed now. The last word before CloudFormation is called."""

from __future__ import annotations

from pipeline import approval
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from pipeline.prepare import Prepared
from stacks.project import Project


def refuse_if_blocked(prepared: Prepared) -> None:
    plan = prepared.plan
    if plan.verdict == "blocked":
        raise PipelineError(f"{plan.owner}: this plan cannot be deployed: {plan.reasons[0]}")


def pass_or_refuse(prepared: Prepared, project: Project, aws: Aws, *, expected: str, execution: str | None) -> None:
    """`expected` is the fingerprint that was approved, `execution` the pipeline's run, where there is one."""
    owner = prepared.plan.owner
    if execution and approval.is_rollback(aws, project, execution):
        # It returns to what was approved and ran before; its plan was made against a state that is gone by now.
        return
    if prepared.fingerprint != expected:
        raise PipelineError(
            f"{owner}: what would be deployed is not what was planned: the rendered files, the image or the live stacks have changed "
            f"since (planned {expected[:12]}, now {prepared.fingerprint[:12]}). Plan again: push, or run the pipeline again in the console"
        )
    if execution and prepared.needs_approval and not approval.approved_in(aws, project, owner, execution):
        raise PipelineError(f"{owner}: this plan needs an approval and nobody gave one in run {execution}; see: kotei status")
