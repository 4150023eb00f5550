"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pipeline.review.model import Change, Comparison, Finding, Topic, Verdict


@dataclass(frozen=True)
class Rule:
    """`judge` yields findings whose rule is `name`. `source` is where the fact comes from."""

    name: str
    judge: Callable[[Comparison], Iterator[Finding]]
    source: str


def about(change: Change, rule: str, verdict: Verdict, text: str, mend: str = "", *, topic: Topic) -> Finding:
    return Finding(rule=rule, topic=topic, verdict=verdict, stack=change.stack, resource=change.logical_id, text=text, mend=mend)
