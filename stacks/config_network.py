"""The network and the fixed addresses of an environment."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import combinations

from pydantic import Field

from stacks.config_problems import Model, Problem, Rule, exactly_one
from stacks.config_values import AllocationId, Cidr, Several, SubnetId, VpcId, ZoneLetter

LARGEST_VPC, SMALLEST_SUBNET = 16, 28  # prefix lengths that EC2 allows


def at_least_two(zones: dict[str, str]) -> Iterator[Problem]:
    if len(zones) < 2:  # noqa: PLR2004 the function's name says it
        yield Problem(("zones",), "needs at least two zones; with one, its failure is the proxy's failure")


def different(key: str, why: str) -> Rule:
    def rule(values: dict[str, str]) -> Iterator[Problem]:
        first: dict[str, str] = {}
        for zone, value in sorted(values.items()):
            if first.setdefault(value, zone) != zone:
                yield Problem((key, zone), f"'{value}' is given for zone '{first[value]}' already; {why}")

    return (key,), rule


def vpc_has_a_size(cidr: str) -> Iterator[Problem]:
    if not LARGEST_VPC <= IPv4Network(cidr).prefixlen <= SMALLEST_SUBNET:
        yield Problem(("cidr",), f"'{cidr}' is no size for a VPC; AWS allows /16 to /28")


def subnets_have_a_size(zones: dict[str, str]) -> Iterator[Problem]:
    for zone, cidr in sorted(zones.items()):
        if IPv4Network(cidr).prefixlen > SMALLEST_SUBNET:
            yield Problem(("zones", zone), f"'{cidr}' is too small for a subnet; AWS allows /28 and larger")


def subnets_are_inside(cidr: str, zones: dict[str, str]) -> Iterator[Problem]:
    for zone, subnet in sorted(zones.items()):
        if not IPv4Network(subnet).subnet_of(IPv4Network(cidr)):
            yield Problem(("zones", zone), f"'{subnet}' is not inside the VPC, network.create.cidr = '{cidr}'")


def subnets_are_apart(zones: dict[str, str]) -> Iterator[Problem]:
    for (zone, one), (other_zone, other) in combinations(sorted(zones.items()), 2):
        if IPv4Network(one).overlaps(IPv4Network(other)):
            yield Problem(("zones", other_zone), f"'{other}' overlaps '{one}' of zone '{zone}'; each zone needs a network of its own")


class CreatedNetwork(Model):
    """A VPC of this environment's own."""

    cidr: Cidr
    """The VPC's network, /16 to /28."""
    zones: dict[ZoneLetter, Cidr]
    """Zone letter -> network of the public subnet in it; at least two."""

    RULES = (
        (("cidr",), vpc_has_a_size),
        (("zones",), at_least_two),
        (("zones",), subnets_have_a_size),
        (("zones",), subnets_are_apart),
        (("cidr", "zones"), subnets_are_inside),
    )


class ExistingNetwork(Model):
    """A VPC that is already there."""

    vpc: VpcId
    """The VPC's id."""
    zones: dict[ZoneLetter, SubnetId]
    """Zone letter -> id of a public subnet in it, with at least 8 free addresses; at least two."""

    RULES = ((("zones",), at_least_two), different("zones", "each zone needs a subnet of its own"))


class Network(Model):
    """Exactly one of `create` and `existing`."""

    create: CreatedNetwork | None = None
    """A VPC of this environment's own."""
    existing: ExistingNetwork | None = None
    """A VPC that is already there."""
    flow_logs: bool = True
    """Log the connections in a created VPC, kept for service.log_days."""

    @property
    def zones(self) -> tuple[str, ...]:
        """Zone letters, sorted."""
        source = self.create or self.existing
        return tuple(sorted(source.zones)) if source else ()

    RULES = (exactly_one("create", "existing"),)


def kept_once(keep: tuple[str, ...]) -> Iterator[Problem]:
    for index, zone in enumerate(keep):
        if zone in keep[:index]:
            yield Problem(("keep", index), f"'{zone}' is in keep[{keep.index(zone)}] already; remove one")


def only_own_are_kept(adopt: dict[str, str], keep: tuple[str, ...]) -> Iterator[Problem]:
    if adopt and keep:
        yield Problem(("keep",), "is for addresses that are made here; adopted ones stay where they were made, whatever stands here")


class Addresses(Model):
    """The fixed addresses."""

    adopt: dict[ZoneLetter, AllocationId] = Field(default={})
    """Zone letter -> allocation id of an Elastic IP that is already there; empty: one new address a zone."""

    keep: Several[ZoneLetter] = ()
    """Letters of zones that the network does not use, and whose address is ours all the same: of one that was given up, or one to come.

    Nothing answers on it. It may be pinned, is on the bill, and serves when the zone comes.
    """

    RULES = (
        different("adopt", "each zone needs an address of its own"),
        (("keep",), kept_once),
        (("adopt", "keep"), only_own_are_kept),
    )
