"""The bench's lab works: a run of seconds, whose counts are plausible and whose report has its rows. It says nothing about speed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.paths import ROOT
from tests.bench import programs, results
from tests.bench.results import Results
from tests.bench.run import QUICK

PATIENCE = 180


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    try:
        programs.from_debian("wrk")
    except programs.Missing as missing:
        pytest.skip(f"the bench's client is not here: {missing}")
    folder = tmp_path_factory.mktemp("bench")
    command = [sys.executable, "-m", "tests.bench", "--quick", "--into", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> Results:
    return results.read(folder / "results.json")


@pytest.mark.nginx
def test_every_subject_is_measured_in_every_row(found: Results) -> None:
    assert [(one.body, one.connections, one.subject) for one in found.closed] == [
        (row.body, row.connections, subject) for row in QUICK.rows for subject in QUICK.subjects
    ]
    assert [one.subject for one in found.open] == list(QUICK.subjects)
    assert [one.sites for one in found.sites] == [*QUICK.sites, *QUICK.sites]


@pytest.mark.nginx
def test_requests_are_answered_and_paid_for_by_the_proxy(found: Results) -> None:
    for one in found.closed:
        assert one.requests > 50, one
        assert one.errors == 0, one
        assert one.cpu_microseconds, one
        assert one.memory_mib, one
    for sent in found.open:
        assert sent.offered > 100, sent
        assert sent.lost == 0, sent
        assert 0 < sent.p50 <= sent.p99 <= sent.p999, sent


@pytest.mark.nginx
def test_only_the_baseline_connects_to_the_origin_for_each_request(found: Results) -> None:
    for one in found.closed:
        # Half, because the window in which connections are counted is shorter than the one in which requests are.
        expected = range(one.requests // 2, 2 * one.requests) if one.subject == "baseline" else range(one.connections + 1)
        assert one.handshakes in expected, one


@pytest.mark.nginx
def test_the_report_has_its_rows(folder: Path, found: Results) -> None:
    text = (folder / "README.md").read_text()
    for row in found.rows():
        assert text.count(f"\n| {row.title} |") == 3, row
    for level in found.levels():
        assert f"\n| {level.title} |" in text
    assert "\n| CPU per request, 1 KiB, 16 connections, against baseline | ≤ 1/20 |" in text
    assert "\n| 10 | one each |" in text
