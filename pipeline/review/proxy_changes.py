"""What becomes of the proxy beside its sites: further ports, connections to origins, and what holds for everything."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.review.nginx_model import Configuration, Port
from pipeline.review.setting_changes import GUARDS, LIMITS, Judgement, changed, difference, judged
from pipeline.review.site_changes import Inherited, Values

INTERNAL_NAMES = "stream js_var $internal_names"
INTERNAL_NETWORKS = "stream js_var $internal_networks"
EVERYWHERE = "every site"
TOLD_IN_FULL = 3
# These come with the first site that has a cache or an origin that speaks gRPC, and go with the last one.
CACHE = ("proxy_cache", "proxy_no_cache")


def inherited(before: Configuration, after: Configuration) -> Inherited:
    """What all sites get from the proxy, and what of it changes."""
    changes: dict[str, Values] = {}
    for module in after.defaults:
        changes |= changed(before.defaults.get(module, {}), after.defaults[module]) if before.defaults.get(module) else {}
    return Inherited(names={*before.defaults["proxy"], *after.defaults["proxy"]}, changes=changes)


def port_changes(before: Configuration, after: Configuration) -> Iterator[tuple[str, Judgement]]:
    for number in sorted({*before.ports, *after.ports}):
        old, new = before.ports.get(number), after.ports.get(number)
        where = f"port {number}"
        if old is None and new is not None:
            yield where, Judgement("port-added", "safe", f"is served from now on: {_ways(new)}")
        elif old is not None and new is None:
            yield where, Judgement("port-removed", "risky", f"is served no more; so far: {_ways(old)}")
        elif old is not None and new is not None:
            yield from ((where, one) for one in _port(old, new))


def _ways(port: Port) -> str:
    return ", ".join(f"{name} goes to {to}" if name else f"goes to {to}" for name, to in port.names.items()) or "nothing"


def _port(old: Port, new: Port) -> Iterator[Judgement]:
    for name in sorted({*old.names, *new.names}):
        was, becomes = old.names.get(name), new.names.get(name)
        what = f"TLS name {name}" if name else "every connection"
        if was is None:
            yield Judgement("port-changed", "safe" if name else "risky", f"{what} goes to {becomes} from now on")
        elif was != becomes:
            yield Judgement(
                "port-changed", "risky", f"{what} goes {f'to {becomes}' if becomes else 'nowhere'} from now on; so far to {was}"
            )
    for key, values in changed(old.settings, new.settings).items():
        if key != "by name":
            yield from judged(key, *values)


def origin_changes(before: Configuration, after: Configuration) -> Iterator[tuple[str, Judgement]]:
    for name in sorted({*before.origins, *after.origins}):
        old, new = before.origins.get(name), after.origins.get(name)
        if old is None or new is None:
            if not _in_use(name, before if new is None else after):
                text = "no path leads there, before or after" if new is None else "is known; no path leads there yet"
                yield name, Judgement("proxy-setting", "safe", text)
            continue
        for key, values in changed(old, new).items():
            yield name, Judgement("proxy-setting", "safe", difference(f"connections to the origin: {key}", *values))


def _in_use(name: str, configuration: Configuration) -> bool:
    short = name.removesuffix(":443")
    routes = (route for site in configuration.each_site for route in site.routes.values())
    ends = (to for port in configuration.ports.values() for to in port.names.values())
    return any(route.target.endswith(f"//{short}") for route in routes) or any(name.startswith(f"{to} ") for to in ends)


def global_changes(before: Configuration, after: Configuration) -> Iterator[tuple[str, Judgement]]:
    """Place, and what is to be said. What only tells is one sentence."""
    told: dict[str, Values] = {}
    for key, values in _differences(before, after).items():
        if key == INTERNAL_NAMES:
            yield from _internal_names(*values)
        elif key == INTERNAL_NETWORKS:
            text = difference("networks in which no origin may be", *values)
            yield key, Judgement("origin-trust", "risky", text)
        elif key in LIMITS or "_ssl_" in key or "answer header" in key:
            for one in judged(key, *values):
                if one.verdict == "safe":
                    told[key] = values
                else:
                    yield EVERYWHERE, one
        elif _guards(key, values):
            yield key, Judgement("proxy-guard", "risky", f"{difference('', *values).strip()}, for everything that the proxy serves")
        else:
            told[key] = values
    if told:
        full = len(told) <= TOLD_IN_FULL
        words = [difference(key, *values) if full else key for key, values in told.items()]
        yield "", Judgement("proxy-setting", "safe", f"the proxy as a whole: {'; '.join(words) if full else ', '.join(words)}")


def _differences(before: Configuration, after: Configuration) -> dict[str, Values]:
    found = changed(before.rest, after.rest)
    if bool(before.ports) != bool(after.ports):
        # The frame of the further ports comes with the first and goes with the last, which is told.
        found = {key: values for key, values in found.items() if not key.startswith("stream ") or None not in values}
    found |= changed(before.defaults["proxy"], after.defaults["proxy"])
    if "proxy_cache_path" not in before.defaults["proxy"].keys() & after.defaults["proxy"].keys():
        cache = {key for key, values in found.items() if key.startswith(CACHE) and None in values}
        found = {key: values for key, values in found.items() if key not in cache}
        found |= {"a cache": ("", None) if "proxy_cache_path" in before.defaults["proxy"] else (None, "")} if cache else {}
    old, new = before.defaults.get("grpc", {}), after.defaults.get("grpc", {})
    if bool(old) != bool(new):
        found["support for gRPC"] = ("", None) if old else (None, "")
        return found
    # Most of it is the same for both protocols.
    return found | {
        key if key in found else f"{key} (gRPC)": values for key, values in changed(old, new).items() if found.get(key) != values
    }


def _guards(key: str, values: Values) -> bool:
    if key.startswith("request header "):
        # One more header that clients cannot send through is no danger.
        return values != (None, '""')
    if key.startswith("hidden answer header "):
        return values[0] is not None
    return bool(GUARDS.match(key))


def _internal_names(before: str | None, after: str | None) -> Iterator[tuple[str, Judgement]]:
    old, new = (set((value or "").strip('"').split()) for value in (before, after))
    for name in sorted(new - old):
        text = "may have private addresses from now on: requests can reach what is inside of networks"
        yield name, Judgement("origin-trust", "risky", text)
    for name in sorted(old - new):
        text = "may have no private addresses any more: where it has only those, requests fail"
        yield name, Judgement("origin-trust", "risky", text)
