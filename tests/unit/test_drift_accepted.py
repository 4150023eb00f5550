"""Accepted drift: what an exception covers, until when, and that it does not outlive its reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from pipeline import check
from pipeline.drift import accepted
from pipeline.drift.model import Drift, PropertyDrift
from pipeline.errors import PipelineError
from pipeline.exception_tables import EXCEPTIONS
from stacks.project import Project

RETENTION = PropertyDrift(name="RetentionInDays", live=1, deployed=14, git=14, stands="as deployed")
DRIFT = Drift(
    owner="production",
    stack="service",
    stack_name="kotei-production-service",
    logical_id="Logs",
    physical_id="/kotei/production/proxy",
    type="AWS::Logs::LogGroup",
    kind="changed",
    module="stacks/service.py",
    properties=(RETENTION,),
)
LAST = date(2030, 1, 31)
ENTRY = accepted.entry(DRIFT, owner="platform team", reason='a "full" disk', expires=LAST)


def test_what_is_written_is_read_again() -> None:
    (found,) = accepted.parse(ENTRY)
    assert (found.stack, found.resource, found.reason, found.expires) == ("production/service", "Logs", 'a "full" disk', LAST)
    assert found.covers(DRIFT)


@pytest.mark.parametrize(
    "other",
    [
        replace(DRIFT, owner="staging"),
        replace(DRIFT, stack="monitoring"),
        replace(DRIFT, logical_id="Others"),
        replace(DRIFT, kind="deleted"),
        replace(DRIFT, properties=(replace(RETENTION, live=3),)),
        replace(DRIFT, properties=(RETENTION, replace(RETENTION, name="KmsKeyId"))),
    ],
)
def test_another_drift_is_not_covered(other: Drift) -> None:
    assert not accepted.parse(ENTRY)[0].covers(other)


def test_it_ends_with_its_last_day() -> None:
    entries = accepted.parse(ENTRY)
    assert accepted.mark([DRIFT], entries, LAST)[0].accepted == 'accepted by platform team until 2030-01-31: a "full" disk'
    assert accepted.mark([DRIFT], entries, date(2030, 2, 1))[0].accepted == ""


def test_one_that_nothing_needs_is_told() -> None:
    entries = accepted.parse(ENTRY)
    assert accepted.unused("production", [DRIFT], entries) == ()
    assert accepted.unused("staging", [], entries) == ()
    assert "it differs no more" in accepted.unused("production", [], entries)[0]
    further = replace(DRIFT, properties=(replace(RETENTION, live=3),))
    assert "it has changed again since" in accepted.unused("production", [further], entries)[0]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("drift = 1", "drift: is no list of tables"),
        (ENTRY.replace("owner =", "who ="), r"drift\.0\.owner: is missing\n.*drift\.0\.who: there is no such key"),
        (ENTRY.replace("2030-01-31", '"soon"'), r"drift\.0\.expires: 'soon' is no day"),
        (ENTRY.replace('"production/service"', '"service"'), r"drift\.0\.stack: 'service' is not environment/stack"),
        (ENTRY.replace('"platform team"', '" "'), r"drift\.0\.owner: ' ' is no text"),
    ],
)
def test_a_wrong_one_is_named(text: str, problem: str) -> None:
    with pytest.raises(PipelineError, match=problem):
        accepted.parse(text)


def test_the_check_refuses_one_that_is_over(tmp_path: Path) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / EXCEPTIONS).write_text(ENTRY)
    project = Project.model_construct(environments=())  # type: ignore[call-arg] # of the pipeline nothing is asked
    assert check.check(tmp_path, project, only=["shell"], today=LAST) == []
    (finding,) = check.check(tmp_path, project, only=["shell"], today=date(2030, 2, 1))
    assert "the exception for the drift of Logs expired on 2030-01-31: mend it, or ask platform team" in str(finding)
