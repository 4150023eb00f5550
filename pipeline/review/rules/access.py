"""Who may reach what: clients as sets of addresses, against hosts and ports."""

from __future__ import annotations

from pipeline.review.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
