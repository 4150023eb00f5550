"""A person decides about production: yes, no, again, and not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import System

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
