"""What becomes of one site: its paths, and what is set for them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from pipeline.review.nginx_model import Pair, Place, Route, Site
from pipeline.review.setting_changes import LIMITS, Judgement, changed, difference, judged

Values = tuple[str | None, str | None]
# What goes with an origin, so that another origin says it already.
OF_ORIGIN = (
    "proxy_redirect",
    "proxy_cookie_domain",
    "proxy_ssl_name",
    "set $origin_host",
    "proxy_ssl_certificate",
    "proxy_ssl_certificate_key",
)
# They say what the limits and methods say that they come with.
OF_LIMITS = ("answer header Retry-After", "answer header Allow")
# What counts whatever protocol the origin speaks.
OF_ANY_PROTOCOL = ("methods", "rewrite", *LIMITS)
PATHS_NAMED = 4
# Variables of a site have its place in the list of sites in their names.
NUMBERED = re.compile(r"\$(allowed|rewritten)(?:_\d+)+")


class Inherited(NamedTuple):
    """What the whole proxy sets: the names, and which of them change for all sites alike."""

    names: Collection[str]
    changes: Mapping[str, Values]


class Placed(NamedTuple):
    """`path` is empty for the whole site."""

    path: str
    judgement: Judgement


def site_changes(pair: Pair, inherited: Inherited) -> Iterator[Placed]:
    if pair.before is None or pair.after is None:
        return
    found = list(dict.fromkeys(_changes(pair.before, pair.after, inherited)))
    yield from found
    if not found and not inherited.changes and (lines := _other_lines(pair.before, pair.after)):
        text = f"is written differently, which changes nothing that is known here: {', '.join(lines)}"
        yield Placed("", Judgement("proxy-setting", "safe", text))


def _changes(before: Site, after: Site, inherited: Inherited) -> Iterator[Placed]:
    own = {key: one for key, one in changed(before.settings, after.settings).items() if inherited.changes.get(key) != one}
    for key, values in own.items():
        if key not in OF_LIMITS:
            yield from (Placed("", one) for one in _judged(key, values, inherited))
    if before.allow != after.allow or (before.allowed is None) != (after.allowed is None):
        text = difference(
            "list of allowed clients",
            before.allow if before.allowed is not None else None,
            after.allow if after.allowed is not None else None,
        )
        yield Placed("", Judgement("proxy-setting", "safe", text))
    old, new = before.main, after.main
    if "maintenance" in (old.kind, new.kind):
        yield from (Placed("", one) for one in _maintenance(old, new))
        return
    common = {**inherited.changes, **own}
    main = list(_route_changes(old, new, Inherited(inherited.names, common)))
    yield from (Placed("", one) for one in main)
    for_all = Inherited(inherited.names, {**common, **_settings(old, new)})
    found = {place: list(_path_changes(place, before, after, for_all)) for place in sorted({*before.routes, *after.routes} - {("", "/")})}
    for (modifier, path), judgements in found.items():
        # /x belongs to /x/ where both are treated alike.
        twin = found.get(("", f"{path}/")) if modifier == "=" else None
        if judgements != twin:
            said = (one for one in judgements if one not in main)
            yield from (Placed(label((modifier, path)), one) for one in said)


def label(place: Place) -> str:
    """A path as the environment's file writes it; what that cannot say, as nginx does."""
    modifier, path = place
    if modifier == ("" if path.endswith("/") else "="):
        return path
    return f" {modifier} {path}" if modifier else f"{path}*"


def summary(site: Site) -> str:
    """Where a new site leads to, in a few words."""
    special = [f"{label(place)} {_does(route)}" for place, route in site.routes.items() if place != ("", "/") and _is_own(site, place)]
    more = f" and {len(special) - PATHS_NAMED} more paths" if len(special) > PATHS_NAMED else ""
    only = f", for {site.allow} only" if site.allowed is not None else ""
    return f"{_does(site.main)}{''.join(f', {one}' for one in special[:PATHS_NAMED])}{more}{only}"


def _is_own(site: Site, place: Place) -> bool:
    modifier, path = place
    return modifier != "=" or site.routes.get(("", f"{path}/")) is None


def _does(route: Route) -> str:
    return {
        "origin": f"goes to {route.target}{' by gRPC' if route.module == 'grpc' else ''}",
        "denied": "is refused with 403",
        "answer": f"gets a fixed answer ({route.target[:60]})",
        "maintenance": f"is in maintenance ({route.target[:60]})",
        "other": f"is handled by nginx itself ({route.target[:60]})",
        "nothing": "is not served",
    }[route.kind]


def _judged(key: str, values: Values, inherited: Inherited) -> Iterator[Judgement]:
    for one in judged(key, *values):
        guarded = " header " in key and key in inherited.names and one.rule == "proxy-setting" and "$upgrade" not in values
        yield one._replace(rule="proxy-guard", verdict="risky") if guarded else one


def _path_changes(place: Place, before: Site, after: Site, inherited: Inherited) -> Iterator[Judgement]:
    old, new = before.route(place), after.route(place)
    found = list(_route_changes(old, new, inherited))
    if not found and (place in before.routes) != (place in after.routes):
        words = "has a rule of its own" if place in after.routes else "has no rule of its own any more"
        found = [Judgement("proxy-setting", "safe", f"{words}, with the same effect")]
    yield from found


def _route_changes(old: Route, new: Route, inherited: Inherited) -> Iterator[Judgement]:
    yield from _other_target(old, new)
    for key, values in _settings(old, new).items():
        if inherited.changes.get(key) != values:
            yield from _judged(key, values, inherited)


def _settings(old: Route, new: Route) -> dict[str, Values]:
    if old.kind != new.kind or old.kind == "denied":
        return {}
    found = changed(old.settings, new.settings)
    if old.kind != "origin":
        return {key: values for key, values in found.items() if key == "default_type" or key.startswith(("answer header", "set $r"))}
    skipped = OF_ORIGIN if old.target != new.target else ()
    return {key: values for key, values in found.items() if key not in skipped and (old.module == new.module or key in OF_ANY_PROTOCOL)}


def _other_target(old: Route, new: Route) -> Iterator[Judgement]:
    if (old.kind, old.target, old.module) == (new.kind, new.target, new.module):
        return
    if new.kind == "denied" and old.kind != "denied":
        yield Judgement("route-refused", "risky", f"is refused with 403 from now on; so far it {_does(old)}")
    elif old.kind == "denied" != new.kind:
        opened = new.kind in ("origin", "other")
        yield Judgement(
            "route-opened" if opened else "route-changed", "risky" if opened else "safe", f"is refused no more: it {_does(new)}"
        )
    elif old.kind == new.kind and new.kind in ("answer", "denied"):
        same_status = old.target.partition(" ")[0] == new.target.partition(" ")[0]
        yield Judgement("route-changed", "safe" if same_status else "risky", f"gets another fixed answer: {new.target[:60]}")
    else:
        host = f" (as host {new.settings['set $origin_host']})" if _host(old) != _host(new) and "set $origin_host" in new.settings else ""
        yield Judgement("route-changed", "risky", f"{_does(new)}{host} from now on; so far it {_does(old)}")


def _host(route: Route) -> str:
    return route.settings.get("set $origin_host", "")


def _maintenance(old: Route, new: Route) -> Iterator[Judgement]:
    if old.kind != "maintenance":
        status, _, text = new.target.partition(" ")
        yield Judgement("maintenance", "risky", f"answers everything with {status} from now on (maintenance){': ' if text else ''}{text}")
    elif new.kind != "maintenance":
        yield Judgement("maintenance", "safe", f"is served again after maintenance: it {_does(new)}")
    elif changes := {key: one for key, one in changed(old.settings, new.settings).items() if key in ("set $retry_after", "default_type")}:
        yield Judgement(
            "maintenance", "safe", f"is still in maintenance: {', '.join(difference(key, *one) for key, one in changes.items())}"
        )
    if old.kind == new.kind and old.target != new.target:
        yield Judgement("maintenance", "safe", f"is still in maintenance, with another text: {new.target}")


def _other_lines(before: Site, after: Site) -> tuple[str, ...]:
    """Names of the directives that differ, but for numbers of variables and what only gRPC would need."""
    old, new = _lines(before), _lines(after)
    if old == new:
        return ()
    return tuple(sorted({line.split()[0] for line in set(old) ^ set(new)})) or ("the order of directives",)


def _lines(site: Site) -> list[str]:
    grpc = any(route.module == "grpc" for route in site.routes.values())
    return [
        NUMBERED.sub(r"$\1", one.text).replace(site.names[0], "")
        for one in site.block
        if one.name != "server_name" and (grpc or not one.name.startswith("grpc_"))
    ]
