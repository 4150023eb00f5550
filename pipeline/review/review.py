"""The whole offline review: the rendered files of two sides in, a review out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from pipeline.review.compare import compare
from pipeline.review.exceptions import Accepted
from pipeline.review.judge import judge
from pipeline.review.model import VERDICTS, OwnerReview, Review, Side
from pipeline.review.sides import sides


def review(
    before: Mapping[str, str], after: Mapping[str, str], accepted: Sequence[Accepted], today: date, *, base: str, head: str
) -> Review:
    """`before` and `after` are path -> text; `base` and `head` say in words what they are."""
    old, new = sides(before), sides(after)
    owners = [judge(compare(owner, old.get(owner, Side()), new.get(owner, Side())), accepted, today) for owner in {**old, **new}]
    return Review(base=base, head=head, owners=tuple(sorted(owners, key=_rank)))


def _rank(owner: OwnerReview) -> tuple[int, bool, str]:
    return -VERDICTS.index(owner.verdict), owner.empty, owner.owner
