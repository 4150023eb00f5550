"""What moto's EC2 lacks: what is in use is not deleted, and Elastic IPs are scarce, unique and never where something else lives."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Iterator
from typing import Any

from pipeline.local import translate

Patch = Callable[[Any, str, Any], None]

# The default quota of a Region (docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html).
ADDRESS_QUOTA = 5
# 127.0/16 is the computer's own (and the documentation's networks as clients), 127.254/16 holds the resolver's stand-in.
_TAKEN_SECONDS = (0, 254)


def apply(patch: Patch = setattr) -> None:
    vpcs_in_use_are_not_deleted(patch)
    subnets_in_use_are_not_deleted(patch)
    security_groups_in_use_are_not_deleted(patch)
    addresses_have_a_quota(patch)
    addresses_are_recovered_only_when_free(patch)
    addresses_do_not_collide(patch)


def vpcs_in_use_are_not_deleted(patch: Patch) -> None:
    """In moto 5.2.5: delete_vpc looks at subnets and route tables only; groups, gateways and endpoints in it are orphaned."""
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models import EC2Backend as Backend

    original = Backend.delete_vpc

    def delete_vpc(self: Any, vpc_id: str) -> Any:
        groups = [group for group in self.groups.get(vpc_id, {}).values() if group.name != "default"]
        gateways = [gateway for gateway in self.internet_gateways.values() if gateway.vpc and gateway.vpc.id == vpc_id]
        endpoints = [one for one in self.vpc_end_points.values() if one.vpc_id == vpc_id and one.state != "deleted"]
        if groups or gateways or endpoints:
            raise DependencyViolationError(f"The vpc '{vpc_id}' has dependencies and cannot be deleted.")
        return original(self, vpc_id)

    patch(Backend, "delete_vpc", delete_vpc)


def subnets_in_use_are_not_deleted(patch: Patch) -> None:
    """In moto 5.2.5: delete_subnet leaves network interfaces without a subnet."""
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models import EC2Backend as Backend

    original = Backend.delete_subnet

    def delete_subnet(self: Any, subnet_id: str) -> Any:
        if any(interface.subnet.id == subnet_id for interface in self.enis.values()):
            raise DependencyViolationError(f"The subnet '{subnet_id}' has dependencies and cannot be deleted.")
        return original(self, subnet_id)

    patch(Backend, "delete_subnet", delete_subnet)


def security_groups_in_use_are_not_deleted(patch: Patch) -> None:
    """In moto 5.2.5: delete_security_group does not ask whether an interface or another group's rule uses the group."""
    from moto.ec2.exceptions import DependencyViolationError
    from moto.ec2.models import EC2Backend as Backend

    original = Backend.delete_security_group

    def delete_security_group(self: Any, name: str | None = None, group_id: str | None = None) -> Any:
        worn = any(group.id == group_id for interface in self.enis.values() for group in interface.group_set)
        if group_id and (worn or group_id in _mentioned(self, group_id)):
            raise DependencyViolationError(f"resource {group_id} has a dependent object")
        return original(self, name=name, group_id=group_id)

    patch(Backend, "delete_security_group", delete_security_group)


def _mentioned(backend: Any, but_by: str) -> Iterator[str]:
    """The groups that the rules of other groups name."""
    for groups in backend.groups.values():
        for group in groups.values():
            if group.id != but_by:
                for rule in [*group.ingress_rules, *group.egress_rules]:
                    if rule.source_group:
                        yield rule.source_group["GroupId"]


def addresses_have_a_quota(patch: Patch) -> None:
    """In moto 5.2.5: any number of addresses can be allocated."""
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models import EC2Backend as Backend

    original = Backend.allocate_address

    def allocate_address(self: Any, *args: Any, **kwargs: Any) -> Any:
        if len(self.addresses) >= ADDRESS_QUOTA:
            raise EC2ClientError("AddressLimitExceeded", "The maximum number of addresses has been reached.")
        return original(self, *args, **kwargs)

    patch(Backend, "allocate_address", allocate_address)


def addresses_are_recovered_only_when_free(patch: Patch) -> None:
    """In moto 5.2.5: allocate_address gives a named address out a second time."""
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models import EC2Backend as Backend

    original = Backend.allocate_address

    def allocate_address(self: Any, domain: str, address: str | None = None, tags: Any = None) -> Any:
        if address and address in _allocated():
            raise EC2ClientError("InvalidAddress.NotFound", f"Address '{address}' not found.")
        return original(self, domain, address=address, tags=tags)

    patch(Backend, "allocate_address", allocate_address)


def addresses_do_not_collide(patch: Patch) -> None:
    """In moto 5.2.5: an address is any random one of 127/8, also one that is taken or stands for something else here."""
    from moto.ec2.models import elastic_ip_addresses

    def random_ip() -> str:
        taken, networks = _allocated(), list(_networks())
        while True:
            candidate = f"127.{random.randint(0, 255)}.{random.randint(0, 255)}.{random.randint(1, 254)}"  # noqa: S311  # not a secret
            second = int(candidate.split(".")[1])
            inside = any(ipaddress.IPv4Address(candidate) in network for network in networks)
            if candidate not in taken and second not in _TAKEN_SECONDS and not inside:
                return candidate

    patch(elastic_ip_addresses, "random_ip", random_ip)


def _backends() -> Iterator[Any]:
    from moto.ec2.models import ec2_backends

    for account in list(ec2_backends.values()):
        yield from list(account.values())


def _allocated() -> set[str]:
    return {address.public_ip for backend in _backends() for address in backend.addresses}


def _networks() -> Iterator[ipaddress.IPv4Network]:
    """Where the private addresses of every VPC are stood for."""
    for backend in _backends():
        for vpc in list(backend.vpcs.values()):
            yield ipaddress.IPv4Network(translate.network(vpc.cidr_block), strict=False)
