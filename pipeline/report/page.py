"""A review as one page that needs nothing else: no request, no script, no font. Opens from a file, prints, works on a phone."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from pipeline.report import drawing, picture, values, words
from pipeline.review.model import VERDICTS, OwnerReview, Property, Review, StackReview

HERE = Path(__file__).parent
VALUE, LONGEST = 240, 100_000
COLOURS = {"blocked": "b3261e", "risky": "b26a00", "safe": "2e7d32"}
STATE_MARKS: dict[picture.State, str] = {"created": "+", "updated": "~", "replaced": "!", "removed": "-", "untouched": ""}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a table of properties. The whole values are empty where the short ones are whole."""

    path: str
    before: str
    after: str
    whole_before: str
    whole_after: str
    because: str
    why: str


def page(review: Review) -> str:
    css = (HERE / "page.css").read_text(encoding="utf-8")
    text = _template().render(
        review=review,
        css=css,
        policy=_policy(css),
        icon=_icon(COLOURS[review.verdict]),
        pictures={number: _pictures(owner) for number, owner in enumerate(review.owners) if not owner.empty},
    )
    # A lone surrogate cannot be written as UTF-8.
    return text.encode(errors="replace").decode()


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["printable"] = values.printable
    environment.globals.update(words=words, rows=rows, opened=opened, states=picture.STATES, marks=STATE_MARKS, takes=takes)
    return environment.get_template("page.html.j2")


def _policy(css: str) -> str:
    """Only the page's own style, known by its hash: whatever a template smuggles in does nothing."""
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def _icon(colour: str) -> str:
    """Inline, or a browser asks for /favicon.ico."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7" fill="#{colour}"/></svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def _pictures(owner: OwnerReview) -> tuple[drawing.Drawing, ...]:
    graph = picture.graph(owner)
    layout = picture.layout(graph)
    return tuple(drawing.draw(graph, layout, sizes) for sizes in (drawing.WIDE, drawing.NARROW))


def rows(properties: tuple[Property, ...]) -> Iterator[Row]:
    for one in properties:
        before, after = values.pair(one.before, one.after, VALUE)
        whole = [values.shortened(values.shown(value), LONGEST) for value in (one.before, one.after)]
        long = not one.because and [before, after] != whole
        yield Row(
            path=values.printable(one.path),
            before=before,
            after=after,
            whole_before=whole[0] if long else "",
            whole_after=whole[1] if long else "",
            because=words.because(one),
            why=words.why(one) or "in place",
        )


def opened(owner: OwnerReview, stack: StackReview) -> bool:
    """Whether its changes are shown at once: something in it asks for attention."""
    return any(finding.stack == stack.stack and finding.verdict != VERDICTS[0] for finding in owner.findings)


def takes(owner: OwnerReview) -> dict[str, tuple[picture.Edge, ...]]:
    """Target -> its edges, for those who cannot follow lines."""
    edges = picture.graph(owner).edges
    return {target: tuple(edge for edge in edges if edge.target == target) for target in dict.fromkeys(edge.target for edge in edges)}
