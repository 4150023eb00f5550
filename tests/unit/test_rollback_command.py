"""`kotei rollback`: what it asks before it changes anything, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import apply, cli, deployed, rollback
from pipeline.aws import Target
from pipeline.commands import rollback as command
from pipeline.prepare import Prepared
from pipeline.review.model import Finding, OwnerReview, PlanFacts, Review
from stacks.project import load

TARGET = rollback.Candidate(execution="run-1", started="", commit="c0ffee" * 6 + "beef", message="", digest="sha256:1", why_not="")
GONE = rollback.Candidate(**{**vars(TARGET), "execution": "run-2", "why_not": "is what runs now"})


def prepared(verdict: Any) -> Prepared:
    lost = Finding(rule="address-lost", topic="addresses", verdict="blocked", text="an address goes", mend="keep it")
    owner = OwnerReview(owner="test", verdict=verdict, stacks=(), findings=(lost,) if verdict == "blocked" else ())
    facts = PlanFacts(fingerprint="f" * 64, needs_approval=False)
    review = Review(base="what is live", head="this checkout", owners=(owner,), plan=facts)
    return Prepared(owner="test", review=review, facts=facts, parts={}, changes=True)


@pytest.fixture
def rolled_back(monkeypatch: pytest.MonkeyPatch, valid: Callable[[], Any], checkout: Callable[[Any], Path]) -> list[str]:
    """The runs that AWS was asked to roll back to."""
    project, started = load(checkout(valid())), list[str]()

    def start(_aws: Any, _project: Any, _owner: str, target: rollback.Candidate) -> str:
        started.append(target.execution)
        return "run-9"

    monkeypatch.setattr(command, "configuration", lambda: project)
    monkeypatch.setattr(command, "aws_target", lambda: Target(endpoint="http://127.0.0.1:9", why="test"))
    monkeypatch.setattr(apply, "refuse_while_deploying", lambda *_: None)
    monkeypatch.setattr(deployed, "last_run", lambda *_: None)
    monkeypatch.setattr(rollback, "candidates", lambda *_: (GONE, TARGET))
    monkeypatch.setattr(rollback, "start", start)
    monkeypatch.setattr(command, "_review", lambda *_: prepared("risky"))
    return started


def test_the_newest_accepted_run_is_rolled_back_to_when_a_script_says_so(
    rolled_back: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["rollback", "test", "--yes", "--json"]) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["chosen"], found["run"], found["verdict"]) == ("run-1", "run-9", "risky")
    assert [one["why_not"] for one in found["candidates"]] == ["is what runs now", ""]
    assert rolled_back == ["run-1"]
    assert "is what runs now" in told.err


def test_nobody_is_there_to_be_asked(rolled_back: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rollback", "test"]) == 1
    assert "in a script, having looked at it: kotei rollback test --to run-1 --yes" in capsys.readouterr().err
    assert rolled_back == []


def test_a_dry_run_changes_nothing(rolled_back: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["rollback", "test", "--dry-run", "--yes"]) == 0
    assert capsys.readouterr().out == "test: nothing was changed\n"
    assert rolled_back == []


def test_an_address_that_would_be_lost_blocks_it(
    rolled_back: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "_review", lambda *_: prepared("blocked"))
    assert cli.main(["rollback", "test", "--yes"]) == 5
    assert "an address goes" in capsys.readouterr().err
    assert rolled_back == []
