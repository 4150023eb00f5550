"""The product: an environment's fixed addresses, as AWS has them now."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline import live
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from stacks.environment import Environment


@dataclass(frozen=True, kw_only=True)
class Address:
    zone: str
    address: str
    allocation: str
    serving: bool


def read(aws: Aws, env: Environment) -> tuple[Address, ...]:
    """One for each zone. `serving` is whether something answers on it."""
    allocations = dict(env.addresses.adopt)
    if missing := [zone for zone in env.zones if zone not in allocations]:
        name = env.stack_name("addresses")
        stack = live.describe(aws, name)
        if stack is None:
            raise PipelineError(f"{env.name}: stack {name} does not exist yet; deploy first: git push")
        outputs = live.outputs(stack)
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
