"""The comment of a pull request, read as GitHub reads it: what comes from a template stays text."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from pipeline.report.markdown import COMMENT_LIMIT, MARKER, comment, prose
from pipeline.review.model import VERDICTS, Finding, OwnerReview, Review
from tests.support.reviews_strategy import HOSTILE, reviews
from tests.unit.report.samples import plan, sample

PARSER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
OUR_TAGS = {"details", "summary", "b"}


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [tag, *(name for name, _ in attrs)]


def flat(tokens: list[Token]) -> list[Token]:
    return [one for token in tokens for one in (token, *flat(token.children or []))]


def text_of(tokens: list[Token]) -> str:
    """What GitHub searches for mentions and links: text outside of code."""
    return "\n".join(token.content for token in flat(tokens) if token.type == "text")


@given(reviews())
@settings(max_examples=30, deadline=None)
def test_nothing_in_a_review_becomes_markup(review: Review) -> None:
    told = comment(review)
    tokens = flat(PARSER.parse(told))
    tags = Tags()
    tags.feed("".join(token.content for token in tokens if token.type in ("html_block", "html_inline")))
    assert set(tags.found) <= OUR_TAGS
    assert not {token.type for token in tokens} & {"link_open", "image", "table_open", "s_open", "code_block", "hr"}
    # Headings: one of the comment, one of each owner at most.
    assert sum(token.type == "heading_open" for token in tokens) <= 1 + len(review.owners)
    assert told.startswith(f"{MARKER}\n")


@given(reviews())
@settings(max_examples=30, deadline=None)
def test_nobody_is_mentioned_and_nothing_is_linked(review: Review) -> None:
    tokens = PARSER.parse(comment(review))
    outside = text_of(tokens) + "".join(token.content for token in flat(tokens) if token.type == "html_block")
    assert not re.search(r"@[\w-]|(?<!&)#\w|\b[Gg][Hh]-\d|https?://|www\.\w", outside)


@pytest.mark.parametrize("hostile", [one for one in HOSTILE if one.strip() and "\n" not in one and one.isprintable()])
def test_a_reader_sees_what_was_written(hostile: str) -> None:
    seen = "".join(token.content for token in flat(PARSER.parse(f"- {prose(hostile)}")) if token.type in ("text", "text_special"))
    assert seen.replace("\u200b", "") == " ".join(hostile.split())[: len(seen)].strip() or seen.endswith("…")


@given(reviews(), st.integers(2_000, 20_000))
@settings(max_examples=30, deadline=None)
def test_it_is_never_longer_than_the_limit(review: Review, limit: int) -> None:
    assert len(comment(review, limit=limit).encode()) <= limit
    assert len(comment(review).encode()) <= COMMENT_LIMIT


def large() -> Review:
    findings = tuple(
        Finding(rule="rule", topic="resources", verdict=verdict, stack="network", text=f"{verdict} number {number} " + "word " * 60)
        for verdict in reversed(VERDICTS)
        for number in range(150)
    )
    owner = replace(sample("risky").owners[0], findings=findings, verdict="blocked")
    return Review(base="a", head="b", owners=(owner, *sample("safe").owners))


def test_the_worst_is_kept_and_the_cut_is_told() -> None:
    told = comment(large())
    assert COMMENT_LIMIT * 0.95 < len(told.encode()) <= COMMENT_LIMIT
    kept = {verdict: told.count(f"{verdict} number ") for verdict in VERDICTS}
    assert kept["blocked"] == 150
    assert 0 < kept["risky"] < 150
    assert kept["safe"] == 0
    cut = re.search(r"not shown: (\d+) risky findings, (\d+) safe findings, 4 estimates, \d+ stacks\.", told)
    assert cut
    assert int(cut[1]) == 150 - kept["risky"]
    assert "HTML and JSON reports" in told
    assert "`kotei review`" in told


def test_a_long_stack_keeps_its_worst_changes() -> None:
    owner = sample("risky").owners[0]
    stack = next(one for one in owner.stacks if one.stack == "network")
    many = tuple(replace(stack.changes[0], logical_id=f"Added{number}", action="add", properties=()) for number in range(400))
    told = comment(replace(sample("risky"), owners=(replace(owner, stacks=(replace(stack, changes=(*many, *stack.changes)),)),)))
    assert "FlowLog (AWS::EC2::FlowLog): replaced" in told
    assert re.search(r"# and \d+ more lines", told)


@pytest.mark.parametrize(
    "text", ["# heading", "- item", "+ item", "1. one", "2) two", "===", "---", "> quoted", "```", "~~~", "    code", "| a |"]
)
def test_prose_begins_no_block(text: str) -> None:
    for before in ("", "- above\n  - ", "above\n"):
        tokens = flat(PARSER.parse(before + prose(text)))
        blocks = {token.type for token in tokens} - {"inline", "text", "text_special", "softbreak"}
        assert blocks <= {f"{name}_{end}" for name in ("paragraph", "bullet_list", "list_item") for end in ("open", "close")}
        assert sum(token.type == "list_item_open" for token in tokens) == before.count("- ")


def test_a_comment_says_what_was_compared_and_who_decides() -> None:
    told = comment(plan())
    assert "### ⚠️ Plan: risky" in told
    assert "`what is live in AWS` → `this checkout`" in told
    assert "A person must approve it; fingerprint 9f86d081" in told


def test_the_two_limits_of_github_are_kept_apart() -> None:
    told = comment(large(), limit=1 << 20)
    assert told.count("safe number ") == 150
    assert "not shown" not in told


def test_an_owner_without_findings_still_has_its_stacks() -> None:
    owner = OwnerReview(owner="staging", verdict="safe", stacks=sample("safe").owners[0].stacks, findings=())
    assert "<b>staging/service</b>" in comment(Review(base="a", head="b", owners=(owner,)))
