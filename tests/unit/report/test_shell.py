"""A plan as shell lines that survive the shell, JSON and CodePipeline."""

from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings

from pipeline.report.shell import exports, summary
from pipeline.review.model import Finding, OwnerReview, PlanFacts, Review, Verdict
from tests.support.reviews_strategy import plans
from tests.unit.report.samples import plan, sample


def finding(text: str, verdict: Verdict = "blocked") -> Finding:
    return Finding(rule="rule", topic="addresses", verdict=verdict, text=text)


def plan_of(*findings: Finding, fingerprint: str = "f" * 64) -> Review:
    owner = OwnerReview(owner="staging", verdict=findings[0].verdict, stacks=(), findings=findings)
    return Review(base="AWS", head="here", owners=(owner,), plan=PlanFacts(fingerprint=fingerprint, needs_approval=True))


@given(plans())
@settings(max_examples=30, deadline=None)
def test_the_summary_fits_and_is_plain(review: Review) -> None:
    told = summary(review)
    assert 1 <= len(told) <= 1000
    assert told.isascii()
    assert told.isprintable()
    assert not set(told) & set('"\\#`$')


def test_the_summary_begins_with_the_verdict_and_names_the_stacks() -> None:
    assert summary(plan()).startswith("plan: risky - production: 2 replaced, ")
    assert summary(plan()).endswith(". Stacks: certificate, edge, network, security, loadbalancer, service, monitoring")


def test_the_dangerous_comes_first_when_the_summary_is_cut() -> None:
    told = summary(plan_of(finding("EipA is lost"), *(finding("x" * 80 + str(number), "risky") for number in range(50))))
    assert told.startswith("plan: blocked - staging: 51 findings. EipA is lost; ")
    assert told.endswith(" ...")
    assert len(told) == 1000


def test_what_is_safe_takes_no_place_in_the_summary() -> None:
    assert "more memory" not in summary(plan_of(finding("EipA is lost"), finding("more memory", "safe")))


@given(plans())
@settings(max_examples=15, deadline=None)
def test_a_shell_reads_the_exports_back(review: Review) -> None:
    hostile = replace(review, owners=tuple(replace(owner, owner="it's 'quoted'; rm -rf $(x)") for owner in review.owners))
    assert hostile.plan
    names = ("NEEDS_APPROVAL", "VERDICT", "SUMMARY", "FINGERPRINT", "REPORT")
    link = "https://example.com/a b?c=d&e='f'"
    script = exports(hostile, link=link) + "\n".join(f'printf "%s\\n" "${name}"' for name in names)
    answer = subprocess.run(["bash", "-eu", "-c", script], check=True, capture_output=True, text=True).stdout.splitlines()
    needed = "true" if hostile.plan.needs_approval else "false"
    assert answer == [needed, hostile.verdict, summary(hostile), hostile.plan.fingerprint, link]


def test_a_review_that_is_no_plan_hands_nothing_on() -> None:
    with pytest.raises(ValueError, match="only a plan"):
        exports(sample("safe"))
