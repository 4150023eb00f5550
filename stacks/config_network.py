"""The network and the fixed addresses of an environment."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import combinations

from pydantic import Field

from stacks.config_problems import Model, Problem, exactly_one
from stacks.config_values import AllocationId, Cidr, SubnetId, VpcId, ZoneLetter

LARGEST_VPC, SMALLEST_SUBNET = 16, 28  # prefix lengths that EC2 allows


class CreatedNetwork(Model):
    """A VPC of this environment's own."""

    cidr: Cidr
    """The VPC's network, /16 to /28."""
    zones: dict[ZoneLetter, Cidr]
    """Zone letter -> network of the public subnet in it; at least two."""

    def rules(self) -> Iterator[Problem]:
        vpc = IPv4Network(self.cidr)
        subnets = {zone: IPv4Network(cidr) for zone, cidr in sorted(self.zones.items())}
        if not LARGEST_VPC <= vpc.prefixlen <= SMALLEST_SUBNET:
            yield Problem(("cidr",), f"'{vpc}' is no size for a VPC; AWS allows /16 to /28")
        yield from at_least_two(self.zones)
        for zone, subnet in subnets.items():
            if not subnet.subnet_of(vpc):
                yield Problem(("zones", zone), f"'{subnet}' is not inside the VPC, network.create.cidr = '{vpc}'")
            elif subnet.prefixlen > SMALLEST_SUBNET:
                yield Problem(("zones", zone), f"'{subnet}' is too small for a subnet; AWS allows /28 and larger")
        for (zone, one), (other_zone, other) in combinations(subnets.items(), 2):
            if one.overlaps(other):
                yield Problem(("zones", other_zone), f"'{other}' overlaps '{one}' of zone '{zone}'; each zone needs a network of its own")


class ExistingNetwork(Model):
    """A VPC that is already there."""

    vpc: VpcId
    """The VPC's id."""
    zones: dict[ZoneLetter, SubnetId]
    """Zone letter -> id of a public subnet in it, with at least 8 free addresses; at least two."""

    def rules(self) -> Iterator[Problem]:
        yield from at_least_two(self.zones)
        yield from same_twice(self.zones, "zones", "each zone needs a subnet of its own")


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

    def rules(self) -> Iterator[Problem]:
        yield from exactly_one(create=self.create, existing=self.existing)


class Addresses(Model):
    """The fixed addresses."""

    adopt: dict[ZoneLetter, AllocationId] = Field(default={})
    """Zone letter -> allocation id of an Elastic IP that is already there; empty: one new address a zone."""

    def rules(self) -> Iterator[Problem]:
        yield from same_twice(self.adopt, "adopt", "each zone needs an address of its own")


def at_least_two(zones: dict[str, str]) -> Iterator[Problem]:
    if len(zones) < 2:  # noqa: PLR2004 the function's name says it
        yield Problem(("zones",), "needs at least two zones; with one, its failure is the proxy's failure")


def same_twice(values: dict[str, str], key: str, why: str) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for name, value in sorted(values.items()):
        if first.setdefault(value, name) != name:
            yield Problem((key, name), f"'{value}' is given for zone '{first[value]}' already; {why}")
