"""What a change does to the monthly bill: the same estimate as `kotei cost`, of both sides."""

from __future__ import annotations

from pipeline import cost
from pipeline.errors import PipelineError
from pipeline.review import capacity
from pipeline.review.model import Comparison, Cost
from pipeline.review.read import standing
from pipeline.review.resource_types import EIP


def change(comparison: Comparison) -> Cost | None:
    """None where no resource changes, where there is no service, and where nothing is known of the region's prices."""
    if not comparison.changes:
        return None
    before = capacity.of(comparison.before)
    # What stands stays on the bill, and so does a retained address.
    retained = sum(one.retained and (one.action == "remove" or one.replaces) for one in comparison.of_type(EIP))
    after = capacity.of(standing(comparison), left=retained)
    if after is None:
        return None
    try:
        prices = cost.price_table(after.region)
        return Cost(
            before=cost.total(cost.lines(before)) if before else None,
            after=cost.total(cost.lines(after)),
            region=str(after.region),
            prices_of=str(prices["as_of"]),
        )
    except PipelineError:
        return None
