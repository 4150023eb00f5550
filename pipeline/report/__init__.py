"""A review in words: for a terminal, a hook, a pull request, programs, a browser. Every format is a function of the review alone."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.review.model import Review


def _text(review: Review) -> str:
    from pipeline.report.text import for_terminal  # noqa: PLC0415 - rich is only for this one

    return for_terminal(review)


def _line(review: Review) -> str:
    from pipeline.report.line import line  # noqa: PLC0415 - a format is imported when somebody wants it

    return line(review)


def _markdown(review: Review) -> str:
    from pipeline.report.markdown import comment  # noqa: PLC0415 - as above

    return comment(review)


def _json(review: Review) -> str:
    from pipeline.report.document import text as document_text  # noqa: PLC0415 - as above

    return document_text(review)


def _html(review: Review) -> str:
    from pipeline.report.page import page  # noqa: PLC0415 - jinja2 is only for this one

    return page(review)


FORMATS: dict[str, Callable[[Review], str]] = {"text": _text, "line": _line, "markdown": _markdown, "json": _json, "html": _html}
