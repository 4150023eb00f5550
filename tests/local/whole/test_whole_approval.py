"""A person decides about production: yes, no, again, and not at all."""

from __future__ import annotations

import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.system import System

pytestmark = pytest.mark.local


def test_production_serves_on_addresses_of_its_own_once_approved(system: System) -> None:
    run, staging = system.asked(), system.addresses()
    said = system.run("approve", "production", "--reason", "the customer agreed").stdout
    assert said.startswith("production: approved")
    assert system.ended(run)["status"] == "Succeeded", system.actions(run)
    production = system.addresses("production")
    assert len({*staging, *production}) == 4
    for zone in (0, 1):
        assert system.serves(environment="production", zone=zone)
    assert system.image("production") == system.image("staging")
    assert system.addresses() == staging
    told = [line.split("\t") for line in system.run("addresses", "production").stdout.splitlines()]
    assert [(line[0], line[3]) for line in told] == [(address, "serving") for address in production]


def test_a_rejected_run_leaves_production_alone_and_can_be_asked_about_again_and_stopped(system: System) -> None:
    client = system.client("codepipeline")
    run = system.asked()
    production = system.stack("kotei-production-service"), system.image("production")
    first = system.question()
    assert system.run("reject", "production", "--reason", "not on a Friday").stdout.startswith("production: rejected")
    assert system.ended(run)["status"] == "Failed"
    status = system.run("status").stdout
    assert f"{run[:8]} Failed" in status
    assert "not on a Friday" in status
    assert [action["status"] for action in system.actions(run) if action["stageName"].startswith("Production-")] == ["Succeeded", "Failed"]

    client.retry_stage_execution(pipelineName="kotei", stageName="Production-Approve", pipelineExecutionId=run, retryMode="FAILED_ACTIONS")
    again = system.until(lambda: (found := system.question()) and found != first and found, "the retried stage to ask", system.shown)
    assert again[0] == run
    client.stop_pipeline_execution(pipelineName="kotei", pipelineExecutionId=run, abandon=True, reason="nobody needs it")
    stopped = system.ended(run)
    assert (stopped["status"], stopped["statusSummary"]) == ("Stopped", "nobody needs it")
    assert (system.stack("kotei-production-service"), system.image("production")) == production
    assert system.serves()


def test_the_approver_opens_the_plan(system: System) -> None:
    run = system.asked()
    action = next(one for one in system.actions(run) if one["stageName"] == "Production-Approve")
    link = action["input"]["resolvedConfiguration"]["ExternalEntityLink"]
    assert link.startswith(f"{system.endpoint}/")
    with urllib.request.urlopen(link, timeout=30) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
        page = answer.read().decode()
    assert "production" in page
    plan = next(one for one in system.actions(run) if (one["stageName"], one["actionName"]) == ("Production-Plan", "Plan"))
    assert plan["output"]["outputVariables"]["FINGERPRINT"] in link


def test_what_somebody_changed_since_the_approval_is_not_undone(system: System) -> None:
    """Deploy refuses, names the stack and the way on; the way on works."""
    cloudformation = system.client("cloudformation")
    if system.stack("kotei-production-monitoring") is None:
        _approved(system, system.asked())
    run = system.asked()
    tags = [{"Key": key, "Value": value} for key, value in (("Project", "kotei"), ("Environment", "production"), ("By", "hand"))]
    given = [{"ParameterKey": one["ParameterKey"], "UsePreviousValue": True} for one in _monitoring(system)["Parameters"]]
    cloudformation.update_stack(StackName="kotei-production-monitoring", UsePreviousTemplate=True, Parameters=given, Tags=tags)
    system.until(lambda: _monitoring(system)["StackStatus"] == "UPDATE_COMPLETE", "the change by hand", lambda: _monitoring(system))
    changed = _monitoring(system)

    system.run("approve", "production", "--reason", "as planned")
    assert system.ended(run)["status"] == "Failed"
    assert _deployed_in(system, run) == [("Gate", "Failed")]
    said = _plan_log(system)
    assert "what would be deployed is not what was planned: stack kotei-production-monitoring has changed (UPDATE_COMPLETE, " in said
    assert "push, or release the change again: kotei release" in said
    system.until(lambda: not system.moving(), "the rollback, which has nothing to do", system.shown)
    assert _monitoring(system) == changed

    system.client("codepipeline").start_pipeline_execution(name="kotei")
    _approved(system, system.asked())
    assert {tag["Key"] for tag in _monitoring(system)["Tags"]} == {"Project", "Environment"}


def _approved(system: System, run: str) -> None:
    system.run("approve", "production", "--reason", "the plan was read")
    assert system.ended(run)["status"] == "Succeeded", system.actions(run)


def _monitoring(system: System) -> dict[str, Any]:
    found = system.stack("kotei-production-monitoring")
    assert found
    return found


def test_of_two_runs_that_wait_the_second_deploys_within_its_approval_what_the_first_has_left(system: System) -> None:
    """It planned before the first was deployed."""
    if system.stack("kotei-production-monitoring") is None:
        _approved(system, system.asked())
    system.nothing_runs()
    _deny_in_production(system, "/first/")
    system.commit("Deny /first/ in production")
    system.push()
    first = system.asked()
    _deny_in_production(system, "/second/")
    commit = system.commit("Deny /second/ in production")
    system.start("git", "push", "local", "HEAD:main")
    second = str(system.until(lambda: _planned(system, commit), "the second run to plan production", system.shown))
    assert system.question()[0] == first
    _approved(system, first)
    _approved(system, system.asked())
    assert system.run_of(commit)["pipelineExecutionId"] == second
    assert "; this is the plan anew, and all that it does was approved" in _plan_log(system)
    assert [system.get(path, environment="production").status for path in ("/first/", "/second/")] == [403, 403]


def test_in_a_freeze_an_approval_deploys_nothing(system: System) -> None:
    if system.stack("kotei-production-monitoring") is None:
        _approved(system, system.asked())
    system.nothing_runs()
    before, today = system.image("production"), datetime.now(UTC)
    freeze = (
        f'[[freeze]]\nstart = {today - timedelta(days=2):%Y-%m-%d}\nuntil = {today + timedelta(days=2):%Y-%m-%d}\nreason = "Year end"\n\n'
    )
    system.edit("stacks/environments/production.toml", "[deploy_window]", f"{freeze}[deploy_window]")
    _deny_in_production(system, "/frozen/")
    system.commit("Freeze production")
    system.push()
    run = system.asked()
    assert "nothing is deployed to production until" in _plan_log(system)
    system.run("approve", "production", "--reason", "whatever the calendar says")
    assert system.ended(run)["status"] == "Failed"
    assert _deployed_in(system, run) == [("Gate", "Failed")]
    assert "Year end. Whatever was approved: after that release the change again: kotei release" in _plan_log(system)
    assert system.image("production") == before
    assert system.get("/frozen/", environment="production").status == 200
    system.until(lambda: not system.moving(), "the rollback, which has nothing to do", system.shown)
    system.edit("stacks/environments/production.toml", freeze, "")
    system.commit("End the freeze")


def test_a_pipeline_that_would_ask_nobody_any_more_asks_first(system: System) -> None:
    system.nothing_runs()
    before = system.git("rev-parse", "HEAD")
    system.edit("stacks/environments/production.toml", 'approval = "always"', 'approval = "never"')
    commit = system.commit("Ask nobody about production")
    system.start("git", "push", "local", "HEAD:main")
    waits = system.until(lambda: _waits_for_itself(system), "the pipeline to ask about itself", system.shown)
    assert waits == system.run_of(commit)["pipelineExecutionId"]
    asked = system.run("status", "--json").stdout
    system.run("reject", "shared", "--reason", "somebody has to look")
    assert "production is deployed without anybody's approval" in asked
    assert system.ended(waits)["status"] == "Failed"
    assert "Production-Approve" in system.stages()
    system.return_to(before)


def _waits_for_itself(system: System) -> str | None:
    latest = system.stages()["Pipeline-Approve"]
    token = latest["actionStates"][0].get("latestExecution", {}).get("token")
    return latest["latestExecution"]["pipelineExecutionId"] if token else None


def _deny_in_production(system: System, path: str) -> None:
    site = '[[sites]]\nhost = "stream.example.com"'
    system.edit("stacks/environments/production.toml", site, f'[[sites.paths]]\npath = "{path}"\ndeny = true\n\n{site}')


def _planned(system: System, commit: str) -> str | None:
    """The commit's run, once it has planned production."""
    found = [run["pipelineExecutionId"] for run in system.runs() if commit in [source["revisionId"] for source in run["sourceRevisions"]]]
    done = found and any((one["stageName"], one["status"]) == ("Production-Plan", "Succeeded") for one in system.actions(found[0]))
    return found[0] if done else None


def _deployed_in(system: System, run: str) -> list[tuple[str, str]]:
    return [(one["actionName"], one["status"]) for one in system.actions(run) if one["stageName"] == "Production-Deploy"]


def _plan_log(system: System) -> str:
    events = system.client("logs").filter_log_events(logGroupName="/aws/codebuild/kotei-plan")["events"]
    return "".join(event["message"] for event in events)
