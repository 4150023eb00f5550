"""What the proxy does with requests, from the parsed nginx configurations of both sides."""

from __future__ import annotations

from pipeline.review.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
