"""`kotei release`: a run started by hand, followed to its end or to its question."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline import release
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from stacks.project import PipelineConfig, Project

EXECUTION = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture
def project(monkeypatch: pytest.MonkeyPatch) -> Project:
    """Only the pipeline counts here, and nobody waits for the clock."""
    monkeypatch.setattr(release, "POLL_SECONDS", 0)
    config = {"project": "demo", "account": "111122223333", "region": "ap-northeast-1", "environments": ["test"]}
    pipeline = PipelineConfig.model_validate({**config, "repository": {"name": "example-org/demo"}})
    return Project.model_construct(pipeline=pipeline, environments=())


def action(name: str, status: str) -> dict[str, Any]:
    return {"actionExecutionId": name, "stageName": "Check", "actionName": name, "status": status}


def look(answers: Callable[..., None], status: str, *actions: dict[str, Any], why: str = "") -> None:
    """What one look at the run sees; actions newest first, as AWS lists them."""
    answers("codepipeline", "get_pipeline_execution", {"pipelineExecution": {"status": status, "statusSummary": why}})
    answers("codepipeline", "list_action_executions", {"actionExecutionDetails": list(actions)})


def test_each_action_is_told_once_when_it_has_ended(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "start_pipeline_execution", {"pipelineExecutionId": EXECUTION}, {"name": "demo"})
    look(answers, "InProgress", action("second", "InProgress"), action("first", "Succeeded"))
    answers("codepipeline", "get_pipeline_state", {"stageStates": []})
    look(answers, "Succeeded", action("second", "Succeeded"), action("first", "Succeeded"))
    execution = release.start(aws, project)
    assert list(release.follow(aws, project, execution)) == ["Check ▸ first … succeeded", "Check ▸ second … succeeded"]


def test_what_fails_is_the_commands_error(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    look(answers, "Failed", action("first", "Failed"), why="stage Check failed")
    told = release.follow(aws, project, EXECUTION)
    assert next(told) == "Check ▸ first … failed"
    with pytest.raises(PipelineError, match=f"run {EXECUTION} failed: stage Check failed; see: kotei status"):
        next(told)


def test_a_question_ends_it(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    look(answers, "InProgress")
    asked = {"actionName": "Approve", "latestExecution": {"status": "InProgress", "token": "11111111-2222-3333-4444-555555555555"}}
    stage = {
        "stageName": "Test-Approve",
        "actionStates": [asked],
        "latestExecution": {"pipelineExecutionId": EXECUTION, "status": "InProgress"},
    }
    answers("codepipeline", "get_pipeline_state", {"stageStates": [stage]})
    answers("codepipeline", "list_action_executions", {"actionExecutionDetails": []})
    assert list(release.follow(aws, project, EXECUTION)) == ["Test-Approve waits for a person: kotei approve test"]


def test_the_question_of_a_run_before_ends_it_too(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    before = "aaaaaaaa-89ab-cdef-0123-456789abcdef"
    look(answers, "InProgress")
    asked = {"actionName": "Approve", "latestExecution": {"status": "InProgress", "token": "11111111-2222-3333-4444-555555555555"}}
    stage = {
        "stageName": "Test-Approve",
        "actionStates": [asked],
        "latestExecution": {"pipelineExecutionId": before, "status": "InProgress"},
        "inboundExecutions": [{"pipelineExecutionId": EXECUTION, "status": "InProgress"}],
    }
    answers("codepipeline", "get_pipeline_state", {"stageStates": [stage]})
    answers("codepipeline", "list_action_executions", {"actionExecutionDetails": []})
    (told,) = release.follow(aws, project, EXECUTION)
    assert told.endswith(f"because of run {before}: kotei approve test, or kotei reject test")
