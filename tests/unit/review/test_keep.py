"""The safe way of a zone: its address is kept where it goes, and made before it comes."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.review.compare import compare
from pipeline.review.judge import judge
from tests.unit.review.edits import edited

MAPPINGS = "Resources.LoadBalancer.Properties.SubnetMappings"
OUT_OF_ZONE = {"in": "production/loadbalancer", "at": f"{MAPPINGS}.1", "drop": True}
WITHOUT_ADDRESS = {"in": "production/addresses", "at": "Resources.EipC", "drop": True}
WITHOUT_SUBNET = {"in": "production/network", "at": "Resources.SubnetC", "drop": True}
TOLD = {"in": "production/pinned", "put": [{"zone": "c", "address": "203.0.113.4", "allocation": "eipalloc-2"}]}
ADOPTED = [
    {"in": "production/addresses", "drop": True},
    {"in": "production/loadbalancer", "at": f"{MAPPINGS}.0.AllocationId", "put": "eipalloc-1"},
    {"in": "production/loadbalancer", "at": f"{MAPPINGS}.1.AllocationId", "put": "eipalloc-2"},
]
KEEP = 'keep = ["c"] below [addresses]'
Edits = list[dict[str, Any]]


def _mends(rule: str, before: Edits, after: Edits, *, back: bool = False) -> str:
    """`back` reads the change the other way round: the zone comes."""
    old = edited(None, before)
    new = edited(old, after)
    old, new = (new, old) if back else (old, new)
    review = judge(compare("production", old["production"], new["production"]), (), None)
    found = [one.mend for one in review.findings if one.rule == rule]
    assert found, review.findings
    return "\n".join(found)


@pytest.mark.parametrize(
    ("rule", "before"), [("address-lost", []), ("address-lost", [TOLD]), ("zone-removed", []), ("pinned-address", [TOLD])]
)
def test_who_gives_up_a_zone_with_its_address_reads_how_the_address_stays(rule: str, before: Edits) -> None:
    assert KEEP in _mends(rule, before, [OUT_OF_ZONE, WITHOUT_ADDRESS])


def test_an_address_that_is_kept_needs_no_advice() -> None:
    assert _mends("zone-removed", [], [OUT_OF_ZONE]) == "tell partners first"


@pytest.mark.parametrize("after", [[OUT_OF_ZONE], [{"in": "production/loadbalancer", "at": f"{MAPPINGS}.1.AllocationId", "put": "other"}]])
def test_an_adopted_address_cannot_be_kept_here(after: Edits) -> None:
    assert "keep = [" not in _mends("address-lost", ADOPTED, after)


def test_a_stack_that_is_rendered_no_more_keeps_nothing() -> None:
    assert "keep = [" not in _mends("address-lost", [], [{"in": "production/addresses", "drop": True}])


def test_the_address_of_a_zone_to_come_is_made_first() -> None:
    assert KEEP in _mends("zone-added", [], [OUT_OF_ZONE, WITHOUT_ADDRESS], back=True)
    assert "keep = [" not in _mends("zone-added", [], [OUT_OF_ZONE], back=True)


def test_the_subnet_of_a_zone_that_goes_is_tidied_up_before_the_zone_comes_back() -> None:
    assert "aws ec2 delete-subnet" in _mends("removed-while-used", [], [OUT_OF_ZONE, WITHOUT_SUBNET])
