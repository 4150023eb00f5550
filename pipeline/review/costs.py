"""What a change does to the monthly bill: the same estimate as `kotei cost`, of both sides."""

from __future__ import annotations

from dataclasses import replace

from pipeline import cost
from pipeline.errors import PipelineError
from pipeline.review import capacity
from pipeline.review.model import Comparison, Cost, Side


def change(comparison: Comparison) -> Cost | None:
    """None where no resource changes, where there is no service, and where nothing is known of the region's prices."""
    if not comparison.changes:
        return None
    before = capacity.of(comparison.before)
    # The pipeline deletes no stack, so what is rendered no more stays on the bill, and so does a retained address.
    left = Side(stacks={**comparison.before.stacks, **comparison.after.stacks})
    after = capacity.of(left)
    if after is None:
        return None
    retained = sum(one.retained and (one.action == "remove" or one.replaces) for one in comparison.of_type("AWS::EC2::EIP"))
    after = replace(after, addresses=after.addresses + retained)
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
