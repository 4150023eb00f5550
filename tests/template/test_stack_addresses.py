"""The addresses are the product: one for each zone, alone, kept whatever happens, and on the load balancer."""

from __future__ import annotations

from typing import Any

from stacks import addresses
from stacks.environment import Environment


def test_an_address_for_each_zone_unless_they_are_adopted(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    wanted = [] if env.addresses.adopt else sorted([*env.zones, *env.addresses.keep])
    found = sorted(built["addresses"]["Resources"]) if "addresses" in built else []
    assert found == [f"Eip{zone.upper()}" for zone in wanted]


def test_a_zone_that_is_given_up_leaves_its_address_as_it_is(variant: Any) -> None:
    three = {"a": "10.20.0.0/24", "c": "10.20.1.0/24", "d": "10.20.2.0/24"}
    two = {zone: cidr for zone, cidr in three.items() if zone != "d"}
    before = variant(network={"create": {"cidr": "10.20.0.0/16", "zones": three}})
    after = variant(network={"create": {"cidr": "10.20.0.0/16", "zones": two}}, addresses={"keep": ["d"]})
    assert after["addresses"] == before["addresses"]
    assert after["addresses"]["Resources"]["EipD"]["DeletionPolicy"] == "Retain"
    assert after["addresses"]["Outputs"].keys() >= {"AddressD", "PublicIpD"}
    assert all("SubnetD" not in repr(after[stack]) and "AddressD" not in repr(after[stack]) for stack in after.keys() - {"addresses"})


def test_addresses_are_alone_in_their_stack(built: dict[str, dict[str, Any]]) -> None:
    for stack, document in built.items():
        kinds = {resource["Type"] for resource in document["Resources"].values()}
        assert ("AWS::EC2::EIP" in kinds) == (stack == "addresses")
        assert stack != "addresses" or kinds == {"AWS::EC2::EIP"}


def test_addresses_are_kept_both_ways(variant: Any) -> None:
    for eip in variant()["addresses"]["Resources"].values():
        assert (eip["DeletionPolicy"], eip["UpdateReplacePolicy"]) == ("Retain", "Retain")


def test_addresses_name_no_address_and_no_instance(variant: Any) -> None:
    """Address is create-only: adding or removing it replaces the Elastic IP. InstanceId reassociates it."""
    for eip in variant()["addresses"]["Resources"].values():
        assert eip["Properties"].keys() == {"Domain", "Tags"}


def test_tags_of_an_address_come_from_names_that_never_change(variant: Any) -> None:
    before = variant()["addresses"]["Resources"]["EipA"]["Properties"]["Tags"]
    after = variant(approval="always", network={"create": {"cidr": "10.99.0.0/16", "zones": {"a": "10.99.0.0/24", "c": "10.99.1.0/24"}}})[
        "addresses"
    ]["Resources"]["EipA"]["Properties"]["Tags"]
    assert before == after == [{"Key": "Name", "Value": "kotei-staging-a"}]


def test_the_stack_of_the_addresses_is_protected() -> None:
    assert addresses.STACK.protected


def test_the_load_balancer_has_an_address_in_every_zone(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    balancer = built["loadbalancer"]["Resources"]["LoadBalancer"]["Properties"]
    found = [mapping["AllocationId"] for mapping in balancer["SubnetMappings"]]
    assert found == [env.addresses.adopt.get(zone) or {"Ref": f"Address{zone.upper()}"} for zone in env.zones]
    assert "Subnets" not in balancer
