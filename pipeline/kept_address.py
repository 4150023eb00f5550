"""An address that AWS keeps although no stack holds it any more: the one that partners know, if a deployment made another beside it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pipeline.aws import DENIED, Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.review.model import Finding, Pin, Stack
from pipeline.review.read import resources
from pipeline.review.resource_types import EIP
from stacks.placement import suffix

Identifier = dict[str, str]


def allocations(pins: Iterable[Pin]) -> dict[str, str]:
    """Those that partners were told, by the logical id that has them in the stack of addresses."""
    return {f"Eip{suffix(pin.zone)}": pin.allocation for pin in pins}


def address(aws: Aws, properties: Mapping[str, Any], tags: Mapping[str, str], allocation: str = "") -> Identifier | None:
    """The one that partners were told, or else by its tags: those of the resource, and those that its stack gave it.

    As CloudFormation's schema of the type identifies it. A tag may be taken away by hand; what partners were told is in Git.
    """
    own = {one["Key"]: one["Value"] for one in properties.get("Tags", [])}
    told = {"allocation-id": allocation} if allocation else {}
    tagged = {f"tag:{key}": value for key, value in {**tags, **own}.items()}
    found = (_addresses(aws, told) if told else []) or _addresses(aws, tagged)
    if len(found) > 1:
        names = ", ".join(f"{one['PublicIp']} ({one['AllocationId']})" for one in found)
        raise PipelineError(
            f"{own.get('Name', 'an address')}: several addresses have its tags: {names}. Take the tag Name away from those that it is "
            "not: aws ec2 delete-tags --resources ALLOCATION --tags Key=Name"
        )
    return {"PublicIp": found[0]["PublicIp"], "AllocationId": found[0]["AllocationId"]} if found else None


def _addresses(aws: Aws, wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    filters = [{"Name": name, "Values": [value]} for name, value in wanted.items()]
    found: list[dict[str, Any]] = aws.call("ec2", "describe_addresses", Filters=filters)["Addresses"]
    return found


def findings(aws: Aws, owner: str, wanted: Stack | None, live: Stack | None, pins: Iterable[Pin]) -> Iterator[Finding]:
    """`wanted` and `live` are the addresses stack as it is rendered and as it is in AWS; `pins` is what partners were told."""
    told = allocations(pins)
    held = live.resources if live else {}
    if live and not held:
        # Nobody may say what the stack holds: another finding tells.
        return
    for name, resource in resources(wanted).items() if wanted else ():
        if resource.get("Type") != EIP or name in held:
            continue
        try:
            kept = address(aws, resource.get("Properties", {}), wanted.tags if wanted else {}, told.get(name, ""))
        except RefusedError as refused:
            if refused.code not in DENIED:
                raise
            text = "this role may not call DescribeAddresses, so this plan does not know what AWS still holds of stacks that are gone"
            yield Finding(rule="not-read", topic="permissions", verdict="safe", text=text)
            return
        if kept:
            text = (
                f"AWS still holds {kept['PublicIp']} ({kept['AllocationId']}), and no stack has it: a deployment would make another address"
            )
            mend = f"kotei apply {owner} --import takes it back into its stack; then: kotei release"
            yield Finding(rule="address-kept", topic="addresses", verdict="blocked", stack="addresses", resource=name, text=text, mend=mend)
