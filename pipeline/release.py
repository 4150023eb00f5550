"""The last commit of the branch through the pipeline once more, without a push: when a plan went stale, or the commit was not at fault."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pipeline import approval, executions
from pipeline.approval import Waiting
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from stacks.project import Project

POLL_SECONDS = 3
MOVING = ("InProgress", "Stopping")


def start(aws: Aws, project: Project) -> str:
    """The id of the new run."""
    return str(aws.call("codepipeline", "start_pipeline_execution", name=project.pipeline.project)["pipelineExecutionId"])


def follow(aws: Aws, project: Project, execution: str) -> Iterator[str]:
    """A line for each action that has ended, until the run has or asks a person. Raises PipelineError when it did not succeed."""
    told: set[str] = set()
    while True:
        # Asked for first: what has ended by now is in the list of actions that comes after.
        run = executions.execution(aws, project, execution)
        status, why = run["status"], run.get("statusSummary", "")
        for key, line in _ended(aws, project, execution):
            if key not in told:
                told.add(key)
                yield line
        if status not in MOVING:
            break
        if asked := [_asked(one, execution) for one in approval.waiting(aws, project) if execution in (one.execution, *one.behind)]:
            yield from asked
            return
        time.sleep(POLL_SECONDS)
    if status != "Succeeded":
        raise PipelineError(f"run {execution} {status.lower()}{f': {why}' if why else ''}; see: kotei status")


def _asked(one: Waiting, execution: str) -> str:
    if one.execution == execution:
        return f"{one.stage} waits for a person: kotei approve {one.owner}"
    return f"{one.stage} still waits for a person because of run {one.execution}: kotei approve {one.owner}, or kotei reject {one.owner}"


def _ended(aws: Aws, project: Project, execution: str) -> list[tuple[str, str]]:
    """Oldest first."""
    return [
        (one["actionExecutionId"], f"{one['stageName']} ▸ {one['actionName']} … {one['status'].lower()}")
        for one in reversed(list(executions.actions(aws, project, execution)))
        if one["status"] != "InProgress"
    ]
