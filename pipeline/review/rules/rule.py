"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.review.model import Comparison, Finding


@dataclass(frozen=True)
class Rule:
    """`judge` yields findings whose rule is `name`. `source` is where the fact comes from."""

    name: str
    judge: Callable[[Comparison], Iterator[Finding]]
    source: str
