"""The tasks: what a deployment does to requests, and what makes it less safe."""

from __future__ import annotations

from pipeline.review.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
