"""The status as data and as text of one screen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline import status
from pipeline.approval import Waiting
from pipeline.aws import Aws
from pipeline.deployed import Run as Ran
from pipeline.status_text import text
from stacks.project import Project, load

RUN = status.Run(execution="0123456789", status="Failed", started="2030-01-31T12:00:00+00:00", commit="c0ffee" * 6, message="word " * 20)
WAITING = Waiting(
    owner="test",
    stage="Test-Approve",
    action="Approve",
    token="t",
    execution="0123456789",
    text="risky - test: " + "removed " * 30,
    since="2030-01-31T12:00:00+00:00",
)
DEPLOYED = status.Deployed(
    environment="test",
    stack="UPDATE_ROLLBACK_COMPLETE",
    digest="sha256:" + "0" * 64,
    commit="c0ffee" * 6,
    following="beef" * 10,
    ahead=3,
    held="nothing is deployed to test until 2030-02-01 00:00+09:00: the year ends, and nobody is there to look",
    drifted={"demo-test-security": "2030-01-30T01:00:00+00:00"},
)
STAGES = tuple(
    status.Stage(name=name, status=word, execution="0123456789", problem=problem)
    for name, word, problem in (
        ("Source", "Succeeded", ""),
        ("Check", "Succeeded", ""),
        ("Test-Deploy", "Failed", "service: " + "it failed " * 20),
    )
)
EVERYTHING = status.Status(
    runs=(RUN, replace(RUN, kind="ROLLBACK", message="back")),
    stages=STAGES,
    waiting=(WAITING,),
    deployed=(DEPLOYED,),
    waits=(status.Wait(asked="team@example.com", until="2030-02-07T12:00:00+00:00"),),
)


def test_everything_is_said_within_80_columns() -> None:
    told = text(EVERYTHING)
    assert max(map(len, told.splitlines())) <= 80
    for words in (
        "gets next: beefbeef, 3 commits further on",
        "held: nothing is deployed to test until",
        "drifted: demo-test-security (seen 2030-01-30 01:00)\n    kotei drift test  (looks again)",
        "since 2030-01-31 12:00 until 2030-02-07 12:00, then its run fails",
        "rollback: back",
        "Succeeded 01234567: Source, Check",
        "Test-Deploy              Failed       01234567",
    ):
        assert words in told, told


@pytest.fixture
def project(valid: Callable[[], Any], checkout: Callable[[Any], Path]) -> Project:
    return load(checkout(valid()))


# Noon and late evening in Tokyo.
OPEN, SHUT = datetime(2030, 1, 30, 3, tzinfo=UTC), datetime(2030, 1, 30, 13, tzinfo=UTC)


@pytest.mark.parametrize(("now", "held"), [(OPEN, ""), (SHUT, "outside of its window (* * 9-17 ? * MON-FRI, Asia/Tokyo)")])
def test_a_window_that_is_shut_is_said(aws: Aws, answers: Callable[..., None], project: Project, now: datetime, held: str) -> None:
    env = project.environments[0]
    answers("cloudformation", "describe_stacks", "AccessDenied")
    found = status._deployed(Path(), aws, env, None, newest="", now=now)
    assert (found.stack, found.unread, found.held) == ("not known", ("cloudformation:DescribeStacks",), held)


def test_runs_before_a_stage_that_is_shut_are_said(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    stage = {
        "stageName": "Test-Deploy",
        "latestExecution": {"pipelineExecutionId": "0123456789", "status": "Succeeded"},
        "inboundExecutions": [{"pipelineExecutionId": "9876543210", "status": "InProgress"}],
        "inboundTransitionState": {"enabled": False, "disabledReason": "an audit", "lastChangedBy": "Ada"},
    }
    answers("codepipeline", "get_pipeline_state", {"stageStates": [stage]})
    told = text(replace(EVERYTHING, stages=status._stages(aws, project)))
    assert "  Test-Deploy              Succeeded    01234567, then 98765432\n    nothing gets in: an audit (Ada)\n" in told


def test_what_comes_next_and_what_has_drifted(aws: Aws, answers: Callable[..., None], project: Project, tmp_path: Path) -> None:
    env = project.environments[0]
    names = status._names(env)
    for name in names:
        drift = {"StackDriftStatus": "DRIFTED" if name.endswith("security") else "IN_SYNC", "LastCheckTimestamp": OPEN}
        given = [{"ParameterKey": "ImageDigest", "ParameterValue": "sha256:1"}] if name.endswith("service") else []
        one = {"StackName": name, "StackStatus": "CREATE_COMPLETE", "CreationTime": OPEN, "DriftInformation": drift, "Parameters": given}
        answers("cloudformation", "describe_stacks", {"Stacks": [one]}, {"StackName": name})
    found = status._deployed(tmp_path, aws, env, Ran(execution="1", commit="aaaa"), newest="bbbb", now=OPEN)
    assert (found.digest, found.commit, found.following, found.ahead) == ("sha256:1", "aaaa", "bbbb", None)
    assert found.drifted == {"demo-test-security": "2030-01-30T03:00:00+00:00"}
