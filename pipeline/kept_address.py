"""An address that AWS keeps although no stack holds it any more: the one that partners know, if a deployment made another beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.aws import DENIED, Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.review.model import Finding, Stack
from pipeline.review.read import resources
from pipeline.review.resource_types import EIP

Identifier = dict[str, str]


def address(aws: Aws, properties: Mapping[str, Any], tags: Mapping[str, str]) -> Identifier | None:
    """By its tags: those of the resource, and those that its stack gave it. As CloudFormation's schema of the type identifies it."""
    own = {one["Key"]: one["Value"] for one in properties.get("Tags", [])}
    filters = [{"Name": f"tag:{key}", "Values": [value]} for key, value in {**tags, **own}.items()]
    found = aws.call("ec2", "describe_addresses", Filters=filters)["Addresses"]
    if len(found) > 1:
        names = ", ".join(f"{one['PublicIp']} ({one['AllocationId']})" for one in found)
        raise PipelineError(
            f"{own.get('Name', 'an address')}: several addresses have its tags: {names}. Take the tag Name away from those that it is "
            "not: aws ec2 delete-tags --resources ALLOCATION --tags Key=Name"
        )
    return {"PublicIp": found[0]["PublicIp"], "AllocationId": found[0]["AllocationId"]} if found else None


def findings(aws: Aws, owner: str, wanted: Stack | None, live: Stack | None) -> Iterator[Finding]:
    """`wanted` and `live` are the addresses stack as it is rendered and as it is in AWS."""
    held = live.resources if live else {}
    if live and not held:
        # Nobody may say what the stack holds: another finding tells.
        return
    for name, resource in resources(wanted).items() if wanted else ():
        if resource.get("Type") != EIP or name in held:
            continue
        try:
            kept = address(aws, resource.get("Properties", {}), wanted.tags if wanted else {})
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
