"""Who may reach what: clients as sets of addresses, against hosts and ports."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from pipeline.review import nginx_read
from pipeline.review.address_sets import both, minus, network, networks
from pipeline.review.model import Comparison, Finding, Side, Verdict
from pipeline.review.nginx_model import Configuration, Site, pairs
from pipeline.review.nginx_tokens import Unreadable
from pipeline.review.rules.rule import Rule
from pipeline.review.security_groups import (
    ALL,
    BALANCER,
    DIRECTIONS,
    TASKS,
    Direction,
    Group,
    Reach,
    Rules,
    Way,
    clients,
    groups,
    ranges,
    reach,
)

HTTPS = Way("tcp", 443, 443)
EVERYBODY = {"0.0.0.0/0": "EVERYBODY on the Internet (0.0.0.0/0)", "::/0": "EVERYBODY on the Internet with IPv6 (::/0)"}
ANYTHING = {"0.0.0.0/0": "anything on the Internet (0.0.0.0/0)", "::/0": "anything on the Internet with IPv6 (::/0)"}
NAMED = 5
# More networks with the same gain are one sentence.
MOST_SENTENCES = 20
Endpoints = dict[str, tuple[Reach | None, Reach | None]]


def access(comparison: Comparison, *, gained: bool) -> Iterator[Finding]:
    before, after = _before(comparison), _after(comparison)
    old, new = clients(before, groups(before)), clients(after, groups(after))
    if (old, before.nginx) == (new, after.nginx):
        return
    if old is None or new is None:
        if gained == (old is None):
            yield from _whole(comparison.owner, old, new)
        return
    found = endpoints(before, after, old, new)
    known = Reach()
    for was, _ in found.values():
        known |= was or Reach()
    what: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for name, (was, becomes) in found.items():
        if gained and becomes is not None:
            less, more = known if was is None else was, becomes
        elif not gained and was is not None and becomes is not None:
            less, more = becomes, was
        else:
            continue
        for who in difference(more, less):
            what.setdefault(who, []).append(name)
    yield from _sentences(what, gained=gained, sites=sum(not name.startswith(("port", "udp", "other")) for name in found))


def _before(comparison: Comparison) -> Side:
    """Where only AWS was asked, nobody knows which sites there are: as if they were the same."""
    before = comparison.before
    return replace(before, nginx=comparison.after.nginx) if before.nginx is None and before.stacks else before


def _after(comparison: Comparison) -> Side:
    """The pipeline deletes nothing: a stack that is rendered no more lets in whom it let in."""
    after = comparison.after
    return replace(after, stacks={**comparison.before.stacks, **after.stacks}, nginx=after.nginx or comparison.before.nginx)


def endpoints(before: Side, after: Side, old: Rules, new: Rules) -> Endpoints:
    """Host or port -> who reaches it before and after; None where it is not there."""
    was, becomes = _read(before), _read(after)
    found: Endpoints = {}
    https = reach(old, HTTPS), reach(new, HTTPS)
    if was is None or becomes is None:
        found["every site"] = https
    else:
        for pair in pairs(was, becomes):
            found[pair.names[0]] = (
                _let_in(https[0], pair.before) if pair.before else None,
                _let_in(https[1], pair.after) if pair.after else None,
            )
    old_ports, new_ports = ({} if one is None else one.ports for one in (was, becomes))
    cuts = tuple((Way("tcp", port, port), Reach()) for port in (443, *old_ports, *new_ports))
    for way in ranges(old, new, cuts):
        if way != HTTPS:
            there = (reach(old, way), reach(new, way))
            moved = (way.first in old_ports) != (way.first in new_ports) and way.first == way.last and way.protocol == "tcp"
            if moved:
                found[_port(way)] = (there[0], None) if way.first in old_ports else (None, there[1])
            else:
                found[_port(way)] = there
    return found


def _read(side: Side) -> Configuration | None:
    try:
        return nginx_read.read(side.nginx or "")
    except Unreadable:
        return None


def _let_in(https: Reach, site: Site) -> Reach:
    if site.allowed is None:
        return https
    return Reach(both(https.addresses, site.allowed), frozenset(f"{name}, of it {site.allow}" for name in https.named))


def _port(way: Way) -> str:
    if way.protocol not in ("tcp", "udp"):
        return way.protocol if way.protocol.startswith("other") else f"other protocol {way.protocol}"
    ports = f"port {way.first}" if way.first == way.last else f"ports {way.first}-{way.last}"
    return ports if way.protocol == "tcp" else f"udp {ports}"


def difference(more: Reach, less: Reach) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every network of the one that is not wholly in the other, as it is written, and what of it is in both."""
    only = more - less
    for text in networks(more.addresses):
        own = network(text)
        if own and both((own,), only.addresses):
            yield text, networks(minus((own,), only.addresses))
    yield from ((name, ()) for name in sorted(only.named))


def _sentences(what: Mapping[tuple[str, tuple[str, ...]], list[str]], *, gained: bool, sites: int) -> Iterator[Finding]:
    rule, verb, rest = ("access-gained", "gains", "had it already") if gained else ("access-lost", "loses", "keeps it")
    same: dict[tuple[str, ...], list[tuple[str, tuple[str, ...]]]] = {}
    for pair, names in what.items():
        same.setdefault(tuple(names), []).append(pair)
    for places, found in same.items():
        there = _places(places, sites)
        if len(found) > MOST_SENTENCES:
            text = f"{_some([who for who, _ in found], 'networks')} {verb.removesuffix('s')} {there}"
            yield _finding(rule, "risky", text, found[0][0])
        else:
            for who, kept in found:
                but = f"; {_some(kept, 'networks')} {rest}" if kept else ""
                yield _finding(rule, "risky", f"{EVERYBODY.get(who, who)} {verb} {there}{but}", who)


def _places(names: tuple[str, ...], sites: int) -> str:
    hosts = [name for name in names if not name.startswith(("port", "udp", "other"))]
    ports = [name for name in names if name not in hosts]
    all_of_them = len(hosts) == sites > NAMED
    said = f"all {sites} sites (port 443)" if all_of_them else f"{_some(hosts, 'sites')} (port 443)" if hosts else ""
    return " and ".join(part for part in (said, _some(ports, "ports")) if part)


def _some(words: list[str] | tuple[str, ...], what: str) -> str:
    more = f" and {len(words) - NAMED} more {what}" if len(words) > NAMED else ""
    return f"{', '.join(words[:NAMED])}{more}"


def _whole(owner: str, old: Rules | None, new: Rules | None) -> Iterator[Finding]:
    """An environment comes, or its load balancer goes: one sentence."""
    everybody = Reach()
    for _, who in old or new or ():
        everybody |= who
    who_all = [EVERYBODY.get(one, one) for one in (*networks(everybody.addresses), *sorted(everybody.named))]
    if new is None:
        yield _finding("access-lost", "risky", f"nobody reaches {owner} any more: its load balancer goes", "")
    elif who_all:
        verdict: Verdict = "risky" if set(who_all) & set(EVERYBODY.values()) else "safe"
        yield _finding("access-gained", verdict, f"{owner} is new, for {_some(who_all, 'networks')}", "")


def task_reach(comparison: Comparison) -> Iterator[Finding]:
    """What passes behind the load balancer, and out of the tasks."""
    old, new = groups(comparison.before), groups(_after(comparison))
    if not old:
        return
    for role, group in sorted(new.items()):
        for direction in DIRECTIONS:
            if (role, direction) != (BALANCER, "in"):
                yield from _reach_changes(role, direction, old.get(role), group)


def _reach_changes(role: str, direction: Direction, old: Group | None, new: Group) -> Iterator[Finding]:
    was = old.rules[direction] if old else ()
    becomes = new.rules[direction]
    if direction == "out":
        was = ALL if old and old.all_out else was
        # AWS puts in its rule when it makes a group, not when the last rule of one goes (CloudFormation, AWS::EC2::SecurityGroup).
        becomes = ALL if new.all_out and (old is None or old.all_out) else becomes
    if was == becomes:
        return
    found: dict[tuple[str, bool], list[str]] = {}
    for way in ranges(was, becomes):
        before, after = reach(was, way), reach(becomes, way)
        for who, _ in difference(after, before):
            found.setdefault((who, True), []).append(_port(way))
        for who, _ in difference(before, after):
            found.setdefault((who, False), []).append(_port(way))
    for (who, more), ports in found.items():
        inner = {f"the {BALANCER}", f"the {TASKS}"} >= {f"the {role}", who}
        verb = f"reach {ANYTHING.get(who, who)}" if direction == "out" else f"be reached by {EVERYBODY.get(who, who)}"
        name = f"the {role}" if role in (BALANCER, TASKS) else role
        # More ways between the proxy's own two groups let nobody else in.
        verdict: Verdict = "safe" if inner and more else "risky"
        yield _finding(
            "task-reach",
            verdict,
            f"{name} may{'' if more else ' no longer'} {verb} on {_some(ports, 'ports')}{' from now on' if more else ''}",
            new.place[1],
            new.place[0],
        )


def _finding(rule: str, verdict: Verdict, text: str, resource: str, stack: str = "security") -> Finding:
    return Finding(rule=rule, topic="access", verdict=verdict, text=text, stack=stack, resource=resource)


SECURITY_GROUPS = "Elastic Load Balancing, Network Load Balancers: security groups; CloudFormation, AWS::EC2::SecurityGroup"
RULES: tuple[Rule, ...] = (
    Rule("access-gained", partial(access, gained=True), SECURITY_GROUPS),
    Rule("access-lost", partial(access, gained=False), SECURITY_GROUPS),
    Rule("task-reach", task_reach, SECURITY_GROUPS),
)
