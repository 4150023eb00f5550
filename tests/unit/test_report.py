"""A plan in words, and as shell lines that survive the shell, JSON and CodePipeline."""

from __future__ import annotations

import json
import subprocess

from hypothesis import given
from hypothesis import strategies as st

from pipeline import report
from pipeline.plan import Change, Plan, StackPlan

REMOVED = Change(logical_id="EipA", type="AWS::EC2::EIP", action="remove", replaces=False)
CHANGED = Change(logical_id="Role", type="AWS::IAM::Role", action="modify", replaces=None, paths=("Properties.Policies[0].PolicyName",))


def plan(*changes: Change, reasons: tuple[str, ...] = (), parameters: tuple[str, ...] = ()) -> Plan:
    stack = StackPlan(
        stack="service",
        name="kotei-staging-service",
        action="update" if changes or parameters else "none",
        changes=changes,
        parameters=parameters,
    )
    return Plan(owner="staging", stacks=(stack,), verdict="blocked" if reasons else "safe", reasons=reasons)


def test_the_text_names_every_change_and_every_reason() -> None:
    text = report.text(plan(REMOVED, CHANGED, reasons=("kotei-staging-service: removes EipA",)))
    assert text.splitlines() == [
        "staging: 1 changed, 1 removed (blocked)",
        "  ! kotei-staging-service: removes EipA",
        "kotei-staging-service: update",
        "  - EipA (AWS::EC2::EIP)",
        "  ~ Role (AWS::IAM::Role, whether it is replaced is not known here): Properties.Policies[0].PolicyName",
    ]


def test_a_new_image_alone_is_told() -> None:
    text = report.text(plan(parameters=("ImageDigest",)))
    assert "  ~ parameter ImageDigest" in text.splitlines()
    assert "no change" not in text


def test_no_change_is_told() -> None:
    assert report.text(plan()).splitlines() == ["staging: no change (safe)", "kotei-staging-service: no change"]


@given(st.text(), st.integers(min_value=0, max_value=200))
def test_the_summary_fits_and_is_plain(reason: str, times: int) -> None:
    summary = report.summary(plan(REMOVED, reasons=(reason,) * times))
    assert 1 <= len(summary) <= 1000
    assert summary.isascii()
    assert summary.isprintable()
    assert not set(summary) & set('"\\#`$')


def test_the_dangerous_comes_first_when_the_summary_is_cut() -> None:
    summary = report.summary(plan(REMOVED, reasons=("removes EipA", *("x" * 80,) * 50)))
    assert "removes EipA" in summary
    assert summary.endswith(" ...")


def test_a_shell_reads_the_exports_back() -> None:
    lines = report.exports(plan(REMOVED, reasons=("it's 'quoted'; rm -rf $(x)",)), needs_approval=True, fingerprint="f" * 64)
    script = f'{lines}printf \'%s\\n\' "$NEEDS_APPROVAL" "$VERDICT" "$FINGERPRINT" "$SUMMARY"'
    answer = subprocess.run(["bash", "-eu", "-c", script], check=True, capture_output=True, text=True).stdout.splitlines()
    assert answer[:3] == ["true", "blocked", "f" * 64]
    assert answer[3].startswith("staging: 1 removed (blocked). it's 'quoted'; rm -rf (x)")


def test_the_document_is_json() -> None:
    document = json.loads(json.dumps(report.document(plan(CHANGED), needs_approval=False, fingerprint="f")))
    assert document["stacks"][0]["changes"][0]["replaces"] is None
    assert (document["needs_approval"], document["fingerprint"]) == (False, "f")
