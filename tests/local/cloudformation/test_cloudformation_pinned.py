"""An environment's addresses are those of its ledger, so that the clone of a team plans here what it plans on AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pipeline.local import prerequisites
from pipeline.paths import PINNED, ROOT
from stacks import project

if TYPE_CHECKING:
    from conftest import Cloud

pytestmark = pytest.mark.local

EIP = {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc", "Tags": [{"Key": "Name", "Value": "x"}]}}
TEMPLATE = {
    "Resources": {"EipA": EIP, "EipC": EIP},
    "Outputs": {
        f"{output}{zone}": {"Value": {"Fn::GetAtt": [f"Eip{zone}", attribute]}}
        for zone in ("A", "C")
        for output, attribute in (("Address", "AllocationId"), ("PublicIp", "PublicIp"))
    },
}
PIN = {"zone": "a", "address": "203.0.113.77", "allocation": "eipalloc-00000000000000077"}


def pin(root: Path, environment: str, *entries: dict[str, Any]) -> None:
    (root / PINNED).mkdir(parents=True, exist_ok=True)
    (root / PINNED / f"{environment}.json").write_text(json.dumps({"addresses": entries}))


def test_a_zone_gets_its_pinned_address(cloud: Cloud) -> None:
    pin(cloud.world.root, "production", PIN)
    cloud.create("kotei-production-addresses", TEMPLATE)
    outputs = cloud.outputs("kotei-production-addresses")
    assert (outputs["PublicIpA"], outputs["AddressA"]) == (PIN["address"], PIN["allocation"])
    assert outputs["PublicIpC"] != PIN["address"]
    found = cloud.client("ec2").describe_addresses(AllocationIds=[PIN["allocation"]])["Addresses"][0]
    assert found["PublicIp"] == PIN["address"]
    assert {"Key": "Name", "Value": "x"} in found["Tags"]


@pytest.mark.parametrize("stack", ["kotei-staging-addresses", "kotei-eu-production-addresses", "kotei-production-other"])
def test_other_stacks_get_other_addresses(cloud: Cloud, stack: str) -> None:
    pin(cloud.world.root, "production", PIN)
    pin(cloud.world.root, "eu-production")
    cloud.create(stack, TEMPLATE)
    assert cloud.outputs(stack)["PublicIpA"] != PIN["address"]


def test_an_address_is_given_once(cloud: Cloud) -> None:
    pin(cloud.world.root, "production", PIN)
    cloud.create("kotei-production-addresses", TEMPLATE)
    cloud.create("demo-production-addresses", TEMPLATE)
    assert cloud.outputs("demo-production-addresses")["PublicIpA"] != PIN["address"]


def test_what_stays_comes_before_what_leaves(cloud: Cloud) -> None:
    leaving = {**PIN, "address": "203.0.113.76", "allocation": "eipalloc-76", "leaves": "2030-01-31"}
    pin(cloud.world.root, "production", leaving, PIN)
    cloud.create("kotei-production-addresses", TEMPLATE)
    assert cloud.outputs("kotei-production-addresses")["PublicIpA"] == PIN["address"]


def test_a_ledger_that_cannot_be_read_stops_nothing(cloud: Cloud) -> None:
    pin(cloud.world.root, "production", {"zone": "a"})
    assert cloud.create("kotei-production-addresses", TEMPLATE)["StackStatus"] == "CREATE_COMPLETE"


def test_an_adopted_address_is_the_pinned_one(cloud: Cloud) -> None:
    pin(cloud.world.root, "production", PIN)
    (production,) = [env for env in project.load(ROOT).environments if env.name == "production"]
    adopted = production.addresses.model_copy(update={"adopt": {"a": PIN["allocation"]}})
    prerequisites.provide(cloud.world, (production.model_copy(update={"addresses": adopted}),))
    found = cloud.client("ec2").describe_addresses(AllocationIds=[PIN["allocation"]])["Addresses"]
    assert [one["PublicIp"] for one in found] == [PIN["address"]]
