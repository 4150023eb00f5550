"""The page needs nothing and runs nothing, and what comes from a template stays text."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings

from pipeline.report import picture
from pipeline.report.page import page
from pipeline.review.model import Review
from tests.support.reviews_strategy import reviews
from tests.unit.report.samples import plan, sample, with_property

VOID = {"meta", "link", "rect", "path"}
# fmt: off
ALLOWED = {
    "html", "head", "meta", "title", "link", "style", "body", "header", "main", "section", "article", "figure", "figcaption",
    "h1", "h2", "h3", "h4", "p", "ul", "ol", "li", "dl", "div", "dt", "dd", "a", "b", "strong", "em", "small", "span", "code",
    "pre", "details", "summary", "table", "thead", "tbody", "tr", "th", "td", "svg", "defs", "marker", "path", "g", "rect", "text",
}
# fmt: on
FETCHING = {"src", "srcset", "data", "action", "formaction", "poster", "background", "xlink:href", "style"}


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def values(self, attribute: str) -> list[str]:
        return [value for _, attributes in self.tags if (value := attributes.get(attribute)) is not None]


@given(reviews())
@settings(max_examples=30, deadline=None)
def test_nothing_in_a_review_becomes_markup(review: Review) -> None:
    found = Page(page(review))
    assert {tag for tag, _ in found.tags} <= ALLOWED
    names = {name for _, attributes in found.tags for name in attributes}
    assert not names & FETCHING
    assert not [name for name in names if name.startswith("on")]
    assert found.open == []


@given(reviews())
@settings(max_examples=30, deadline=None)
def test_links_stay_on_the_page_and_lead_somewhere(review: Review) -> None:
    found = Page(page(review))
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    links = [link for link in found.values("href") if not link.startswith("data:image/svg+xml;base64,")]
    assert {link.removeprefix("#") for link in links} <= set(ids)
    markers = [re.fullmatch(r"url\(#([\w-]+)\)", value) for value in found.values("marker-end")]
    assert all(marker and marker[1] in ids for marker in markers)


def test_the_policy_lets_nothing_in_but_the_style_of_the_page() -> None:
    text = page(sample("risky"))
    found = Page(text)
    (policy,) = [attributes["content"] for tag, attributes in found.tags if attributes.get("http-equiv") == "Content-Security-Policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    assert not re.search(r"url\(|@import", style)


def test_an_icon_is_on_the_page_so_that_no_browser_asks_for_one() -> None:
    (icon,) = [attributes["href"] for tag, attributes in Page(page(sample("safe"))).tags if tag == "link"]
    assert icon
    assert base64.b64decode(icon.removeprefix("data:image/svg+xml;base64,")).startswith(b"<svg")


@pytest.mark.parametrize("review", [sample("blocked"), sample("risky"), plan()], ids=["blocked", "risky", "plan"])
def test_what_changes_is_in_words_and_not_only_in_colours(review: Review) -> None:
    found = Page(page(review))
    names = "".join(found.texts["text"])
    for node in picture.graph(review.owners[0]).nodes:
        assert node.stack in names
        assert node.words.split(",")[0] in names
        assert f"{node.stack}: {picture.STATES[node.state]}; {node.words}" in found.texts["title"]


def test_a_long_value_is_short_at_first_and_whole_below() -> None:
    text = page(with_property(before="x" * 1000 + "old", after="x" * 1000 + "new"))
    assert '<code class="new">…xxxxxxxxxxxxnew</code>' in text
    assert f'<pre class="new">{"x" * 1000}new</pre>' in text
    assert "<pre" not in page(with_property(before="old", after="new"))


def test_no_change_is_said() -> None:
    assert "<p>No change.</p>" in page(Review(base="a", head="b", owners=()))
