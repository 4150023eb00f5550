"""The verdict in one line: for the commit hook, and as a heading."""

from __future__ import annotations

from pipeline.report.words import headline
from pipeline.review.model import Review


def line(review: Review) -> str:
    return headline(review) + "\n"
