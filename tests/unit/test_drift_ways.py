"""Which answers a drift has, and when somebody should look."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.drift import ways
from pipeline.drift.model import Drift, Found, PropertyDrift
from pipeline.review.model import Finding
from pipeline.review.resource_types import BALANCER, EIP, SERVICE

ROLE = Drift(
    owner="test", stack="service", stack_name="demo-test-service", logical_id="A", physical_id="a", type="AWS::IAM::Role", kind="changed"
)


def differs(name: str) -> tuple[PropertyDrift, ...]:
    return (PropertyDrift(name=name, live=1, deployed=2, git=2, stands="as deployed"),)


BLOCKED = Finding(rule="address-lost", topic="addresses", verdict="blocked", text="x")
CASES = [
    (ROLE, ()),
    (replace(ROLE, status="UPDATE_COMPLETE", properties=differs("Policies")), ()),
    (replace(ROLE, status="ROLLBACK_COMPLETE"), ("revert",)),
    (replace(ROLE, wanted=False), ("revert",)),
    (replace(ROLE, properties=differs("RoleName")), ("adopt", "revert")),
    (replace(ROLE, kind="deleted"), ()),
    (replace(ROLE, kind="deleted", needed_by=("Service",)), ("adopt",)),
    (replace(ROLE, kind="beside"), ("adopt", "revert")),
    (replace(ROLE, findings=(BLOCKED,), properties=differs("Policies")), ("adopt",)),
    (replace(ROLE, type=EIP, kind="deleted"), ("adopt", "revert")),
    (replace(ROLE, type=EIP, properties=differs("Tags")), ("revert",)),
    (replace(ROLE, type=BALANCER, properties=differs("SubnetMappings")), ("revert",)),
    (replace(ROLE, type=BALANCER, kind="deleted"), ("adopt", "revert")),
    (replace(ROLE, type=SERVICE, properties=differs("TaskDefinition")), ("adopt",)),
    (replace(ROLE, type=SERVICE, properties=(*differs("TaskDefinition"), *differs("PropagateTags"))), ()),
]


@pytest.mark.parametrize(("drift", "cannot"), CASES)
def test_what_cannot_work_is_not_offered(drift: Drift, cannot: tuple[str, ...]) -> None:
    found = ways.cannot(drift)
    assert tuple(sorted(found)) == cannot
    assert all(found.values())


def test_an_address_that_was_released_may_be_had_again() -> None:
    gone = replace(ROLE, type=EIP, kind="deleted", physical_id="198.51.100.7")
    assert list(ways.by_hand(gone, "eu-west-1")) == ["aws ec2 allocate-address --region eu-west-1 --domain vpc --address 198.51.100.7"]


@pytest.mark.parametrize(
    ("found", "telling"),
    [
        (Found(owner="test"), False),
        (Found(owner="test", drifts=(ROLE,)), True),
        (Found(owner="test", drifts=(replace(ROLE, accepted="by me"),)), False),
        (Found(owner="test", missing={"service": "was deleted"}), True),
        (Found(owner="test", unchecked={"service": "ROLLBACK_COMPLETE"}), True),
        # The next look knows it.
        (Found(owner="test", unchecked={"service": "UPDATE_IN_PROGRESS"}, busy=("service",)), False),
        (Found(owner="test", unchecked={"service": "UPDATE_IN_PROGRESS", "security": "denied"}, busy=("service",)), True),
    ],
)
def test_somebody_should_look(found: Found, *, telling: bool) -> None:
    assert found.telling == telling
