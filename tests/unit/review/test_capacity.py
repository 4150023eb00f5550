"""What the templates order, read from them whatever they hold."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.review import capacity
from pipeline.review.capacity import Capacity, number
from pipeline.review.model import Side
from tests.unit.review.edits import edited

Edit = dict[str, Any]


def _of(*edits: Edit) -> Capacity:
    found = capacity.of(edited(None, edits)["production"])
    assert found is not None
    return found


def test_the_base_is_read_as_it_is_written() -> None:
    assert _of() == Capacity(
        region="ap-northeast-1",
        load_balancers=1,
        zones=2,
        addresses=2,
        cpu=512,
        memory=1024,
        min_tasks=3,
        max_tasks=12,
        on_demand_base=2,
        spot_percent=0,
        public_tasks=True,
        keys=1,
    )


def test_without_a_service_there_is_none() -> None:
    assert capacity.of(Side()) is None
    assert capacity.of(edited(None, ())["shared"]) is None


def test_adopted_addresses_are_counted_where_they_are_used() -> None:
    assert _of({"in": "production/addresses", "drop": True}).addresses == 2


def test_an_address_that_no_zone_uses_is_counted() -> None:
    found = _of({"in": "production/loadbalancer", "at": "Resources.LoadBalancer.Properties.SubnetMappings.1", "drop": True})
    assert (found.zones, found.addresses) == (1, 2)


def test_spot_is_its_weight_among_all() -> None:
    strategy = [{"CapacityProvider": "FARGATE", "Base": 1, "Weight": 1}, {"CapacityProvider": "FARGATE_SPOT", "Weight": 3}]
    found = _of({"in": "production/service", "at": "Resources.Service.Properties.CapacityProviderStrategy", "put": strategy})
    assert (found.on_demand_base, found.spot_percent) == (1, 75)


def test_without_scaling_the_service_says_how_many() -> None:
    found = _of(
        {"in": "production/service", "at": "Resources.ScalableTarget", "drop": True},
        {"in": "production/service", "at": "Resources.Service.Properties.DesiredCount", "put": 4},
    )
    assert (found.min_tasks, found.max_tasks) == (4, 4)


@pytest.mark.parametrize("value", [{"Ref": "Size"}, None, True, -1, 1.5, "1 vCPU", "", "²", 10**9, "9" * 5000, [512]])
def test_what_is_no_number_is_none(value: Any) -> None:
    assert number(value) is None
    assert _of({"in": "production/service", "at": "Resources.TaskDefinition.Properties.Cpu", "put": value}).cpu is None
