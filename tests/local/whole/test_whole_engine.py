"""The engine as a program of this computer: who runs it, and what is left when it is killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support.system import System

pytestmark = pytest.mark.local


def test_an_ordinary_user_gets_everything_up_beside_another_engine(system: System, system_of_an_ordinary_user: System) -> None:
    mine = system_of_an_ordinary_user
    said = mine.run("local", "up").stdout
    assert f"staging: {' '.join(mine.addresses())}" in said.splitlines()
    for zone in (0, 1):
        assert mine.serves(zone=zone)
    assert Path(f"/proc/{_engine(mine)}").stat().st_uid != 0
    assert not set(mine.addresses()) & set(system.addresses())
    assert system.serves()


def test_an_engine_that_is_killed_mid_deploy_goes_on_from_there_and_clients_notice_nothing(system: System) -> None:
    addresses, endpoint = system.addresses(), system.endpoint
    system.deny("/killed/")
    commit = system.commit("Deny /killed/")
    pushed = system.start("git", "push", "local", "HEAD:main")
    system.until(lambda: _deploys(system, commit), "the deployment of staging to be under way", system.shown)
    os.kill(_engine(system), signal.SIGKILL)
    pushed.communicate()
    for zone in (0, 1):
        assert system.get("/", address=addresses[zone]).status == 200, "what served must go on without the engine"
    refused = system.run("local", "status", check=False)
    assert (refused.returncode, refused.stderr) == (1, "the local engine is not running; run: kotei local up\n")
    system.run("local", "up")
    run = system.run_of(commit)
    assert run["status"] == "InProgress", run
    assert system.stages()["Staging-Deploy"]["latestExecution"] == {
        "pipelineExecutionId": run["pipelineExecutionId"],
        "status": "Succeeded",
        "type": "STANDARD",
    }
    assert system.get("/killed/").status == 403
    assert system.serves(zone=0)
    assert system.serves(zone=1)
    assert (system.addresses(), system.endpoint) == (addresses, endpoint)


def _engine(system: System) -> int:
    return int((system.home / "engine.pid").read_text())


def _deploys(system: System, commit: str) -> bool:
    """Its service stack is being updated."""
    stack = system.stack("kotei-staging-service")
    running = [run for run in system.runs() if commit in [source["revisionId"] for source in run["sourceRevisions"]]]
    return bool(running) and bool(stack) and stack["StackStatus"] == "UPDATE_IN_PROGRESS"
