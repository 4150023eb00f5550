"""What the pipeline remembers of its runs, in CodePipeline's own records."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.aws import Aws
from stacks.project import Project


def execution(aws: Aws, project: Project, identity: str) -> dict[str, Any]:
    answer = aws.call("codepipeline", "get_pipeline_execution", pipelineName=project.pipeline.project, pipelineExecutionId=identity)
    found: dict[str, Any] = answer["pipelineExecution"]
    return found


def actions(aws: Aws, project: Project, identity: str = "") -> Iterator[dict[str, Any]]:
    """Newest first; of one execution, or of all that AWS remembers (a year)."""
    one: dict[str, Any] = {"filter": {"pipelineExecutionId": identity}} if identity else {}
    return aws.pages("codepipeline", "list_action_executions", "actionExecutionDetails", pipelineName=project.pipeline.project, **one)
