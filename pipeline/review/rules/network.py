"""The network below the addresses: zones that come and go, and subnets, networks and security groups that cannot be exchanged."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.review.model import Change, Comparison, Finding, Side, Topic, Verdict
from pipeline.review.read import anew, resources_of, users
from pipeline.review.resource_types import CERTIFICATE, EIP, SECURITY_GROUP, SUBNET, TARGET_GROUP
from pipeline.review.rules.rule import Rule, about
from pipeline.review.zones import Place, both, called, in_place, keeping, zone_of

VPC = "AWS::EC2::VPC"
# What AWS does not delete while something uses it, and how it refuses.
HELD = {
    SECURITY_GROUP: "DependencyViolation",
    SUBNET: "DependencyViolation",
    VPC: "DependencyViolation",
    CERTIFICATE: "ResourceInUseException",
    TARGET_GROUP: "ResourceInUse",
}


def moves_subnet(comparison: Comparison) -> Iterator[Finding]:
    """A zone of the load balancer gets another subnet."""
    made_anew = anew(comparison, SUBNET)
    for change in in_place(comparison):
        for old, new in both(comparison, change):
            if old and new and (old.subnet != new.subnet or new.subnet in made_anew):
                other = "a new subnet" if old.subnet == new.subnet else new.subnet.rpartition("/")[2]
                why = f"{change.logical_id} would stand on {other} instead of {old.subnet.rpartition('/')[2]} in {zone_of(old)}"
                mend = f"leave {zone_of(old)} as it is; or give it up in one deployment and add it back in the next"
                yield _about(
                    change, "balancer-moves-subnet", "blocked", f"{why}: AWS first wants that zone gone, in a change of its own", mend
                )


def zone_removed(comparison: Comparison) -> Iterator[Finding]:
    """A zone leaves the load balancer, and its address with it."""
    for change in in_place(comparison):
        for old, new in both(comparison, change):
            if old and new is None:
                ends = f"connections through {called(comparison, old)} and to tasks of that zone end"
                why = f"{change.logical_id} leaves {zone_of(old)}: {ends}"
                rest = "nobody answers there any more, and clients time out until they resolve the name again (60 seconds)"
                yield _about(change, "zone-removed", "risky", f"{why}; {rest}; AWS takes up to 3 minutes", _before_it_goes(comparison, old))


def zone_added(comparison: Comparison) -> Iterator[Finding]:
    """A zone comes, with an address that partners do not know yet."""
    for change in in_place(comparison):
        for old, new in both(comparison, change):
            if new and old is None:
                why = f"{change.logical_id} also stands in {zone_of(new)}, and its name also resolves to {called(comparison, new)}"
                text = f"{why}: clients whose firewall does not let that address through fail every so often"
                yield _about(change, "zone-added", "risky", text, _before_it_comes(comparison, new))


def _before_it_goes(comparison: Comparison, place: Place) -> str:
    given_up = place.zone and _made(comparison.before, place) and not _made(comparison.after, place)
    return f"tell partners first; {keeping(place.zone)} keeps the address" if given_up else "tell partners first"


def _before_it_comes(comparison: Comparison, place: Place) -> str:
    new = place.zone and _made(comparison.after, place) and not _made(comparison.before, place)
    first = f"make the address first, by {keeping(place.zone)}; " if new else ""
    return f"{first}tell partners, and add the zone once they let the address through"


def _made(side: Side, place: Place) -> bool:
    return any(f"{stack}/{name}" == place.source for stack, name, _ in resources_of(side, EIP))


def subnet_range(comparison: Comparison) -> Iterator[Finding]:
    """A subnet gets other addresses, so it is replaced."""
    for change, paths in _own_replacements(comparison, SUBNET):
        ranges = [path for path in paths if "Cidr" in path or "Netmask" in path]
        if ranges and (holders := _holders(comparison, change)):
            text = f"{', '.join(ranges)} changes, so {change.logical_id} would be replaced, but {holders} hold the old one"
            mend = "leave the range as it is; or give up the zone in one deployment and add it with the new range in the next"
            yield _about(change, "subnet-range", "blocked", text, mend)


def vpc_range(comparison: Comparison) -> Iterator[Finding]:
    """The VPC gets other addresses, so everything in it is replaced."""
    for change, paths in _own_replacements(comparison, VPC):
        text = f"{', '.join(paths)} changes, so {change.logical_id} and all that stands in it would be replaced, the load balancer too"
        yield _about(
            change,
            "vpc-range",
            "blocked",
            text,
            "leave it; a new network is a new environment, with addresses that partners are told first",
        )


def group_replaced(comparison: Comparison) -> Iterator[Finding]:
    """A security group is replaced while something uses it."""
    for change, paths in _own_replacements(comparison, SECURITY_GROUP):
        if holders := _holders(comparison, change):
            text = f"{', '.join(paths)} changes, so {change.logical_id} would be replaced, and the old one is held by {holders}"
            mend = f"leave {', '.join(paths)} as it was; or add a second group beside it"
            yield _about(change, "group-replaced", "blocked", text, mend)


def _own_replacements(comparison: Comparison, type_name: str) -> Iterator[tuple[Change, list[str]]]:
    """What is replaced for a reason of its own, not for something that it refers to."""
    for change in comparison.of_type(type_name):
        found = [one.path for one in change.culprits if not one.because]
        if change.renamed_from:
            found = ["the logical id"]
        if change.replaces and found:
            yield change, found


def _holders(comparison: Comparison, change: Change) -> str:
    """What used it before, in other stacks: those come later, and what is no longer rendered stays as it is."""
    wanted = f"{change.stack}/{change.old_id}"
    found = [
        (comparison.order.index(stack), f"{name} ({stack})") for stack, name, _ in users(comparison.before, wanted) if stack != change.stack
    ]
    return " and ".join(name for _, name in sorted(found))


def removed_while_used(comparison: Comparison) -> Iterator[Finding]:
    """Something goes that is still used, so AWS cannot delete it."""
    for change in comparison.of_type(*HELD):
        if change.action != "remove" or change.retained:
            continue
        if holders := _holders(comparison, change):
            why = f"{change.logical_id} goes while it is in use by {holders}: AWS refuses that ({HELD[change.type]})"
            mend = f"take it from {holders} in one deployment, and remove it in the next"
            if change.type == SUBNET:
                # A zone is one setting, so its subnet and what stands in it go in the same deployment.
                mend = "tidy up afterwards: aws ec2 delete-subnet; until then its range is taken, and the zone cannot come back with it"
            yield _about(change, "removed-while-used", "risky", f"{why}, and after three attempts it stays behind, unmanaged", mend)


def _about(change: Change, rule: str, verdict: Verdict, text: str, mend: str = "") -> Finding:
    topic: Topic = "resources" if rule == "removed-while-used" else "clients"
    return about(change, rule, verdict, text, mend, topic=topic)


ZONES = "NLB guide, Update the Availability Zones for your Network Load Balancer"
RULES: tuple[Rule, ...] = (
    Rule("balancer-moves-subnet", moves_subnet, f"{ZONES}: subnet changes within a zone are independent actions, first remove, then add"),
    Rule("zone-removed", zone_removed, f"{ZONES}: removal ends connections, up to 3 minutes; the name lives for 60 seconds"),
    Rule("zone-added", zone_added, f"{ZONES}: each zone has an address of its own, and the name resolves to all"),
    Rule("subnet-range", subnet_range, f"AWS::EC2::Subnet, createOnlyProperties; {ZONES}"),
    Rule("vpc-range", vpc_range, "AWS::EC2::VPC and AWS::EC2::Subnet, createOnlyProperties"),
    Rule(
        "group-replaced", group_replaced, "AWS::EC2::SecurityGroup: GroupDescription, GroupName and VpcId replace it; DeleteSecurityGroup"
    ),
    Rule("removed-while-used", removed_while_used, "AWS re:Post, CloudFormation stack cleanup: tried three times, then skipped"),
)
