"""Security groups of one side as sets: which addresses, and which other groups, pass on which ports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, NamedTuple

from pipeline.review.address_sets import EVERYBODY, NOBODY, Addresses, minus, network, union
from pipeline.review.model import Side, Stack
from pipeline.review.read import items, mapping, resources_of, text
from pipeline.review.resource_types import BALANCER as LOAD_BALANCER
from pipeline.review.resource_types import SECURITY_GROUP, SERVICE

BALANCER, TASKS = "load balancer", "tasks"
LAST_PORT = 65_535
Direction = Literal["in", "out"]
DIRECTIONS: tuple[Direction, ...] = ("in", "out")
INLINE: dict[Direction, str] = {"in": "SecurityGroupIngress", "out": "SecurityGroupEgress"}
SINGLE: dict[Direction, str] = {"in": "AWS::EC2::SecurityGroupIngress", "out": "AWS::EC2::SecurityGroupEgress"}
# Whom a rule names; the first one that is there counts.
WHOM = (
    *("CidrIp", "CidrIpv6", "SourcePrefixListId", "SourceSecurityGroupId", "SourceSecurityGroupName"),
    *("DestinationPrefixListId", "DestinationSecurityGroupId"),
)
# -1 is every protocol; the numbers are IANA's.
PROTOCOLS = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}
EVERY_PROTOCOL = "-1"
KNOWN_PROTOCOLS = ("tcp", "udp", "other protocols")
Key = tuple[str, str]  # stack and logical id; without a stack, what the template says instead


class Way(NamedTuple):
    protocol: str
    first: int
    last: int


@dataclass(frozen=True)
class Reach:
    """Addresses, and names of what only AWS can resolve to addresses (other groups, prefix lists, references)."""

    addresses: Addresses = NOBODY
    named: frozenset[str] = frozenset()

    def __or__(self, other: Reach) -> Reach:
        return Reach(union((*self.addresses, *other.addresses)), self.named | other.named)

    def __sub__(self, other: Reach) -> Reach:
        return Reach(minus(self.addresses, other.addresses), self.named - other.named)


Rules = tuple[tuple[Way, Reach], ...]
EVERY_WAY = Way(EVERY_PROTOCOL, 0, LAST_PORT)
# What a group without rules lets out when it is made, and a load balancer without groups lets in.
ALL: Rules = ((EVERY_WAY, Reach(EVERYBODY)),)


@dataclass(frozen=True)
class Group:
    """`all_out`: no rule says what may go out."""

    rules: Mapping[Direction, Rules]
    all_out: bool
    place: Key


def ranges(*rules: Rules) -> Iterator[Way]:
    """The ways of all rules, cut where any of them begins or ends, so that each can be asked for as one."""
    ways = [way for some in rules for way, _ in some]
    for protocol in sorted({*(way.protocol for way in ways if way.protocol != EVERY_PROTOCOL), *KNOWN_PROTOCOLS}):
        here = [way for way in ways if way.protocol in (protocol, EVERY_PROTOCOL)]
        edges = sorted({edge for way in here for edge in (way.first, way.last + 1)})
        yield from (Way(protocol, first, after - 1) for first, after in pairwise(edges))


def reach(rules: Iterable[tuple[Way, Reach]], way: Way) -> Reach:
    """Who passes on the whole of a way."""
    passing = [
        who for one, who in rules if one.protocol in (way.protocol, EVERY_PROTOCOL) and one.first <= way.first and way.last <= one.last
    ]
    return Reach(union(one for who in passing for one in who.addresses), frozenset(name for who in passing for name in who.named))


def groups(side: Side) -> dict[str, Group]:
    """By the role that a group plays, else by its logical id: a group that is only renamed lets the same pass."""
    roles = _roles(side)
    declared = _declared(side)
    written: dict[tuple[Key, Direction], list[tuple[Way, Reach]]] = {}
    for key, properties in declared.items():
        for direction in DIRECTIONS:
            written[key, direction] = [_rule(side, key[0], one, roles) for one in items(properties.get(INLINE[direction]))]
    for direction in DIRECTIONS:
        for stack, _, properties in resources_of(side, SINGLE[direction]):
            written[_key(side, stack, properties.get("GroupId")), direction].append(_rule(side, stack, properties, roles))
    found: dict[str, list[Group]] = {}
    for key in declared:
        rules = {direction: tuple(written[key, direction]) for direction in DIRECTIONS}
        found.setdefault(roles.get(key, key[1]), []).append(Group(rules, all_out=bool(key[0]) and not rules["out"], place=key))
    return {role: _together(some) for role, some in found.items()}


def clients(side: Side, found: Mapping[str, Group]) -> Rules | None:
    """Rules by which clients reach the load balancer; None where there is none. One without groups refuses nobody."""
    balancers = [(stack, items(properties.get("SecurityGroups"))) for stack, _, properties in resources_of(side, LOAD_BALANCER)]
    if not balancers:
        return None
    rules = found[BALANCER].rules["in"] if BALANCER in found else ()
    declared = _declared(side)
    elsewhere = {_key(side, stack, one) for stack, attached in balancers for one in attached} - declared.keys()
    named = tuple((EVERY_WAY, Reach(named=frozenset([f"whoever {key[1]} lets in"]))) for key in sorted(elsewhere))
    return (*rules, *named, *(ALL if any(not attached for _, attached in balancers) else ()))


def _together(some: list[Group]) -> Group:
    rules = {direction: tuple(rule for one in some for rule in one.rules[direction]) for direction in DIRECTIONS}
    return Group(rules, all_out=any(one.all_out for one in some), place=some[0].place)


def _declared(side: Side) -> dict[Key, Mapping[str, Any]]:
    """Groups of these templates, and those that only rules of these templates name."""
    found: dict[Key, Mapping[str, Any]] = {(stack, str(name)): properties for stack, name, properties in resources_of(side, SECURITY_GROUP)}
    for stack, _, properties in resources_of(side, *SINGLE.values()):
        found.setdefault(_key(side, stack, properties.get("GroupId")), {})
    return found


def _roles(side: Side) -> dict[Key, str]:
    found: dict[Key, str] = {}
    for stack, _, properties in resources_of(side, SERVICE):
        connected = mapping(mapping(properties.get("NetworkConfiguration")).get("AwsvpcConfiguration"))
        found |= {_key(side, stack, one): TASKS for one in items(connected.get("SecurityGroups"))}
    for stack, _, properties in resources_of(side, LOAD_BALANCER):
        found |= {_key(side, stack, one): BALANCER for one in items(properties.get("SecurityGroups"))}
    return found


def _key(side: Side, stack: str, value: Any) -> Key:
    """What a value refers to, through the output of a parameter's name if need be."""
    said = text(value)
    for _ in side.stacks:
        name = text(value).removeprefix("${").removesuffix("}").partition(".")[0]
        here = side.stacks.get(stack)
        if name in _section(here, "Resources"):
            return stack, name
        source = next((other for other, one in side.stacks.items() if other != stack and name in _section(one, "Outputs")), None)
        if name not in _section(here, "Parameters") or source is None:
            break
        value, stack = mapping(_section(side.stacks[source], "Outputs")[name]).get("Value"), source
    return "", said


def _section(stack: Stack | None, name: str) -> Mapping[str, Any]:
    return mapping(stack.template.get(name)) if stack else {}


def _rule(side: Side, stack: str, rule: Any, roles: Mapping[Key, str]) -> tuple[Way, Reach]:
    given = mapping(rule)
    way = _way(given)
    if way is None:
        # AWS alone knows what is meant: the same words mean the same.
        words = text({key: one for key, one in given.items() if key not in ("Description", "GroupId")} if given else rule)
        return Way("other protocols", 0, LAST_PORT), Reach(named=frozenset([words]))
    whom = next((given[key] for key in WHOM if given.get(key) is not None), None)
    if whom is None:
        return way, Reach()
    if (found := network(whom)) is not None:
        return way, Reach((found,))
    key = _key(side, stack, whom)
    return way, Reach(named=frozenset([f"the {roles[key]}" if key in roles else key[1]]))


def _way(rule: Mapping[str, Any]) -> Way | None:
    protocol, first, last = (rule.get(key) for key in ("IpProtocol", "FromPort", "ToPort"))
    if not isinstance(protocol, str | int) or isinstance(protocol, bool):
        return None
    name = PROTOCOLS.get(str(protocol).lower(), str(protocol).lower())
    if name not in ("tcp", "udp"):
        # Only these two have ports; the types of ICMP are taken as one.
        return Way(name, 0, LAST_PORT)
    numbers = [int(one) for one in (first, last) if isinstance(one, int | str) and str(one).isdecimal()]
    if len(numbers) != 2 or numbers[0] > numbers[1]:  # noqa: PLR2004 - from and to
        return Way(name, 0, LAST_PORT) if first is None and last is None else None
    return Way(name, numbers[0], numbers[1])
