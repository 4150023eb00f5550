"""What holds data or images: log groups, buckets, keys, the registry and its lifecycle rules."""

from __future__ import annotations

from pipeline.review.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
