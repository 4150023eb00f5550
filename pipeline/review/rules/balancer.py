"""The load balancer itself: what AWS refuses to do to it, and what its settings mean for clients."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pipeline.review.model import Change, Comparison, Finding
from pipeline.review.read import items, keyed, properties, resources_of, standing, text
from pipeline.review.resource_types import BALANCER, TARGET_GROUP
from pipeline.review.rules.rule import Rule, about
from pipeline.review.zones import in_place, places

_about = partial(about, topic="clients")

CROSS_ZONE = "load_balancing.cross_zone.enabled"
PROTECTION = "deletion_protection.enabled"
SECOND = "leave it as it is; for another one, build a second load balancer with addresses of its own and tell partners those first"


def replaced(comparison: Comparison) -> Iterator[Finding]:
    """A load balancer is replaced, which fails while the old one holds the addresses."""
    for change in comparison.of_type(BALANCER):
        if change.action == "remove":
            yield _about(
                change, "balancer-replaced", "blocked", f"{change.logical_id} goes, and all of its addresses stop to answer", SECOND
            )
        elif change.renamed_from or change.replaces:
            why = f"the logical id was {change.renamed_from}" if change.renamed_from else _culprits(change)
            yield _about(
                change,
                "balancer-replaced",
                "blocked",
                f"AWS makes {change.logical_id} anew ({why}), without the addresses, which the old one still holds: ResourceInUse",
                SECOND,
            )
        elif change.action == "add" and (held := _held_before(comparison, change)):
            holds = ", ".join(sorted(held))
            why = f"{change.logical_id} wants {holds}, which another load balancer holds: ResourceInUse"
            yield _about(change, "balancer-replaced", "blocked", why, SECOND)


def _culprits(change: Change) -> str:
    return ", ".join(one.path for one in change.culprits) or "its type"


def _held_before(comparison: Comparison, change: Change) -> set[str]:
    wanted = {one.address for one in places(comparison, standing(comparison), change.stack, change.logical_id) if one.address}
    return wanted & {
        one.address
        for stack, name, _ in resources_of(comparison.before, BALANCER)
        for one in places(comparison, comparison.before, stack, name)
    }


def first_group(comparison: Comparison) -> Iterator[Finding]:
    """A load balancer that has no security group is to get one."""
    for change in in_place(comparison):
        if _groups(comparison, change) == (False, True):
            why = f"{change.logical_id} was made without a security group, and AWS never lets it have one"
            yield _about(change, "balancer-first-group", "blocked", why, SECOND)


def loses_groups(comparison: Comparison) -> Iterator[Finding]:
    """A load balancer is to lose all its security groups."""
    for change in in_place(comparison):
        if _groups(comparison, change) == (True, False):
            why = f"AWS refuses to take the last security group from {change.logical_id}"
            yield _about(change, "balancer-loses-groups", "blocked", why, "keep a group, and change who it lets in")


def _groups(comparison: Comparison, change: Change) -> tuple[bool, bool]:
    old, new = (properties(side.stacks.get(change.stack), change.logical_id) for side in (comparison.before, comparison.after))
    return bool(items(old.get("SecurityGroups"))), bool(items(new.get("SecurityGroups")))


def cross_zone(comparison: Comparison) -> Iterator[Finding]:
    """Whether each zone sends to the tasks of all zones."""
    for change in comparison.of_type(BALANCER, TARGET_GROUP):
        name = "LoadBalancerAttributes" if change.type == BALANCER else "TargetGroupAttributes"
        for key, old, new in _attributes(comparison, change, name):
            if key == CROSS_ZONE:
                why = {
                    "false": "each address reaches the tasks of its own zone alone, and none while that zone has no healthy task",
                    "true": "each address reaches the tasks of every zone, and what passes between zones is billed",
                }.get(new, "the load balancer's setting holds")
                yield _about(change, "cross-zone-changed", "risky", f"{CROSS_ZONE} of {change.logical_id}: {old} -> {new}: {why}")


def setting(comparison: Comparison) -> Iterator[Finding]:
    """Another attribute of the load balancer changes."""
    for change in in_place(comparison):
        for key, old, new in _attributes(comparison, change, "LoadBalancerAttributes"):
            # The first has a rule of its own, and so has the loss of the second (address-unprotected).
            if key != CROSS_ZONE and (key != PROTECTION or new == "true"):
                yield _about(change, "balancer-setting", "safe", f"{key} of {change.logical_id}: {old} -> {new}")
        for one in change.properties:
            if one.path == "IpAddressType":
                dual = text(one.after) != "ipv4"
                why = ": its name also resolves to addresses that no partner was told" if dual else ""
                was, becomes = text(one.before or "ipv4"), text(one.after or "ipv4")
                told = f"IpAddressType of {change.logical_id}: {was} -> {becomes}{why}"
                yield _about(change, "balancer-setting", "risky" if dual else "safe", told)


def _attributes(comparison: Comparison, change: Change, name: str) -> Iterator[tuple[str, str, str]]:
    if change.action != "modify" or change.replaces:
        return
    new_side = standing(comparison)
    old = keyed(properties(comparison.before.stacks.get(change.stack), change.logical_id).get(name))
    new = keyed(properties(new_side.stacks.get(change.stack), change.logical_id).get(name))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield key, old.get(key, "the default"), new.get(key, "the default")


RULES: tuple[Rule, ...] = (
    Rule(
        "balancer-replaced", replaced, "ResourceInUse, The allocation IDs are not available for use: hashicorp/terraform-provider-aws#15031"
    ),
    Rule("balancer-first-group", first_group, "SetSecurityGroups: not on a Network Load Balancer that was made without a security group"),
    Rule("balancer-loses-groups", loses_groups, "SetSecurityGroups answers ValidationError: hashicorp/terraform-provider-aws#32987"),
    Rule("cross-zone-changed", cross_zone, "NLB guide, Cross-zone load balancing for target groups"),
    Rule("balancer-setting", setting, "NLB guide, Edit attributes for your Network Load Balancer"),
)
