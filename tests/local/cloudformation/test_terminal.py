"""Commands as a person has them, at a terminal: what they ask, how they end at Ctrl-C and Ctrl-D, and that nothing waits for nobody."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.paths import ROOT
from tests.support.terminal import Shown, at_a_terminal

pytestmark = pytest.mark.local

KOTEI = (sys.executable, "-m", "pipeline")
STACK = "kotei-staging-network"
TOPIC = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
QUESTION = "Type staging to go on: "


@pytest.fixture
def surroundings(cloud: Any, tmp_path: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "GIT_", "KOTEI_", "PYTHON", "COLUMNS", "NO_COLOR"))
    }
    return {**kept, "AWS_ENDPOINT_URL": cloud.world.endpoint, "AWS_CONFIG_FILE": str(tmp_path / "config"), "TERM": "xterm"}


@pytest.fixture
def person(surroundings: dict[str, str]) -> Callable[..., Shown]:
    def run(*arguments: str, answers: tuple[tuple[str, str], ...] = (), **more: str) -> Shown:
        return at_a_terminal((*KOTEI, *arguments), answers, surroundings | more, ROOT)

    return run


@pytest.mark.parametrize(
    ("typed", "code", "said"),
    [
        ("\x03", 130, "^C\n"),
        ("\x04", 1, "nothing was changed: that is not staging\n"),
        ("stagin\n", 1, "nothing was changed: that is not staging\n"),
    ],
)
def test_whatever_is_not_the_name_changes_nothing(cloud: Any, person: Callable[..., Shown], typed: str, code: int, said: str) -> None:
    cloud.create(STACK, TOPIC)
    shown = person("destroy", "staging", answers=((QUESTION, typed),))
    assert (shown.code, shown.text.endswith(said)) == (code, True), shown
    assert cloud.stack(STACK)["StackStatus"] == "CREATE_COMPLETE"


# A terminal that can draws one tree anew, another one gets a line for each event.
@pytest.mark.parametrize(("terminal", "event"), [("xterm", "DELETE_COMPLETE"), ("dumb", "DELETE_IN_PROGRESS")])
def test_the_name_does_it_and_what_happens_is_shown(cloud: Any, person: Callable[..., Shown], terminal: str, event: str) -> None:
    cloud.create(STACK, TOPIC)
    shown = person("destroy", "staging", answers=((QUESTION, "staging\n"),), TERM=terminal)
    assert shown.code == 0, shown
    assert event in shown.text
    assert ("\x1b" in shown.raw) == (terminal == "xterm"), shown
    assert STACK not in [one["StackName"] for one in cloud.cfn.describe_stacks()["Stacks"]]


def test_where_nobody_can_be_asked_it_ends_at_once(cloud: Any, surroundings: dict[str, str]) -> None:
    cloud.create(STACK, TOPIC)
    done = subprocess.run(
        [*KOTEI, "destroy", "staging"], stdin=subprocess.DEVNULL, env=surroundings, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.endswith("in a script, having looked at it: kotei destroy staging --yes staging\n")


def test_following_the_log_ends_quietly(cloud: Any, person: Callable[..., Shown]) -> None:
    logs = cloud.client("logs")
    logs.create_log_group(logGroupName="/kotei/staging/proxy")
    logs.create_log_stream(logGroupName="/kotei/staging/proxy", logStreamName="proxy/1")
    line = {"time": "2030-01-31T12:00:00+09:00", "client": "203.0.113.5", "method": "GET", "status": 200, "host": "a.example", "uri": "/"}
    event = {"timestamp": int(time.time() * 1000), "message": json.dumps(line)}
    logs.put_log_events(logGroupName="/kotei/staging/proxy", logStreamName="proxy/1", logEvents=[event])
    shown = person("logs", "staging", "--follow", answers=(("a.example/\r\n", "\x03"),))
    assert shown.code == 130
    assert shown.text.endswith("01-31 12:00:00 203.0.113.5     200    0.000 GET a.example/\n^C\n"), shown


def test_a_reader_who_has_gone_is_no_error_of_ours(surroundings: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as gone:
        done = subprocess.run([*KOTEI, "cost"], stdout=gone, stderr=subprocess.PIPE, env=surroundings, cwd=ROOT, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "")
