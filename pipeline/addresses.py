"""The product: an environment's fixed addresses, as AWS has them now, and the ledger that holds them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import live, whole_file
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from pipeline.review import ledger, sides
from pipeline.review.model import Pin
from stacks.environment import Environment


@dataclass(frozen=True, kw_only=True)
class Address:
    zone: str
    address: str
    allocation: str
    serving: bool


def read(aws: Aws, env: Environment) -> tuple[Address, ...]:
    """One for each zone, those that are only kept too. `serving` is whether something answers on it."""
    allocations = dict(env.addresses.adopt)
    if missing := [zone for zone in env.zones_with_address if zone not in allocations]:
        name = env.stack_name("addresses")
        stack = live.describe(aws, name)
        if stack is None:
            raise PipelineError(f"{env.name}: stack {name} does not exist yet; deploy first: git push")
        outputs = live.outputs(stack)
        if new := [zone for zone in missing if f"Address{zone.upper()}" not in outputs]:
            raise PipelineError(f"{env.name}: stack {name} has no address for zone {', '.join(new)} yet; deploy first: git push")
        allocations |= {zone: outputs[f"Address{zone.upper()}"] for zone in missing}
    zone_of = {allocation: zone for zone, allocation in allocations.items()}
    found = aws.call("ec2", "describe_addresses", AllocationIds=sorted(zone_of))["Addresses"]
    return tuple(
        sorted(
            (
                Address(
                    zone=f"{env.region}{zone_of[item['AllocationId']]}",
                    address=item["PublicIp"],
                    allocation=item["AllocationId"],
                    serving=bool(item.get("AssociationId") or item.get("NetworkInterfaceId")),
                )
                for item in found
            ),
            key=lambda one: one.zone,
        )
    )


def pin(root: Path, env: Environment, found: Sequence[Address]) -> tuple[str, tuple[str, ...]]:
    """Writes into the ledger what it does not have; returns the file and the addresses that are new in it."""
    path = sides.pinned_file(env.name)
    text = sides.text(root, sides.WORK_TREE, path)
    known = sides.pins(env.name, text)
    here = {"account": env.account, "region": env.region}
    if text is not None and (there := {key: json.loads(text).get(key) for key in here}) != here:
        raise PipelineError(
            f"{path} is of account {there['account']} in {there['region']}, and {env.name} is in {env.account}, {env.region}: "
            "its addresses cannot move there; look into its history: git log " + path
        )
    now = [Pin(zone=one.zone.removeprefix(env.region), address=one.address, allocation=one.allocation) for one in found]
    pins = ledger.added(env.name, known, now)
    whole_file.write(root / path, ledger.text(env.name, env.account, env.region, pins))
    return path, tuple(one.address for one in pins[len(known) :])
