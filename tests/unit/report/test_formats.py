"""What holds for every format, whatever a review holds."""

from __future__ import annotations

import html
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping

import pytest
from hypothesis import given, settings

from pipeline.report import FORMATS, document, values
from pipeline.report.markdown import SIGNS
from pipeline.report.text import text
from pipeline.review.model import Review, Verdict
from tests.support.reviews_strategy import reviews
from tests.unit.report.samples import plan, sample

TEXTUAL = ("text", "line", "markdown")
VERDICT_PLACE = {
    "text": re.compile(r"\A(?:review|plan): (\w+)"),
    "line": re.compile(r"\A(?:review|plan): (\w+) - "),
    "markdown": re.compile(r"^### \S+ (?:Review|Plan): (\w+)$", re.MULTILINE),
    "json": re.compile(r'^  "verdict": "(\w+)"', re.MULTILINE),
    "html": re.compile(r'<h1>(?:Review|Plan) <span class="badge \w+">(\w+)</span></h1>'),
}


@pytest.mark.parametrize("name", FORMATS)
@given(review=reviews())
@settings(max_examples=30, deadline=None)
def test_a_format_never_fails_and_says_the_same_twice(name: str, review: Review) -> None:
    first = FORMATS[name](review)
    assert first == FORMATS[name](review)
    assert first.endswith("\n")
    first.encode()


@pytest.mark.parametrize("name", FORMATS)
@given(review=reviews())
@settings(max_examples=30, deadline=None)
def test_the_verdict_is_the_worst_finding_in_every_format(name: str, review: Review) -> None:
    worst: Verdict = "safe"
    for finding in (one for owner in review.owners for one in owner.findings):
        worst = "blocked" if "blocked" in (worst, finding.verdict) else "risky" if "risky" in (worst, finding.verdict) else "safe"
    found = VERDICT_PLACE[name].search(FORMATS[name](review))
    assert found
    assert found[1] == worst


@given(review=reviews())
@settings(max_examples=30, deadline=None)
def test_every_finding_is_told(review: Review) -> None:
    page, shown, told = FORMATS["html"](review), " ".join(text(review, width=100).split()), json.loads(FORMATS["json"](review))
    listed = [finding["text"] for owner in told["owners"] for finding in owner["findings"]]
    # A terminal may break a long word at any place.
    shown = shown.replace(" ", "")
    for finding in (one for owner in review.owners for one in owner.findings):
        assert finding.text in listed
        assert html.escape(values.printable(finding.text)).replace("&#x27;", "&#39;").replace("&quot;", "&#34;") in page
        assert values.printable(finding.text).replace(" ", "") in shown


@pytest.mark.parametrize("name", TEXTUAL)
@given(review=reviews())
@settings(max_examples=30, deadline=None)
def test_nothing_that_cannot_be_seen_gets_through(name: str, review: Review) -> None:
    """Escape sequences move a terminal's cursor; marks of direction show one thing and mean another."""
    assert not [one for one in FORMATS[name](review) if not one.isprintable() and one not in "\n "]


@pytest.mark.parametrize("verdict", ["blocked", "risky", "safe"])
def test_the_samples_are_what_they_are_called(verdict: str) -> None:
    assert sample(verdict).verdict == verdict


@pytest.mark.parametrize(
    ("name", "badge"), [("text", "\n  {} "), ("markdown", "\n- {} **"), ("html", '<p class="tags"><span class="badge {}">')]
)
def test_the_worst_comes_first(name: str, badge: str) -> None:
    shown = FORMATS[name](sample("blocked"))
    signs = SIGNS if name == "markdown" else {"blocked": "blocked", "risky": "risky"}
    blocked, risky = (shown.index(badge.format(signs[verdict])) for verdict in ("blocked", "risky"))
    assert blocked < risky
    assert blocked < shown.index("FlowLog")


def test_a_plan_says_whether_a_person_must_approve_it_and_what_it_is_bound_to() -> None:
    facts = plan().plan
    assert facts
    for name in ("text", "markdown", "html"):
        assert "a person must approve it" in FORMATS[name](plan()).lower().replace("\n", " ")
        assert facts.fingerprint in FORMATS[name](plan())
    told = json.loads(FORMATS["json"](plan()))
    assert (told["kind"], told["needs_approval"], told["fingerprint"]) == ("plan", True, facts.fingerprint)


def test_the_document_holds_what_the_review_holds() -> None:
    told = document.document(sample("risky"))
    changes = {(stack.stack, one.resource): one.behaviour for stack in told.owners[0].stacks for one in stack.changes}
    assert changes["monitoring", "Dashboard"] == "deleted"
    assert changes["service", "TaskDefinition"] == "new revision"
    assert changes["network", "FlowLog"] == "replaced"
    assert changes["edge", "Bucket"] == "created"
    new = [stack.parameters for stack in told.owners[0].stacks if stack.stack == "loadbalancer"]
    assert new == [("CertificateArn",)]


@pytest.mark.parametrize(
    ("name", "unwanted"), [("text", {"jinja2", "pydantic"}), ("line", {"jinja2", "rich"}), ("json", {"jinja2", "rich", "pydantic"})]
)
def test_a_format_pays_only_for_what_it_needs(name: str, unwanted: set[str]) -> None:
    script = f"""
import sys
from pipeline.review.model import Review
from pipeline.report import FORMATS
FORMATS[{name!r}](Review(base="a", head="b", owners=()))
print(sorted({unwanted!r} & sys.modules.keys()))
"""
    environment: Mapping[str, str] = {"PATH": os.environ["PATH"], "PYTHONPATH": "."}
    answer = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=dict(environment))
    assert answer.stdout == "[]\n"
