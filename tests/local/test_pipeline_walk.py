"""The walk of a small pipeline written by hand, seen through CodePipeline's own API."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.small_pipeline import BUILDSPEC, action, approval, build, rule, start

pytestmark = pytest.mark.local


def stage_state(client: Any, name: str) -> dict[str, Any]:
    states = client.get_pipeline_state(name="demo")["stageStates"]
    found: dict[str, Any] = next(state for state in states if state["stageName"] == name)
    return found


def action_state(client: Any, stage: str, number: int = 0) -> dict[str, Any]:
    state: dict[str, Any] = stage_state(client, stage)["actionStates"][number].get("latestExecution", {})
    return state


def token(engine: Any, client: Any) -> str:
    found: str = engine.wait(lambda: action_state(client, "Approve").get("token"), "the approval's token")
    return found


def decide(client: Any, given: str, status: str, summary: str = "looks right") -> None:
    client.put_approval_result(
        pipelineName="demo", stageName="Approve", actionName="Approve", result={"summary": summary, "status": status}, token=given
    )


def test_a_run_checks_out_the_commit_builds_it_and_passes_on_what_the_build_exported(engine: Any, checkout: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Approve", "actions": [approval()]})
    commit = checkout.git("rev-parse", "HEAD")
    execution = start(client)
    decide(client, token(engine, client), "Approved")
    assert engine.ended(execution)["status"] == "Succeeded"
    details = {detail["actionName"]: detail for detail in client.list_action_executions(pipelineName="demo")["actionExecutionDetails"]}
    assert details["Source"]["output"]["outputVariables"]["CommitId"] == commit
    assert details["Image"]["output"]["outputVariables"] == {"DIGEST": "sha256:one"}
    assert details["Approve"]["input"]["resolvedConfiguration"] == {"CustomData": "digest sha256:one"}
    assert (
        client.list_pipeline_executions(pipelineName="demo")["pipelineExecutionSummaries"][0]["sourceRevisions"][0]["revisionId"] == commit
    )


def test_a_failing_command_fails_its_phase_and_the_walk_stops_there(engine: Any, checkout: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Approve", "actions": [approval()]})
    checkout.commit({"name.txt": "broken"})
    assert engine.ended(start(client))["status"] == "Failed"
    state = action_state(client, "Image")
    assert 'test "$(cat name.txt)" != broken' in state["errorDetails"]["message"]
    assert stage_state(client, "Approve").get("latestExecution") is None
    found = engine.client("codebuild").batch_get_builds(ids=[state["externalExecutionId"]])["builds"][0]
    assert found["buildStatus"] == "FAILED"
    assert [phase["phaseType"] for phase in found["phases"] if phase.get("phaseStatus") == "FAILED"] == ["BUILD"]


def test_a_rejected_approval_fails_the_run_and_a_used_token_is_refused(engine: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Approve", "actions": [approval()]})
    execution = start(client)
    given = token(engine, client)
    decide(client, given, "Rejected", "not today")
    assert engine.ended(execution)["status"] == "Failed"
    assert action_state(client, "Approve")["errorDetails"]["message"] == "rejected: not today"
    with pytest.raises(client.exceptions.ApprovalAlreadyCompletedException):
        decide(client, given, "Approved")
    with pytest.raises(client.exceptions.InvalidApprovalTokenException):
        decide(client, "00000000-0000-0000-0000-000000000000", "Approved")


def test_an_approval_times_out(engine: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Approve", "actions": [approval(timeoutInMinutes=5)]})
    execution = start(client)
    token(engine, client)
    engine.clock.ahead = timedelta(minutes=6)
    with engine.world.changed:
        engine.world.changed.notify_all()
    assert engine.ended(execution)["status"] == "Failed"
    assert action_state(client, "Approve")["errorDetails"]["code"] == "ApprovalTimedOut"


def test_a_second_push_waits_for_the_stage_that_the_first_one_holds(engine: Any, checkout: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Approve", "actions": [approval()]})
    first = start(client)
    asked = token(engine, client)
    checkout.commit({"name.txt": "two"})
    second = start(client)
    engine.wait(lambda: stage_state(client, "Approve")["inboundExecutions"], "the second run to wait")
    assert stage_state(client, "Approve")["latestExecution"]["pipelineExecutionId"] == first
    decide(client, asked, "Approved")
    assert engine.ended(first)["status"] == "Succeeded"
    engine.wait(lambda: stage_state(client, "Approve")["latestExecution"]["pipelineExecutionId"] == second, "the second run to enter")
    decide(client, token(engine, client), "Approved")
    assert engine.ended(second)["status"] == "Succeeded"


@pytest.mark.parametrize(("digest", "status"), [("sha256:one", "InProgress"), ("sha256:two", "Skipped")])
def test_a_variable_check_that_does_not_hold_skips_the_stage(engine: Any, pipeline: Any, digest: str, status: str) -> None:
    check = rule("VariableCheck", {"Variable": "#{Image.DIGEST}", "Operator": "EQ", "Value": digest})
    condition = {"conditions": [{"result": "SKIP", "rules": [check]}]}
    client = pipeline({"name": "Approve", "actions": [approval()], "beforeEntry": condition})
    start(client)
    wanted = {"InProgress": "Succeeded", "Skipped": "Failed"}[status]

    def seen() -> bool | None:
        state = stage_state(client, "Approve")
        conditions = state.get("beforeEntryConditionState", {"conditionStates": []})["conditionStates"]
        rules = [rule["latestExecution"]["status"] for condition in conditions for rule in condition["ruleStates"]]
        return (state["latestExecution"]["status"], rules[0]) == (status, wanted) if rules else None

    engine.wait(seen, f"the stage to be {status} and the rule {wanted}")


def test_a_deployment_window_holds_the_stage_until_it_opens(engine: Any, pipeline: Any) -> None:
    opens = (engine.clock() + timedelta(days=40)).strftime("* * * %-d %-m ?")
    condition = {"conditions": [{"result": "FAIL", "rules": [rule("DeploymentWindow", {"Cron": opens, "TimeZone": "UTC"})]}]}
    client = pipeline({"name": "Approve", "actions": [approval()], "beforeEntry": condition})
    start(client)
    engine.wait(lambda: "beforeEntryConditionState" in stage_state(client, "Approve"), "the rule to start")
    assert "token" not in action_state(client, "Approve")
    engine.clock.ahead = timedelta(days=40)
    with engine.world.changed:
        engine.world.changed.notify_all()
    assert token(engine, client)


def test_an_unresolvable_variable_fails_the_action_by_name(engine: Any, pipeline: Any) -> None:
    wrong = action("Approve", "Approval", "Manual", {"CustomData": "#{Image.NOTHING}"})
    client = pipeline({"name": "Approve", "actions": [wrong]})
    engine.ended(start(client))
    assert "namespace Image has no variable NOTHING (it has: DIGEST)" in action_state(client, "Approve")["errorDetails"]["message"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (action("Site", "Deploy", "S3", {"BucketName": "x"}, inputArtifacts=[{"name": "Source"}]), "no local handler for Deploy/S3"),
        (action("Site", "Approval", "Manual", {"Colour": "red"}), "configuration key Colour is not supported"),
    ],
)
def test_what_is_not_understood_fails_by_name(engine: Any, pipeline: Any, wrong: dict[str, Any], said: str) -> None:
    client = pipeline({"name": "Deploy", "actions": [wrong]})
    engine.ended(start(client))
    assert said in action_state(client, "Deploy")["errorDetails"]["message"]


def test_a_pending_connection_refuses_the_checkout(engine: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Approve", "actions": [approval()]}, available=False)
    assert engine.ended(start(client))["status"] == "Failed"
    assert "is PENDING" in action_state(client, "Source")["errorDetails"]["message"]


def test_actions_of_one_run_order_run_together_and_later_ones_after_them(engine: Any, pipeline: Any) -> None:
    actions = [build("Third", runOrder=2), build("First"), build("Second")]
    client = pipeline({"name": "Deploy", "actions": actions})
    assert engine.ended(start(client))["status"] == "Succeeded"
    details = client.list_action_executions(pipelineName="demo")["actionExecutionDetails"]
    times = {detail["actionName"]: (detail["startTime"], detail["lastUpdateTime"]) for detail in details}
    assert times["First"][0] < times["Second"][1]
    assert times["Second"][0] < times["First"][1]
    assert times["Third"][0] >= max(times["First"][1], times["Second"][1])


def test_retry_runs_only_the_failed_action_again(engine: Any, pipeline: Any) -> None:
    flaky = build("Flaky", configuration={"EnvironmentVariables": json.dumps([{"name": "X", "value": "y", "type": "PARAMETER_STORE"}])})
    client = pipeline({"name": "Deploy", "actions": [build("Good"), flaky]})
    execution = start(client)
    assert engine.ended(execution)["status"] == "Failed"
    client.retry_stage_execution(pipelineName="demo", stageName="Deploy", pipelineExecutionId=execution, retryMode="FAILED_ACTIONS")
    engine.wait(lambda: len(client.list_action_executions(pipelineName="demo")["actionExecutionDetails"]) == 5, "the retry")
    engine.ended(execution)
    names = [detail["actionName"] for detail in client.list_action_executions(pipelineName="demo")["actionExecutionDetails"]]
    assert names.count("Good") == 1
    assert names.count("Flaky") == 2
    with pytest.raises(client.exceptions.StageNotRetryableException):
        client.retry_stage_execution(pipelineName="demo", stageName="Image", pipelineExecutionId=execution, retryMode="FAILED_ACTIONS")


def test_a_stage_rolls_back_to_what_succeeded_in_it(engine: Any, checkout: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Deploy", "actions": [build("Use", inputArtifacts=[{"name": "Source"}], namespace="Use")]})
    good = start(client)
    assert engine.ended(good)["status"] == "Succeeded"
    checkout.commit({"name.txt": "two"})
    engine.ended(start(client))
    back = client.rollback_stage(pipelineName="demo", stageName="Deploy", targetPipelineExecutionId=good)["pipelineExecutionId"]
    ended = engine.ended(back)
    assert (ended["status"], ended["executionType"]) == ("Succeeded", "ROLLBACK")
    assert ended["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": good}
    details = client.list_action_executions(pipelineName="demo", filter={"pipelineExecutionId": back})["actionExecutionDetails"]
    assert [(detail["actionName"], detail["output"]["outputVariables"]) for detail in details] == [("Use", {"DIGEST": "sha256:one"})]
    with pytest.raises(client.exceptions.UnableToRollbackStageException):
        client.rollback_stage(pipelineName="demo", stageName="Source", targetPipelineExecutionId=good)
    with pytest.raises(client.exceptions.UnableToRollbackStageException):
        client.rollback_stage(pipelineName="demo", stageName="Deploy", targetPipelineExecutionId=back)


def test_on_failure_rolls_the_stage_back_by_itself(engine: Any, checkout: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Deploy", "actions": [build("Use")], "onFailure": {"result": "ROLLBACK"}})
    assert engine.ended(start(client))["status"] == "Succeeded"
    # The buildspec of the image passes; the same one fails in Deploy because the second build is told so.
    checkout.commit(
        {"buildspec/image.yml": BUILDSPEC.replace("!= broken", '!= broken -a ! -e "/tmp/none" -a "$CODEBUILD_BUILD_NUMBER" -lt 4')}
    )
    failed = start(client)
    assert engine.ended(failed)["status"] == "Failed"
    found = engine.wait(
        lambda: [
            execution
            for execution in client.list_pipeline_executions(pipelineName="demo")["pipelineExecutionSummaries"]
            if execution["executionType"] == "ROLLBACK"
        ],
        "the rollback",
    )
    assert found[0]["trigger"] == {"triggerType": "AutomatedRollback", "triggerDetail": failed}


def test_stop_abandons_or_waits(engine: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Approve", "actions": [approval()]})
    execution = start(client)
    token(engine, client)
    client.stop_pipeline_execution(pipelineName="demo", pipelineExecutionId=execution, abandon=True, reason="wrong branch")
    ended = engine.ended(execution)
    assert (ended["status"], ended["statusSummary"]) == ("Stopped", "wrong branch")
    assert action_state(client, "Approve")["status"] == "Abandoned"
    with pytest.raises(client.exceptions.PipelineExecutionNotStoppableException):
        client.stop_pipeline_execution(pipelineName="demo", pipelineExecutionId=execution)


def test_an_update_of_the_pipeline_ends_the_run_and_old_runs_cannot_be_rolled_back_to(engine: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Approve", "actions": [approval()]})
    execution = start(client)
    given = token(engine, client)
    structure = client.get_pipeline(name="demo")["pipeline"]
    structure["stages"].append({"name": "Late", "actions": [approval() | {"name": "Late"}]})
    assert client.update_pipeline(pipeline=structure)["pipeline"]["version"] == 2
    decide(client, given, "Approved")
    ended = engine.ended(execution)
    assert (ended["status"], ended["statusSummary"]) == ("Failed", "the pipeline was updated while this execution ran")
    with pytest.raises(client.exceptions.PipelineExecutionOutdatedException):
        client.rollback_stage(pipelineName="demo", stageName="Image", targetPipelineExecutionId=execution)


def test_a_disabled_transition_holds_the_run(engine: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Approve", "actions": [approval()]})
    client.disable_stage_transition(pipelineName="demo", stageName="Approve", transitionType="Inbound", reason="freeze")
    start(client)
    engine.wait(lambda: stage_state(client, "Approve")["inboundExecutions"], "the run to wait")
    assert stage_state(client, "Approve")["inboundTransitionState"]["disabledReason"] == "freeze"
    client.enable_stage_transition(pipelineName="demo", stageName="Approve", transitionType="Inbound")
    assert token(engine, client)


def test_a_run_goes_on_after_the_engine_was_killed_and_the_question_keeps_its_token(engine: Any, pipeline: Any) -> None:
    client = pipeline({"name": "Approve", "actions": [approval()]})
    execution = start(client)
    given = token(engine, client)
    again = engine.restart()
    decide(client, given, "Approved")
    assert again.ended(execution)["status"] == "Succeeded"


def test_an_unknown_operation_is_refused_by_name(engine: Any) -> None:
    with pytest.raises(ClientError, match="does not answer codepipeline:ListWebhooks"):
        engine.client("codepipeline").list_webhooks()
    with pytest.raises(ClientError, match="PipelineNotFoundException"):
        engine.client("codepipeline").get_pipeline(name="nothing")
