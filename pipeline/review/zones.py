"""Where a load balancer stands: the zones of its subnet mappings, each with its subnet and its address, on both sides of a change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.review.model import Change, Comparison, Pin, Side
from pipeline.review.read import mapping, mappings, origin, outputs, properties, resources_of, standing, text
from pipeline.review.resource_types import BALANCER

ZONE_LETTER = re.compile(r"[a-z]$")
ADDRESS_PARAMETER = re.compile(r"\$\{Address([A-Z])\}")
ADDRESS_OUTPUT = re.compile(r"Address([A-Z])")


@dataclass(frozen=True, kw_only=True)
class Place:
    """One mapping. `zone` is a letter as far as it is known; `subnet` and `source` are stack/LogicalId or an id.

    `address` is the allocation where it is known, else the same as `source`; empty where AWS may take any.
    """

    zone: str
    subnet: str
    source: str
    address: str


Pair = tuple[Place | None, Place | None]


def in_place(comparison: Comparison) -> Iterator[Change]:
    """The load balancers that change and stay."""
    return (change for change in comparison.of_type(BALANCER) if change.action == "modify" and not change.replaces)


def both(comparison: Comparison, change: Change) -> tuple[Pair, ...]:
    """The places of a load balancer before and after, in pairs: of a zone that goes or comes, one half is missing."""
    old = change.old_id
    return tuple(
        _paired(
            places(comparison, comparison.before, change.stack, old),
            places(comparison, standing(comparison), change.stack, change.logical_id),
        )
    )


def places(comparison: Comparison, side: Side, stack: str, logical_id: str) -> list[Place]:
    found = properties(side.stacks.get(stack), logical_id)
    plain = [{"SubnetId": subnet} for subnet in found["Subnets"]] if isinstance(found.get("Subnets"), list) else []
    return [_place(comparison, side, stack, one) for one in (*mappings(found.get("SubnetMappings")), *plain)]


def held(comparison: Comparison, side: Side) -> set[str]:
    """The addresses of all load balancers of a side."""
    return {one.address for stack, logical_id, _ in resources_of(side, BALANCER) for one in places(comparison, side, stack, logical_id)}


def allocation(comparison: Comparison, source: str) -> str:
    """What is known of the allocation of an Elastic IP that was there before; else its stack and logical id."""
    for name, stack in comparison.before.stacks.items():
        for output, value in outputs(stack).items():
            # Not its Ref and not PublicIp: those are the address itself.
            if output in stack.outputs and text(value).endswith(".AllocationId}") and origin(comparison.before, name, value) == source:
                return stack.outputs[output]
    return source


def letter(side: Side, source: str) -> str:
    """The zone of an Elastic IP, as the output says under which others take it; empty where none does."""
    name = source.partition("/")[0]
    for output, value in outputs(side.stacks[name]).items() if name in side.stacks else ():
        if (found := ADDRESS_OUTPUT.fullmatch(text(output))) and origin(side, name, value) == source:
            return found[1].lower()
    return ""


def keeping(zone: str) -> str:
    """How an environment says that the address of a zone stays, which its network does not use."""
    return f'keep = ["{zone}"] below [addresses]'


def pin_of(comparison: Comparison, address: str) -> Pin | None:
    """What partners were told of an allocation."""
    return next((pin for pin in (*comparison.before.pinned, *comparison.after.pinned) if pin.allocation == address), None)


def called(comparison: Comparison, place: Place) -> str:
    pin = pin_of(comparison, place.address)
    name = place.source.rpartition("/")[2] if "/" in place.source else place.source
    return f"{pin.address} ({name})" if pin else name or "no fixed address"


def zone_of(place: Place) -> str:
    return f"zone {place.zone}" if place.zone else f"the zone of {place.subnet.rpartition('/')[2]}"


def _place(comparison: Comparison, side: Side, stack: str, written: Mapping[str, Any]) -> Place:
    subnet = origin(side, stack, written.get("SubnetId"))
    source = origin(side, stack, written["AllocationId"]) if written.get("AllocationId") else ""
    return Place(
        zone=_zone(side, subnet, written), subnet=subnet, source=source, address=_address(comparison, side, stack, written, source)
    )


def _zone(side: Side, subnet: str, written: Mapping[str, Any]) -> str:
    stack, _, logical_id = subnet.rpartition("/")
    name = mapping(properties(side.stacks.get(stack), logical_id)).get("AvailabilityZone")
    letter = ZONE_LETTER.search(text(name)) if name else None
    if letter:
        return letter[0]
    parameter = ADDRESS_PARAMETER.fullmatch(text(written.get("AllocationId")))
    return parameter[1].lower() if parameter else ""


def _address(comparison: Comparison, side: Side, stack: str, written: Mapping[str, Any], source: str) -> str:
    name = mapping(written.get("AllocationId")).get("Ref")
    given = side.stacks[stack].parameters
    # What the stack was really given, where this side is what is live.
    if isinstance(name, str) and name in given:
        return given[name]
    return allocation(comparison, source) if source else ""


def _paired(before: list[Place], after: list[Place]) -> Iterator[Pair]:
    old, new = list(before), list(after)
    for key in ("zone", "subnet", "source"):
        for one in tuple(old):
            other = next((two for two in new if _same(one, two, key)), None)
            if other:
                old.remove(one)
                new.remove(other)
                yield one, other
    if len(old) == len(new) and not any(one.zone for one in (*old, *new)):
        # Nothing tells which zones they are: taken for the same ones, which is the worse of the two.
        yield from zip(old, new, strict=True)
        return
    yield from ((one, None) for one in old)
    yield from ((None, one) for one in new)


def _same(one: Place, other: Place, key: str) -> bool:
    value = getattr(one, key)
    different_zones = bool(one.zone and other.zone and one.zone != other.zone)
    return bool(value) and value == getattr(other, key) and not different_zones
