"""Security groups as AWS evaluates them: who may reach a port. Pure; addresses are the real ones, not their stand-ins."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence

from pipeline.local.plane.model import Rule

Rules = Mapping[str, Sequence[Rule]]
EVERYWHERE = ("0.0.0.0/0",)


def sources(groups: Iterable[str], rules: Rules, members: Mapping[str, Sequence[str]], port: int) -> tuple[str, ...]:
    """The networks that may reach the port; a referenced group stands for the addresses of its interfaces."""
    found: dict[str, None] = {}
    for rule in _open(groups, rules, port):
        found.update(dict.fromkeys(rule.networks))
        found.update((f"{address}/32", None) for group in rule.groups for address in members.get(group, ()))
    return tuple(found)


def admits(groups: Iterable[str], rules: Rules, port: int, *, source: str, source_groups: Iterable[str]) -> bool:
    """Whether one sender gets through. A reference to the balancer's group also holds while the client's address is preserved."""
    known = set(source_groups)
    return any(known & set(rule.groups) or _within(source, rule.networks) for rule in _open(groups, rules, port))


def admitted_clients(groups: Iterable[str], rules: Rules, port: int, *, balancer_groups: Iterable[str]) -> tuple[str, ...]:
    """Whose connections a target takes when the balancer preserves client addresses."""
    known = set(balancer_groups)
    opened = _open(groups, rules, port)
    if any(known & set(rule.groups) for rule in opened):
        return EVERYWHERE
    return tuple(dict.fromkeys(network for rule in opened for network in rule.networks))


def both(first: Iterable[str], second: Sequence[str]) -> tuple[str, ...]:
    """Networks are nested or apart, so what two lists share is always the narrower of a nested pair."""
    shared: dict[str, None] = {}
    for one in map(ipaddress.IPv4Network, first):
        for other in map(ipaddress.IPv4Network, second):
            if one.subnet_of(other):
                shared[str(one)] = None
            elif other.subnet_of(one):
                shared[str(other)] = None
    return tuple(shared)


def _open(groups: Iterable[str], rules: Rules, port: int) -> list[Rule]:
    return [
        rule
        for group in groups
        for rule in rules.get(group, ())
        if rule.protocol in ("tcp", "-1") and rule.first_port <= port <= rule.last_port
    ]


def _within(address: str, networks: Iterable[str]) -> bool:
    return any(ipaddress.IPv4Address(address) in ipaddress.IPv4Network(network) for network in networks)
