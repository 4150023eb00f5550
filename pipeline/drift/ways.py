"""Which of the three answers to a drift cannot work, and why. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping

from pipeline import registry_schema
from pipeline.drift.model import Drift, PropertyDrift
from pipeline.drift.words import same
from pipeline.review.read import items
from pipeline.review.resource_types import BALANCER, EIP, SERVICE
from pipeline.stuck import HEALTHY

# A fixed address, and what binds it to the load balancer: never by a change set that nobody planned.
ADDRESS_TYPES = (EIP, "AWS::EC2::EIPAssociation")
ATTACHMENTS = ("SubnetMappings", "Subnets")
TAGS = "Tags"
OWN_REVISION = "every deployment brings a task definition of its own, made from the configuration and the image"


def no_revert(drift: Drift) -> str:
    """Empty where CloudFormation can put it back."""
    if drift.kind == "beside":
        return "CloudFormation knows nothing of it"
    if not drift.wanted:
        return f"the configuration does not want stack {drift.stack} any more; delete the stack, or want it again"
    if drift.status not in ("", *HEALTHY):
        return f"stack {drift.stack_name} is {drift.status}, and cannot be changed: kotei apply {drift.owner} --unstick"
    if _touches_address(drift):
        return "a revert touches no fixed address, and nothing that binds it to the load balancer"
    if drift.properties and not mutable(drift):
        return f"{names(drift.properties)} cannot be changed while the resource exists, and a revert replaces nothing"
    return ""


def _touches_address(drift: Drift) -> bool:
    """Its tags, too: with an update of them AWS may associate it anew (docs/review.md, address-retagged)."""
    attached = any(one.name in ATTACHMENTS for one in drift.properties)
    return drift.type in ADDRESS_TYPES or (drift.type == BALANCER and (drift.kind == "deleted" or attached))


def no_adopt(drift: Drift) -> str:
    """Empty where Git can say what is live."""
    if drift.kind == "beside":
        return "no template can take over what is there already: take it away, then write it into the configuration"
    if drift.kind == "deleted":
        return _no_giving_up(drift)
    if blocked := next((one for one in drift.findings if one.verdict == "blocked"), None):
        return f"a plan with it is blocked: {blocked.text}"
    if fixed := tuple(one for one in drift.properties if one not in mutable(drift)):
        return f"{names(fixed)} cannot be changed while the resource exists: a deployment would replace it"
    return OWN_REVISION if drift.properties and all(is_revision(drift, one) for one in drift.properties) else ""


def _no_giving_up(drift: Drift) -> str:
    if drift.type in (*ADDRESS_TYPES, BALANCER):
        return "a plan without it is blocked, since an address would be lost"
    return f"{', '.join(drift.needed_by)} in its stack cannot be without it" if drift.needed_by else ""


def is_revision(drift: Drift, one: PropertyDrift) -> bool:
    return drift.type == SERVICE and one.name == "TaskDefinition"


def cannot(drift: Drift) -> Mapping[str, str]:
    """The answers that cannot work, with the reason. Any drift may be accepted."""
    return {way: why for way, why in (("revert", no_revert(drift)), ("adopt", no_adopt(drift))) if why}


def mutable(drift: Drift) -> tuple[PropertyDrift, ...]:
    """What an update changes without replacement."""
    schema = registry_schema.load(drift.type)
    fixed = {path[0] for path in schema.create_only} if schema else set()
    return tuple(one for one in drift.properties if one.name not in fixed)


def names(some: Iterable[PropertyDrift]) -> str:
    return ", ".join(one.name for one in some)


def by_hand(drift: Drift, region: str) -> Iterator[str]:
    """What mends it where no change set can."""
    if drift.type == EIP and drift.kind == "deleted":
        # Amazon EC2 user guide, Recover an Elastic IP address: as long as AWS has given it to nobody else.
        yield f"aws ec2 allocate-address --region {region} --domain vpc --address {drift.physical_id}"
    if drift.type == EIP and (tags := [tag for one in drift.properties if one.name == TAGS for tag in _lost(one)]):
        asked = f"--region {region} --public-ips {drift.physical_id} --query 'Addresses[0].AllocationId' --output text"
        written = " ".join(shlex.quote(f"Key={tag['Key']},Value={tag['Value']}") for tag in tags)
        yield f'aws ec2 create-tags --region {region} --resources "$(aws ec2 describe-addresses {asked})" --tags {written}'
    yield from drift.mend


def _lost(tags: PropertyDrift) -> Iterator[Mapping[str, str]]:
    return (tag for tag in items(tags.deployed) if not any(same(tag, one) for one in items(tags.live)))
