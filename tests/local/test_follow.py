"""What a person reads of a run: in the order of the walk, and only the news after a decision at the terminal."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.local.codepipeline import records
from pipeline.local.follow import follow
from pipeline.local.store import Store
from pipeline.local.world import World

pytestmark = pytest.mark.local


@dataclass(frozen=True)
class Run:
    world: World

    def stage(self, name: str, status: str, second: int) -> None:
        with records.changing(self.world, records.EXECUTION, "run") as execution:
            execution["stages"][name] = {"status": status, "updated": _time(second), "actions": {}}

    def action(self, stage: str, second: int) -> None:
        document: dict[str, Any] = {
            "actionExecutionId": stage,
            "pipelineExecutionId": "run",
            "stageName": stage,
            "actionName": "act",
            "status": "Succeeded",
            "startTime": _time(second - 1),
            "lastUpdateTime": _time(second),
            "output": {"executionResult": {}},
        }
        records.put(self.world, records.ACTION, stage, document)


def _time(second: int) -> str:
    return f"2026-01-01T00:00:{second:02d}+00:00"


@pytest.fixture
def run(tmp_path: Path) -> Run:
    store = Store(tmp_path / "engine.sqlite")
    world = World(home=tmp_path, root=tmp_path, endpoint="", account="111122223333", region="ap-northeast-1", store=store)
    pipeline = {"declaration": {"name": "kotei", "stages": [{"name": name} for name in ("One", "Two", "Three", "Four")]}}
    records.put(world, records.PIPELINE, "kotei", pipeline)
    execution = {
        "id": "run",
        "pipeline": "kotei",
        "status": "Succeeded",
        "type": "STANDARD",
        "start": _time(0),
        "updated": _time(9),
        "sources": {},
        "revisions": {"Source": "a" * 40},
        "stages": {},
    }
    records.put(world, records.EXECUTION, "run", execution)
    made = Run(world)
    for second, name in enumerate(("One", "Two", "Three", "Four"), start=1):
        made.stage(name, "Skipped" if name == "Two" else "Succeeded", second)
        if name != "Two":
            made.action(name, second)
    return made


def test_a_skipped_stage_stands_where_it_was_skipped(run: Run) -> None:
    assert list(follow(run.world, "run")) == [
        "pipeline kotei: run of aaaaaaaaaa (run)",
        "One ▸ act … ok (1.0 s)",
        "Two ▸ skipped ()",
        "Three ▸ act … ok (1.0 s)",
        "Four ▸ act … ok (1.0 s)",
        "pipeline kotei: Succeeded after 9 s",
    ]


def test_after_a_decision_it_goes_on_where_it_stopped(run: Run) -> None:
    assert list(follow(run.world, "run", _time(3))) == ["Four ▸ act … ok (1.0 s)", "pipeline kotei: Succeeded after 9 s"]


def test_a_question_names_the_environment_as_kotei_approve_wants_it(run: Run) -> None:
    variables = json.dumps([{"name": "ENVIRONMENT", "value": "eu-west", "type": "PLAINTEXT"}])
    plan = {"name": "EuWest-Plan", "actions": [{"name": "Plan", "configuration": {"EnvironmentVariables": variables}}]}
    with records.changing(run.world, records.PIPELINE, "kotei") as pipeline:
        pipeline["declaration"]["stages"] += [plan, {"name": "EuWest-Approve", "actions": []}]
    with records.changing(run.world, records.EXECUTION, "run") as execution:
        execution["status"] = "InProgress"
    run.stage("EuWest-Approve", "InProgress", 6)
    run.action("EuWest-Approve", 6)
    with records.changing(run.world, records.ACTION, "EuWest-Approve") as action:
        action |= {"pipeline": "kotei", "status": "InProgress", "token": "t", "input": {}}
    assert list(follow(run.world, "run"))[-1] == "EuWest-Approve ▸ act … waits for a person; run: kotei approve eu-west"
