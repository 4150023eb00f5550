"""The pipeline itself: gates, approvals, build projects, the connection, targets of a rollback."""

from __future__ import annotations

from pipeline.review.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
