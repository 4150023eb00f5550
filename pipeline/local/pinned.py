"""The addresses of the ledgers in the checkout: here, too, an environment gets those that its partners know."""

from __future__ import annotations

from typing import Any

from pipeline.errors import PipelineError
from pipeline.local.world import World
from pipeline.paths import PINNED
from pipeline.review import sides
from pipeline.review.model import Pin


def pins(world: World, environment: str) -> tuple[Pin, ...]:
    file = world.root / sides.pinned_file(environment)
    try:
        return sides.pins(environment, file.read_text(encoding="utf-8") if file.is_file() else None)
    # The push that brings it is told; an engine that ends over it could not be pushed to.
    except PipelineError:
        return ()


def of_resource(world: World, stack: str, logical_id: str) -> Pin | None:
    """`stack` is <project>-<environment>-addresses, `logical_id` the Elastic IP of a zone; what leaves soon comes last."""
    environments = [file.stem for file in (world.root / PINNED).glob("*.json") if stack.endswith(f"-{file.stem}-addresses")]
    # "production" is the end of "eu-production", too.
    found = pins(world, max(environments, key=len)) if environments else ()
    mine = [pin for pin in found if logical_id == f"Eip{pin.zone.upper()}"]
    return next(iter(sorted(mine, key=lambda pin: pin.leaves is not None)), None)


def take(account: str, region: str, allocation: str, pin: Pin) -> bool:
    """Gives the new address of that allocation the pinned address and id; not where somebody has them already."""
    from moto.ec2.models import ec2_backends

    backend: Any = ec2_backends[account][region]
    if any(one.public_ip == pin.address or one.allocation_id == pin.allocation for one in backend.addresses):
        return False
    # EC2 has no call that chooses an id.
    (address,) = backend.address_by_allocation([allocation])
    address.public_ip, address.id, address.allocation_id = pin.address, pin.allocation, pin.allocation
    return True
