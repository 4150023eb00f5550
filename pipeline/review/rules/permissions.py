"""What identities may do: IAM policies of both sides as sets, broadened and narrowed."""

from __future__ import annotations

from pipeline.review.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
