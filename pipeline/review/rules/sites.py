"""What the proxy does with requests, from the parsed nginx configurations of both sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import lru_cache, partial

from pipeline.review import nginx_read
from pipeline.review.model import Comparison, Finding, Topic
from pipeline.review.nginx_model import Configuration, Pair, pairs
from pipeline.review.nginx_tokens import Unreadable
from pipeline.review.proxy_changes import EVERYWHERE, global_changes, inherited, origin_changes, port_changes
from pipeline.review.rules.rule import Rule
from pipeline.review.setting_changes import Judgement
from pipeline.review.site_changes import Placed, site_changes, summary

# Places are followed by what happens there, or by what is set there.
VERBS = ("is ", "goes ", "gets ", "answers everything ", "has ", "may ")
TOPICS: dict[str, Topic] = {"site-removed": "clients", "maintenance": "clients", "port-removed": "clients"}
NAMED = 5


def findings(comparison: Comparison) -> tuple[Finding, ...]:
    before, after = comparison.before.nginx, comparison.after.nginx
    # What is live is in an image that a plan does not open.
    live = before is None and any(stack.name for stack in comparison.before.stacks.values())
    if before == after or live:
        return ()
    if before is None or after is None:
        return tuple(_whole(comparison))
    return _findings(before, after)


@lru_cache(maxsize=32)
def _findings(before: str, after: str) -> tuple[Finding, ...]:
    try:
        old, new = nginx_read.read(before), nginx_read.read(after)
    except Unreadable as error:
        return (
            _finding("", Judgement("nginx-unreadable", "risky", f"nginx.conf cannot be read, so what it changes is not known: {error}")),
        )
    if old.tree == new.tree:
        return ()
    found = tuple(dict.fromkeys(_of_both(old, new)))
    return found or (_finding("", Judgement("proxy-setting", "safe", "nginx.conf is written in another order, with the same effect")),)


def _of_both(old: Configuration, new: Configuration) -> Iterator[Finding]:
    groups, common = pairs(old, new), inherited(old, new)
    yield from _names(groups)
    kept = [group for group in groups if group.before and group.after]
    placed = [(group, one) for group in kept for one in site_changes(group, common)]
    for group, (path, judgement) in _hoisted(placed, len(kept)):
        yield _finding(EVERYWHERE if group is None else f"{group.names[0]}{path}", judgement)
    for where, judgement in (*port_changes(old, new), *origin_changes(old, new), *global_changes(old, new)):
        yield _finding(where, judgement)


def _hoisted(placed: list[tuple[Pair, Placed]], number: int) -> Iterator[tuple[Pair | None, Placed]]:
    """What is said of every site is said once."""
    said = Counter(one for _, one in placed)
    every = {one for one, count in said.items() if count == number > 1}
    yield from ((None, one) for one in dict.fromkeys(one for _, one in placed if one in every))
    yield from ((group, one) for group, one in placed if one not in every)


def _names(groups: tuple[Pair, ...]) -> Iterator[Finding]:
    for group in groups:
        names, first = ", ".join(group.names), group.names[0]
        if group.before is None and group.after is not None:
            alias = next((one for one in groups if one.before and one.after is group.after), None)
            said = f"is served from now on, as {alias.names[0]} is" if alias else f"is a new site: it {summary(group.after)}"
            yield _finding(names, Judgement("site-added", "safe", said), first)
        elif group.after is None and group.before is not None:
            yield _finding(names, Judgement("site-removed", "risky", "is served no more: clients get 421"), first)


def _whole(comparison: Comparison) -> Iterator[Finding]:
    """An environment comes, or goes."""
    text = comparison.before.nginx if comparison.after.nginx is None else comparison.after.nginx
    try:
        configuration = nginx_read.read(text or "")
    except Unreadable as error:
        yield _finding("", Judgement("nginx-unreadable", "risky", f"nginx.conf cannot be read: {error}"))
        return
    hosts = [site.names[0] for site in configuration.each_site]
    named = ", ".join(hosts[:NAMED]) + (f" and {len(hosts) - NAMED} more" if len(hosts) > NAMED else "")
    ports = f" and ports {', '.join(map(str, configuration.ports))}" if configuration.ports else ""
    if comparison.before.nginx is None:
        yield _finding("", Judgement("site-added", "safe", f"{comparison.owner} is to serve {len(hosts)} sites ({named}){ports}"))
    else:
        gone = f"no nginx.conf is rendered for {comparison.owner} any more: {len(hosts)} sites ({named}){ports} can no longer be deployed"
        yield _finding("", Judgement("site-removed", "risky", gone))


def _finding(place: str, judgement: Judgement, resource: str | None = None) -> Finding:
    between = " " if judgement.text.startswith(VERBS) else ": "
    return Finding(
        rule=judgement.rule,
        topic=TOPICS.get(judgement.rule, "sites"),
        verdict=judgement.verdict,
        text=f"{place}{between}{judgement.text}" if place else judgement.text,
        stack="nginx",
        resource=place if resource is None else resource,
        mend=judgement.mend,
    )


def _named(name: str, comparison: Comparison) -> Iterator[Finding]:
    return (one for one in findings(comparison) if one.rule == name)


NGINX = "nginx documentation, and docker/nginx/templates"
RULES: tuple[Rule, ...] = tuple(
    Rule(name, partial(_named, name), NGINX)
    for name in (
        "nginx-unreadable",
        "site-removed",
        "site-added",
        "maintenance",
        "route-refused",
        "route-opened",
        "route-changed",
        "client-limit-tightened",
        "answer-header-weakened",
        "origin-trust",
        "proxy-guard",
        "port-removed",
        "port-changed",
        "port-added",
        "proxy-setting",
    )
)
