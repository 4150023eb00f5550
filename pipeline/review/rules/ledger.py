"""The addresses that partners were told (stacks/pinned/<environment>.json) are live, stay planned, and leave only with notice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.review.model import Comparison, Finding, Pin, Side, Verdict
from pipeline.review.read import mapping, mappings, resources_of
from pipeline.review.resource_types import BALANCER, EIP
from pipeline.review.rules.rule import Rule
from pipeline.review.zones import keeping, places

STACK = "addresses"
LEAVING = 'write "leaves": "YYYY-MM-DD" into its entry, tell the partners, and remove the entry after that day'


def pinned_address(comparison: Comparison) -> Iterator[Finding]:
    """What is deployed is not what partners were told."""
    for pin in comparison.after.pinned:
        if _may_go(pin, comparison) or not comparison.after.stacks:
            continue
        live, planned = _not_live(pin, comparison.before), _not_planned(pin, comparison)
        yield from (_finding("pinned-address", "blocked", pin, why, _mend(pin)) for why in (live, planned) if why)
        if not live and not planned and (eip := _made_anew(pin, comparison)):
            # Where nothing serves yet, nobody is cut off: an environment that moves to another account, or begins again.
            serves = STACK in comparison.before.stacks or any(True for _ in resources_of(comparison.before, BALANCER))
            why = f"AWS makes another one for zone {pin.zone}"
            yield _finding("pinned-address", "blocked" if serves else "risky", pin, why, _mend(pin), resource=eip)


def pin_changed(comparison: Comparison) -> Iterator[Finding]:
    """An entry of the ledger changes: its address, or its day."""
    for pin in comparison.before.pinned:
        for now in _same(pin, comparison.after):
            if _key(now) != _key(pin):
                mend = "write it back; another address is another entry"
                yield _finding("pin-changed", "blocked", pin, f"the ledger would say {_named(now)}", mend)
            elif now.leaves and now.leaves != pin.leaves:
                yield _finding("pin-changed", "safe", pin, f"it may go from {now.leaves} on", "")


def pin_removed(comparison: Comparison) -> Iterator[Finding]:
    """An address leaves the ledger of what partners were told."""
    for pin in comparison.before.pinned:
        if not _same(pin, comparison.after):
            gone = _may_go(pin, comparison)
            day = f"its day was {pin.leaves}" if gone else f"its day is {pin.leaves}" if pin.leaves else "it has no day on which it may go"
            why = f"the ledger would forget it: {day}"
            yield _finding("pin-removed", "risky" if gone else "blocked", pin, why, "" if gone else LEAVING)


def unpinned(comparison: Comparison) -> Iterator[Finding]:
    """An address stands in no ledger yet."""
    pins = comparison.after.pinned
    known = {value for pin in pins for value in (pin.address, pin.allocation)}
    # An address is known of what is live only; whoever adopts addresses names their allocations.
    outputs = _outputs(comparison.before)
    live = [value for name, value in sorted(outputs.items()) if name.startswith("PublicIp")]
    if any(stack.status for stack in comparison.before.stacks.values()):
        live += sorted(_allocations(comparison.before))
    if free := [value for value in live if value not in known]:
        names, one = ", ".join(free), len(free) == 1
        yield Finding(
            rule="unpinned",
            topic="addresses",
            verdict="safe",
            stack=STACK,
            text=f"no ledger names {names}, so nothing here knows that partners let {'it' if one else 'them'} through",
            mend=f"kotei addresses {comparison.owner} --pin, and commit the file",
        )


def _finding(rule: str, verdict: Verdict, pin: Pin, why: str, mend: str, *, resource: str = "") -> Finding:
    text = f"partners were told {_named(pin)}; {why}"
    return Finding(rule=rule, topic="addresses", verdict=verdict, stack=STACK, resource=resource, text=text, mend=mend)


def _named(pin: Pin) -> str:
    return f"{pin.address} (zone {pin.zone}, {pin.allocation})"


def _key(pin: Pin) -> tuple[str, str, str]:
    return pin.zone, pin.address, pin.allocation


def _same(pin: Pin, side: Side) -> list[Pin]:
    """What the ledger says of it there; the entry that did not change, where there is one."""
    found = [one for one in side.pinned if one.address == pin.address or one.allocation == pin.allocation]
    return [one for one in found if _key(one) == _key(pin)] or found


def _may_go(pin: Pin, comparison: Comparison) -> bool:
    return bool(pin.leaves and comparison.today and pin.leaves <= comparison.today)


def _mend(pin: Pin) -> str:
    kept, adopted = keeping(pin.zone), f'adopt = {{ {pin.zone} = "{pin.allocation}" }}'
    return f"keep it, where its zone goes by {kept}; or take it by its id: {adopted} there; if it is to go: {LEAVING}"


def _outputs(side: Side) -> Mapping[str, str]:
    return side.stacks[STACK].outputs if STACK in side.stacks else {}


def _not_live(pin: Pin, before: Side) -> str:
    """Only AWS tells what is live, so without it nothing is known to differ."""
    outputs, zone = _outputs(before), pin.zone.upper()
    if not any(name.startswith("PublicIp") for name in outputs):
        return ""
    address, allocation = outputs.get(f"PublicIp{zone}"), outputs.get(f"Address{zone}", "")
    if (address, allocation) == (pin.address, pin.allocation):
        return ""
    return f"zone {pin.zone} has {address} ({allocation}) now" if address else f"zone {pin.zone} has no address now"


def _not_planned(pin: Pin, comparison: Comparison) -> str:
    after = comparison.after
    if pin.allocation in _allocations(after):
        return ""
    eip = _eip(after, f"Address{pin.zone.upper()}")
    if eip is None:
        return f"no template has it, or an address of zone {pin.zone}, any more"
    standing = [place for stack, name, _ in resources_of(after, BALANCER) for place in places(comparison, after, stack, name)]
    taken = {place.source for place in standing if place.zone == pin.zone}
    # Where no load balancer stands in its zone, the address is kept, and nothing answers on another one in its place.
    return "the load balancer takes it no more" if taken - {f"{STACK}/{eip}"} else ""


def _made_anew(pin: Pin, comparison: Comparison) -> str:
    """The logical id of an Elastic IP that is not the one there was."""
    if pin.allocation in _allocations(comparison.after):
        return ""
    eip = _eip(comparison.after, f"Address{pin.zone.upper()}")
    changes = [change for change in comparison.changes if (change.stack, change.logical_id) == (STACK, eip)]
    return next((change.logical_id for change in changes if change.action == "add" or change.replaces), "")


def _eip(side: Side, output: str) -> str | None:
    """The Elastic IP behind an output of the addresses stack."""
    if STACK not in side.stacks:
        return None
    value = mapping(mapping(mapping(side.stacks[STACK].template.get("Outputs")).get(output)).get("Value")).get("Fn::GetAtt")
    name = value.partition(".")[0] if isinstance(value, str) else value[0] if isinstance(value, list) and value else None
    held = {logical_id for stack, logical_id, _ in resources_of(side, EIP) if stack == STACK}
    return name if isinstance(name, str) and name in held else None


def _taken(side: Side) -> list[Any]:
    """What the load balancers say of their addresses, as it is written."""
    found = [one.get("SubnetMappings") for _, _, one in resources_of(side, BALANCER)]
    return [one["AllocationId"] for entries in found for one in mappings(entries) if "AllocationId" in one]


def _allocations(side: Side) -> set[str]:
    """Those that are written out."""
    return {value for value in _taken(side) if isinstance(value, str)}


PROJECT = "stacks/pinned: partners' firewalls name these addresses, and nothing else"
RULES: tuple[Rule, ...] = (
    Rule("pinned-address", pinned_address, PROJECT),
    Rule("pin-changed", pin_changed, PROJECT),
    Rule("pin-removed", pin_removed, PROJECT),
    Rule("unpinned", unpinned, PROJECT),
)
