"""The fixed addresses: what would lose, swap or interrupt one, and what would leave one unprotected."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pipeline import stack_policy_rules
from pipeline.review.compare import RETAINING
from pipeline.review.model import Change, Comparison, Finding, Stack, Verdict
from pipeline.review.read import anew, keyed, mapping, properties, resources, resources_of, standing
from pipeline.review.resource_types import BALANCER, EIP
from pipeline.review.rules.rule import Rule, about
from pipeline.review.sides import pinned_file
from pipeline.review.zones import allocation, both, called, held, keeping, letter, pin_of, places, zone_of

_about = partial(about, topic="addresses")

LEAVING = 'where it is to go, write "leaves": "YYYY-MM-DD" into its entry of {ledger}, tell partners, and take it away after that day'
KEPT = ("DeletionPolicy", "UpdateReplacePolicy")


def lost(comparison: Comparison) -> Iterator[Finding]:
    """An Elastic IP that was there is there no more."""
    staying = {(stack, name) for stack, name, _ in resources_of(comparison.after, EIP)}
    adopted = held(comparison, comparison.after)
    for stack, name, _ in resources_of(comparison.before, EIP):
        address = allocation(comparison, f"{stack}/{name}")
        if (stack, name) not in staying and address not in adopted:
            yield _lost(comparison, stack, name, address, _what_becomes_of(comparison, stack, name))
    yield from _adopted_lost(comparison, adopted)


def _what_becomes_of(comparison: Comparison, stack: str, name: str) -> str:
    if stack not in comparison.after.stacks:
        return f"stack {stack} is no longer rendered, so nothing manages it or keeps it from being released"
    others = [one for one in comparison.of_type(EIP) if one.action == "add" and one.logical_id == name]
    others += [one for one in comparison.of_type(EIP) if (one.stack, one.renamed_from) == (stack, name)]
    if resources(comparison.before.stacks[stack])[name].get("DeletionPolicy") not in RETAINING:
        became = "AWS releases it, and may give it to somebody else"
    else:
        became = "it stays allocated and on the bill, nothing manages it, and nobody answers on it"
    if others:
        return f"{others[0].logical_id} in stack {others[0].stack} is another address; {became}"
    return f"stack {stack} gives it up: {became}"


def _adopted_lost(comparison: Comparison, adopted: set[str]) -> Iterator[Finding]:
    own = {allocation(comparison, f"{stack}/{name}") for stack, name, _ in resources_of(comparison.after, EIP)}
    made_here = {f"{stack}/{name}" for stack, name, _ in resources_of(comparison.before, EIP)}
    for stack, name, _ in resources_of(comparison.before, BALANCER):
        for place in places(comparison, comparison.before, stack, name):
            if place.address and place.source not in made_here and place.address not in {*adopted, *own}:
                yield _lost(
                    comparison,
                    stack,
                    name,
                    place.address,
                    f"{zone_of(place)} had it, and no load balancer that is rendered has it any more",
                )


def _lost(comparison: Comparison, stack: str, name: str, address: str, why: str) -> Finding:
    pin = pin_of(comparison, address)
    known = f"{pin.address} ({address})" if pin else address.rpartition("/")[2]
    leaves = _may_leave(comparison, address)
    verdict: Verdict = "risky" if leaves else "blocked"
    zone = letter(comparison.before, f"{stack}/{name}") if stack in comparison.after.stacks else ""
    keep = f"keep it, where its zone goes by {keeping(zone)}" if zone else "keep it"
    return Finding(
        rule="address-lost",
        topic="addresses",
        verdict=verdict,
        stack=stack,
        resource=name,
        text=f"address {known}: {why}" + (", as the ledger told partners beforehand" if leaves else ""),
        mend="" if leaves else f"{keep}; {LEAVING.format(ledger=pinned_file(comparison.owner))}",
    )


def _may_leave(comparison: Comparison, address: str) -> bool:
    """Only what the ledger said before this change counts: partners could read that."""
    today = comparison.today
    return today is not None and any(pin.allocation == address and pin.leaves and pin.leaves <= today for pin in comparison.before.pinned)


def replaced(comparison: Comparison) -> Iterator[Finding]:
    """AWS makes another Elastic IP, with another address."""
    for change in comparison.of_type(EIP):
        if change.replaces and not change.renamed_from:
            paths = ", ".join(one.path for one in change.properties if one.update != "in place")
            kept = "the old one stays allocated, and nobody answers on it" if change.retained else "the old one is released"
            text = f"AWS allocates another address for {change.logical_id}, because {paths} changes; {kept}"
            yield _about(change, "address-replaced", "blocked", text, f"leave {paths} as it was made")


def retagged(comparison: Comparison) -> Iterator[Finding]:
    """Tags of an Elastic IP change, which may take the address off for a moment."""
    for change in comparison.of_type(EIP):
        paths = [one.path for one in change.properties if one.top == "Tags"]
        if change.action == "modify" and paths and not change.replaces:
            text = f"{', '.join(paths)} of {change.logical_id}: AWS may associate the address anew, and connections through it may drop"
            mend = f"leave the tags of stack {change.stack} as they are, those beside its template too"
            yield _about(change, "address-retagged", "risky", text, mend)


def swapped(comparison: Comparison) -> Iterator[Finding]:
    """A zone of the load balancer gets another address, or two zones change theirs."""
    made_anew = anew(comparison, EIP)
    for change in comparison.of_type(BALANCER):
        pairs = both(comparison, change)
        zones = {old.address: old.zone for old, _ in pairs if old and old.address}
        for old, new in pairs:
            if old and new and (old.address != new.address or new.source in made_anew):
                other = "a new one" if old.address == new.address else called(comparison, new)
                text = f"{zone_of(new)} would answer on {other} instead of {called(comparison, old)}: AWS cannot swap the address of a zone"
                yield _about(change, "address-swap", "blocked", text, _two_deployments(new.zone))
            elif new and old is None and zones.get(new.address, new.zone) != new.zone:
                text = f"{called(comparison, new)} would move from zone {zones[new.address]} to {zone_of(new)}, which still holds it then"
                yield _about(change, "address-swap", "blocked", text, _two_deployments(new.zone))


def _two_deployments(zone: str) -> str:
    return f"leave it; or give up zone {zone} in one deployment and add it in the next, or build a second load balancer beside this one"


def unprotected(comparison: Comparison) -> Iterator[Finding]:
    """Something that kept an address from being released goes."""
    for change in comparison.of_type(EIP):
        for one in change.attributes:
            if one.path in KEPT and one.before in RETAINING and one.after not in RETAINING:
                when = "leaves the stack" if one.path == KEPT[0] else "is replaced"
                text = f"{change.logical_id} loses its {one.path} {one.before}: AWS releases the address when it {when}"
                yield _about(change, "address-unprotected", "risky", text, f"keep {one.path}: Retain")
    yield from _policies(comparison)
    for change in comparison.of_type(BALANCER):
        if change.action == "modify" and _deletion_protected(comparison, change) == (True, False):
            text = f"{change.logical_id} loses its deletion protection: whoever deletes it stops all of its addresses"
            yield _about(change, "address-unprotected", "risky", text, "keep deletion_protection.enabled at true")


def _policies(comparison: Comparison) -> Iterator[Finding]:
    for name, stack in comparison.after.stacks.items():
        was = comparison.before.stacks.get(name)
        if was is None or was.policy == stack.policy:
            continue
        both_sides = [one for one in resources(stack) if _is_address(stack, one) and _is_address(was, one)]
        opened = {
            (action, one)
            for one in both_sides
            for action in ("Update:Replace", "Update:Delete")
            if _denies(was, action, one) and not _denies(stack, action, one)
        }
        if opened:
            actions, names = sorted({action for action, _ in opened}), sorted({one for _, one in opened})
            yield Finding(
                rule="address-unprotected",
                topic="addresses",
                verdict="risky",
                stack=name,
                text=f"the policy of stack {name} allows {' and '.join(actions)} of {', '.join(names)} from then on",
                mend="deny both for everything in the stack",
            )


def _is_address(stack: Stack, name: str) -> bool:
    return resources(stack).get(name, {}).get("Type") == EIP


def _denies(stack: Stack, action: str, name: str) -> bool:
    policy = mapping(stack.policy)
    return bool(policy) and stack_policy_rules.denial(policy, action, name, EIP) is not None


def _deletion_protected(comparison: Comparison, change: Change) -> tuple[bool, bool]:
    sides = ((comparison.before, change.old_id), (standing(comparison), change.logical_id))
    old, new = (
        keyed(properties(side.stacks.get(change.stack), name).get("LoadBalancerAttributes")).get("deletion_protection.enabled") == "true"
        for side, name in sides
    )
    return old, new


RULES: tuple[Rule, ...] = (
    Rule(
        "address-lost", lost, "EC2 user guide, Release an Elastic IP address: somebody else may get it; stacks/pinned is what partners know"
    ),
    Rule("address-replaced", replaced, "AWS::EC2::EIP: update requires replacement (createOnlyProperties; Domain)"),
    Rule("address-retagged", retagged, "AWS::EC2::EIP, Tags: updates may require some interruptions, and reassociate the address"),
    Rule(
        "address-swap",
        swapped,
        "NLB guide, Update the Availability Zones: changes within a zone are independent actions, first remove, then add",
    ),
    Rule(
        "address-unprotected", unprotected, "CloudFormation user guide, DeletionPolicy and stack policies; NLB guide, Deletion protection"
    ),
)
