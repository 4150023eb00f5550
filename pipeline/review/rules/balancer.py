"""The load balancer, its listeners, target groups, subnets and certificates: what AWS refuses, and what clients feel."""

from __future__ import annotations

from pipeline.review.rules.rule import Rule

RULES: tuple[Rule, ...] = ()
