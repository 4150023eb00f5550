"""Decisions in the pipeline, against answers that botocore's own models accept."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline import approval, gate, status
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from pipeline.plan import Parts, fingerprint
from pipeline.prepare import Prepared
from pipeline.review.model import Finding, OwnerReview, PlanFacts, Review
from pipeline.status_text import text
from stacks.project import PipelineConfig, Project

EXECUTION = "01234567-89ab-cdef-0123-456789abcdef"
TOKEN = "11111111-2222-3333-4444-555555555555"
SUMMARY = "test: 1 removed (risky). removes Alarm"


@pytest.fixture
def project() -> Project:
    """Only the pipeline counts here."""
    config = {"project": "demo", "account": "111122223333", "region": "ap-northeast-1", "environments": ["test"]}
    pipeline = PipelineConfig.model_validate({**config, "repository": {"name": "example-org/demo"}})
    return Project.model_construct(pipeline=pipeline, environments=())


def state(*, waits: bool) -> dict[str, Any]:
    latest = {"status": "InProgress", "token": TOKEN} if waits else {"status": "Succeeded", "summary": "yes"}
    action = {"actionName": "Approve", "latestExecution": latest}
    stage = {"stageName": "Test-Approve", "actionStates": [action], "latestExecution": _latest("InProgress")}
    return {"pipelineName": "demo", "stageStates": [{"stageName": "Source", "latestExecution": _latest("Succeeded")}, stage]}


def _latest(word: str) -> dict[str, str]:
    return {"pipelineExecutionId": EXECUTION, "status": word}


def executions(status_of_approval: str) -> dict[str, Any]:
    resolved = {"resolvedConfiguration": {"CustomData": SUMMARY}}
    return {"actionExecutionDetails": [{"stageName": "Test-Approve", "status": status_of_approval, "input": resolved}]}


def test_yes_is_said_with_the_token_and_the_reason(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline_state", state(waits=True), {"name": "demo"})
    answers("codepipeline", "list_action_executions", executions("InProgress"))
    said = {"summary": "looks right", "status": "Approved"}
    where = {"pipelineName": "demo", "stageName": "Test-Approve", "actionName": "Approve", "token": TOKEN, "result": said}
    answers("codepipeline", "put_approval_result", {}, where)
    assert approval.decide(aws, project, "test", "Approved", "looks right").text == SUMMARY


def test_when_nothing_waits_nothing_is_said(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline_state", state(waits=False))
    with pytest.raises(PipelineError, match="no approval is waiting; see: kotei status"):
        approval.decide(aws, project, "test", "Approved", "")


def test_what_waits_instead_is_named(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline_state", state(waits=True))
    answers("codepipeline", "list_action_executions", executions("InProgress"))
    with pytest.raises(PipelineError, match="waiting now: test"):
        approval.decide(aws, project, "shared", "Approved", "")


def test_somebody_else_was_faster(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline_state", state(waits=True))
    answers("codepipeline", "list_action_executions", executions("InProgress"))
    answers("codepipeline", "put_approval_result", "ApprovalAlreadyCompletedException")
    with pytest.raises(PipelineError, match="somebody else decided"):
        approval.decide(aws, project, "test", "Rejected", "")


def test_a_reason_that_aws_would_refuse_is_refused_before_anything_is_asked(aws: Aws, project: Project) -> None:
    with pytest.raises(PipelineError, match="513 characters"):
        approval.decide(aws, project, "test", "Approved", "x" * 513)


@pytest.mark.parametrize(("word", "counts"), [("Succeeded", True), ("InProgress", False), ("Failed", False)])
def test_only_a_yes_counts(aws: Aws, answers: Callable[..., None], project: Project, word: str, *, counts: bool) -> None:
    asked = {"pipelineName": "demo", "filter": {"pipelineExecutionId": EXECUTION}}
    answers("codepipeline", "list_action_executions", executions(word), asked)
    assert approval.approved_in(aws, project, "test", EXECUTION) is counts


@pytest.mark.parametrize(("minutes", "action", "told"), [(2, "service", True), (2, "Gate", False), (0, "service", False)])
def test_who_approves_hears_that_another_run_was_deployed_since_the_plan(
    aws: Aws, answers: Callable[..., None], project: Project, minutes: int, action: str, *, told: bool
) -> None:
    began = datetime(2030, 1, 1, tzinfo=UTC)
    plan = {"pipelineExecutionId": EXECUTION, "stageName": "Test-Plan", "actionName": "Plan", "startTime": began + timedelta(minutes=1)}
    other = {
        "pipelineExecutionId": OTHER,
        "stageName": "Test-Deploy",
        "actionName": action,
        "startTime": began + timedelta(minutes=minutes),
    }
    answers("codepipeline", "list_action_executions", {"actionExecutionDetails": [other, plan]})
    asked = approval.Waiting(owner="test", stage="Test-Approve", action="Approve", token=TOKEN, execution=EXECUTION, text="")
    assert approval.overtaken(aws, project, asked) == (OTHER if told else "")


NOW: Parts = {"files": {}, "inputs": {}, "stacks": {"demo-test-service": "UPDATE_COMPLETE, last changed today 2"}}


def prepared(*, verdict: Any = "safe", needs_approval: bool = False) -> Prepared:
    lost = Finding(rule="address-lost", topic="addresses", verdict="blocked", text="an address goes", mend="keep it")
    owner = OwnerReview(owner="test", verdict=verdict, stacks=(), findings=(lost,) if verdict == "blocked" else ())
    facts = PlanFacts(fingerprint="f" * 64, needs_approval=needs_approval)
    review = Review(base="what is live", head="this checkout", owners=(owner,), plan=facts)
    return Prepared(owner="test", review=review, facts=facts, parts=NOW, changes=True)


def execution_of(kind: str) -> dict[str, Any]:
    return {"pipelineExecution": {"pipelineExecutionId": EXECUTION, "executionType": kind}}


def test_the_gate_lets_the_planned_pass(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline_execution", execution_of("STANDARD"))
    assert not gate.pass_or_refuse(prepared(), project, aws, expected="f" * 64, execution=EXECUTION)


def test_the_gate_refuses_what_is_stale(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline_execution", execution_of("STANDARD"))
    with pytest.raises(PipelineError, match="is not what was planned") as refused:
        gate.pass_or_refuse(prepared(needs_approval=True), project, aws, expected="e" * 64, execution=EXECUTION)
    assert "the rendered files, the image or the live stacks have changed since" in str(refused.value)
    assert "push, or release the change again: kotei release" in str(refused.value)


def test_the_gate_names_what_has_moved(aws: Aws, project: Project) -> None:
    planned: Parts = {**NOW, "stacks": {"demo-test-service": "UPDATE_COMPLETE, last changed yesterday 1"}}
    with pytest.raises(PipelineError) as refused:
        gate.pass_or_refuse(prepared(needs_approval=True), project, aws, expected="e" * 64, execution=None, planned=planned)
    assert "planned: stack demo-test-service has changed (UPDATE_COMPLETE, last changed today) since (planned eeee" in str(refused.value)


def test_the_gate_lets_a_newer_plan_pass_that_nobody_has_to_approve(aws: Aws, project: Project) -> None:
    """Of two quick pushes the second plans while the first deploys."""
    planned: Parts = {**NOW, "stacks": {"demo-test-service": "UPDATE_COMPLETE, last changed yesterday 1"}}
    told = gate.pass_or_refuse(prepared(), project, aws, expected="e" * 64, execution=None, planned=planned)
    assert told.startswith("stack demo-test-service has changed (UPDATE_COMPLETE, last changed today) since; ")
    assert told.endswith("this is the plan anew, and it needs nobody's approval")


COVERED: Parts = {**NOW, "stacks": {"demo-test-service": "UPDATE_COMPLETE, last changed yesterday 1"}, "effects": {"add a/B": "1"}}


@pytest.mark.parametrize(("given", "left"), [({"add a/B": "1"}, True), ({}, True), ({"add a/B": "2"}, False), ({"add a/C": "1"}, False)])
def test_a_newer_plan_passes_only_within_what_was_approved(
    aws: Aws, answers: Callable[..., None], project: Project, given: dict[str, str], *, left: bool
) -> None:
    answers("codepipeline", "get_pipeline_execution", execution_of("STANDARD"))
    now = replace(prepared(needs_approval=True), parts={**NOW, "effects": given})
    if left:
        answers("codepipeline", "list_action_executions", executions("Succeeded"))
        told = gate.pass_or_refuse(now, project, aws, expected=fingerprint(COVERED), execution=EXECUTION, planned=COVERED)
        assert told.endswith("last changed today) since; this is the plan anew, and all that it does was approved")
    else:
        with pytest.raises(PipelineError, match=f"Not approved: {next(iter(given))}. Look at the new plan"):
            gate.pass_or_refuse(now, project, aws, expected=fingerprint(COVERED), execution=EXECUTION, planned=COVERED)


def test_within_what_was_planned_is_nothing_where_nobody_approved(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline_execution", execution_of("STANDARD"))
    answers("codepipeline", "list_action_executions", {"actionExecutionDetails": []})
    now = replace(prepared(needs_approval=True), parts={**NOW, "effects": {}})
    with pytest.raises(PipelineError, match="nobody gave one"):
        gate.pass_or_refuse(now, project, aws, expected=fingerprint(COVERED), execution=EXECUTION, planned=COVERED)


def test_the_gate_names_a_few_and_counts_the_rest(aws: Aws, project: Project) -> None:
    planned: Parts = {**NOW, "files": {f"file-{number}": "1" for number in range(9)}}
    with pytest.raises(PipelineError, match="file-4 is gone and 4 more since"):
        gate.pass_or_refuse(prepared(needs_approval=True), project, aws, expected="e" * 64, execution=None, planned=planned)


def test_the_gate_refuses_when_the_approval_was_skipped(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    """A SKIP condition skips whenever its variable is anything but "true": it fails open, so the gate must not."""
    answers("codepipeline", "get_pipeline_execution", execution_of("STANDARD"))
    answers("codepipeline", "list_action_executions", {"actionExecutionDetails": []})
    with pytest.raises(PipelineError, match="nobody gave one"):
        gate.pass_or_refuse(prepared(verdict="risky", needs_approval=True), project, aws, expected="f" * 64, execution=EXECUTION)


def test_the_gate_lets_the_approved_pass(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline_execution", execution_of("STANDARD"))
    answers("codepipeline", "list_action_executions", executions("Succeeded"))
    gate.pass_or_refuse(prepared(verdict="risky", needs_approval=True), project, aws, expected="f" * 64, execution=EXECUTION)


def rollback_run(trigger: str) -> dict[str, Any]:
    answer = execution_of("ROLLBACK")
    answer["pipelineExecution"]["trigger"] = {"triggerType": trigger}
    return answer


def deploy_actions(*runs: tuple[str, str]) -> dict[str, Any]:
    """(execution, action), newest first."""
    details = [{"pipelineExecutionId": run, "stageName": "Test-Deploy", "actionName": name, "status": "Failed"} for run, name in runs]
    return {"actionExecutionDetails": details}


OTHER = EXECUTION.replace("0", "f")
OLDER = EXECUTION.replace("0", "e")


def test_the_gate_lets_a_rollback_pass(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline_execution", rollback_run("AutomatedRollback"))
    answers("codepipeline", "list_action_executions", deploy_actions((EXECUTION, "Gate"), (OTHER, "service"), (OTHER, "Gate")))
    gate.pass_or_refuse(prepared(needs_approval=True), project, aws, expected="e" * 64, execution=EXECUTION)


def test_a_rollback_of_what_the_gate_stopped_is_refused(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    """It would undo what somebody did meanwhile, which is why the gate stopped."""
    answers("codepipeline", "get_pipeline_execution", rollback_run("AutomatedRollback"))
    answers("codepipeline", "list_action_executions", deploy_actions((EXECUTION, "Gate"), (OTHER, "Gate"), (OLDER, "service")))
    with pytest.raises(PipelineError, match="nothing to roll back"):
        gate.pass_or_refuse(prepared(), project, aws, expected="e" * 64, execution=EXECUTION)


def test_a_rollback_that_a_person_asks_for_passes(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline_execution", rollback_run("ManualRollback"))
    gate.pass_or_refuse(prepared(), project, aws, expected="e" * 64, execution=EXECUTION)


FROZEN = "nothing is deployed to test until 2031-01-04 00:00+09:00: year end"


def test_in_a_freeze_nothing_passes_that_goes_forward(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline_execution", execution_of("STANDARD"))
    with pytest.raises(PipelineError, match=r"take the freeze out of stacks/environments/test\.toml, commit and push") as refused:
        gate.pass_or_refuse(replace(prepared(), frozen=FROZEN), project, aws, expected="f" * 64, execution=EXECUTION)
    assert str(refused.value).startswith(FROZEN)
    answers("codepipeline", "get_pipeline_execution", rollback_run("ManualRollback"))
    gate.pass_or_refuse(replace(prepared(), frozen=FROZEN), project, aws, expected="f" * 64, execution=EXECUTION)


def test_what_is_blocked_never_passes() -> None:
    with pytest.raises(PipelineError, match=r"cannot be deployed: an address goes \[address-lost\]. The safe way: keep it") as refused:
        gate.refuse_if_blocked(prepared(verdict="blocked"))
    assert refused.value.exit_code == 5
    gate.refuse_if_blocked(prepared(verdict="risky"))


def test_status_says_what_waits_and_how_to_answer(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    run = {
        "pipelineExecutionId": EXECUTION,
        "status": "InProgress",
        "sourceRevisions": [{"actionName": "Source", "revisionId": "c0ffee" * 6}],
    }
    answers("codepipeline", "list_pipeline_executions", {"pipelineExecutionSummaries": [run]})
    answers("codepipeline", "get_pipeline_state", state(waits=True))
    runs, stages = status._runs(aws, project), status._stages(aws, project)
    answers("codepipeline", "get_pipeline_state", state(waits=True))
    answers("codepipeline", "list_action_executions", executions("InProgress"))
    waiting = tuple(approval.waiting(aws, project))
    deployed = status.Deployed(environment="test", stack="UPDATE_COMPLETE", digest="sha256:" + "0" * 64, commit="c0ffee" * 6, drifted={})
    told = text(status.Status(runs=runs, stages=stages, waiting=waiting, deployed=(deployed,)))
    assert f"Test-Approve: {SUMMARY}" in told
    assert "kotei approve test --reason" in told
    assert "commit c0ffeec0" in told
    assert json.loads(json.dumps(runs[0].commit)) == "c0ffee" * 6
