"""What a stack as a whole refuses: its policy, its state, names that are taken, what drifted."""

from __future__ import annotations

from pipeline.review.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
