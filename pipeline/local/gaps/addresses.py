"""What moto's EC2 lacks for addresses that somebody holds: Elastic IPs of load balancers, private addresses of interfaces."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable
from typing import Any

from pipeline.local import translate

Patch = Callable[[Any, str, Any], None]

# AWS keeps the first four addresses of a subnet and the last (docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html).
_RESERVED_FIRST = 4


def apply(patch: Patch = setattr) -> None:
    held_addresses_are_not_released(patch)
    private_addresses_are_unique(patch)


def held_addresses_are_not_released(patch: Patch) -> None:
    """In moto 5.2.5: release_address takes an address away from whatever holds it; AWS answers InvalidIPAddress.InUse."""
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models import EC2Backend as Backend

    release, disassociate = Backend.release_address, Backend.disassociate_address

    def release_address(self: Any, address: str | None = None, allocation_id: str | None = None) -> None:
        found = self.address_by_ip([address]) if address else self.address_by_allocation([allocation_id])
        if found[0].association_id:
            raise EC2ClientError("InvalidIPAddress.InUse", f"Address {found[0].public_ip} is in use.")
        release(self, address=address, allocation_id=allocation_id)

    def disassociate_address(self: Any, address: str | None = None, association_id: str | None = None) -> None:
        found = self.address_by_ip([address]) if address else self.address_by_association([association_id])
        if found[0].eni is not None and found[0].eni.interface_type == "network_load_balancer":
            raise EC2ClientError("AuthFailure", "You do not have permission to access the specified resource.")
        disassociate(self, address=address, association_id=association_id)

    patch(Backend, "release_address", release_address)
    patch(Backend, "disassociate_address", disassociate_address)


def private_addresses_are_unique(patch: Patch) -> None:
    """In moto 5.2.5: a network interface gets any random address of its subnet, also a reserved one or one already taken."""
    from moto.ec2.models import EC2Backend as Backend

    original = Backend.create_network_interface

    def create_network_interface(self: Any, subnet: Any, private_ip_address: Any, *args: Any, **kwargs: Any) -> Any:
        return original(self, subnet, private_ip_address or _free_address(self, subnet), *args, **kwargs)

    patch(Backend, "create_network_interface", create_network_interface)


def _free_address(ec2: Any, subnet: Any) -> str:
    """An address that no interface has, in any account: two VPCs with one CIDR would share their stand-ins on this computer."""
    from moto.ec2.exceptions import EC2ClientError
    from moto.ec2.models import ec2_backends

    network = ipaddress.IPv4Network((ec2.get_subnet(subnet) if isinstance(subnet, str) else subnet).cidr_block)
    taken = {
        translate.address(interface.private_ip_address)
        for account in list(ec2_backends.values())
        for backend in list(account.values())
        for interface in list(backend.enis.values())
    }
    numbers = range(_RESERVED_FIRST, network.num_addresses - 1)
    # Random, because another engine on this computer may run the same network.
    for number in random.sample(numbers, len(numbers)) if len(numbers) < 1 << 16 else numbers:
        address = str(network.network_address + number)
        if translate.address(address) not in taken:
            return address
    raise EC2ClientError("InsufficientFreeAddressesInSubnet", f"There are not enough free addresses in subnet '{subnet.id}'.")
