"""The fixed addresses: what would lose, swap or interrupt one, and what would leave one unprotected."""

from __future__ import annotations

from pipeline.review.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
