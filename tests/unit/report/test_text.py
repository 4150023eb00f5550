"""The review on a terminal: at any width, with and without colour."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from pipeline.report import FORMATS
from pipeline.report.text import text
from pipeline.review.model import Review
from tests.support.reviews_strategy import reviews
from tests.unit.report.samples import sample

COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@given(review=reviews(), width=st.integers(24, 100))
@settings(max_examples=30, deadline=None)
def test_no_line_is_wider_than_the_terminal(review: Review, width: int) -> None:
    assert [line for line in text(review, width=width).splitlines() if cell_len(line) > width] == []


@pytest.mark.parametrize("verdict", ["blocked", "risky", "safe"])
def test_colour_changes_no_word(verdict: str) -> None:
    plain, coloured = text(sample(verdict), colour=False), text(sample(verdict), colour=True)
    assert "\x1b" not in plain
    assert "\x1b[" in coloured
    assert [line.rstrip() for line in COLOUR.sub("", coloured).splitlines()] == plain.splitlines()


def test_there_is_no_colour_where_nobody_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORCE_COLOR", raising=False)
    assert "\x1b" not in FORMATS["text"](sample("risky"))


def test_who_wants_no_colour_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in FORMATS["text"](sample("risky"))
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in FORMATS["text"](sample("risky"))


def test_it_reads_from_the_verdict_to_the_details() -> None:
    lines = text(sample("risky"), width=100).splitlines()
    assert lines[0].startswith("review: risky - production: 2 replaced, ")
    at = [next(number for number, line in enumerate(lines) if line.startswith(start)) for start in ORDER]
    assert at == sorted(at)


ORDER = (
    "main (1a2b3c4) -> the work tree",
    "production risky",
    "  risky ",
    "  safe ",
    "  takes ",
    "  costs ",
    "  network  ",
    "  addresses: no",
    "shared: no",
)


def test_a_change_says_what_becomes_of_the_resource_and_which_values_change() -> None:
    shown = " ".join(text(sample("risky"), width=100).split())
    for words in (
        "- Dashboard (AWS::CloudWatch::Dashboard) deleted",
        '~ TaskDefinition (AWS::ECS::TaskDefinition) new revision Cpu: "512" -> "1024" (replaces)',
        "~ FlowLog (AWS::EC2::FlowLog) replaced TrafficType: ALL -> REJECT (replaces)",
        "+ Extra (AWS::EC2::SecurityGroup) created",
        "certificate/Certificate, which is new",
        "~ parameter CertificateArn has a new value",
    ):
        assert words in shown
