"""What the sites of an environment say about a request, read from the model alone: nothing here knows how nginx is configured."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import unquote_to_bytes, urlsplit

from stacks.environment import Environment, PathRule, Site

NOT_A_PATH = 400


@dataclass(frozen=True, kw_only=True)
class Arrives:
    """At an origin: under which name and port, with which Host header and request URI."""

    name: str
    port: int
    host: str
    uri: str


@dataclass(frozen=True, kw_only=True)
class Refused:
    """Answered by the proxy; `allow`, `location` and `body` where the model says them."""

    status: int
    allow: frozenset[str] = frozenset()
    location: str | None = None
    body: str | None = None


def answer(env: Environment, client: str, host: str, method: str, uri: str) -> Arrives | Refused:
    path = _cleaned(uri.partition("?")[0])
    if path is None:
        return Refused(status=NOT_A_PATH)
    name = host.lower().partition(":")[0].rstrip(".")
    site = next((site for site in env.sites if name in (site.host, *site.aliases)), None)
    if site is None:
        return Refused(status=421)
    if site.allow and not any(ip_address(client) in ip_network(network) for network in site.allow):
        return Refused(status=403)
    if site.maintenance:
        return Refused(status=503, body=site.maintenance.message)
    return _by_rule(env, site, _rule(site, path), method, uri)


def _rule(site: Site, path: bytes) -> PathRule | None:
    rules = {rule.path.encode(): rule for rule in site.paths}
    if path in rules:
        return rules[path]
    if path + b"/" in rules:
        return rules[path + b"/"]
    prefixes = [prefix for prefix in rules if prefix.endswith(b"/") and path.startswith(prefix)]
    return rules[max(prefixes, key=len)] if prefixes else None


def _by_rule(env: Environment, site: Site, rule: PathRule | None, method: str, uri: str) -> Arrives | Refused:
    if rule and rule.deny:
        return Refused(status=403, body="This path is not served here.\n")
    if rule and rule.answer:
        said = rule.answer
        return Refused(status=said.status, location=said.location, body=None if said.location else said.body)
    methods = set((rule and rule.methods) or site.methods)
    methods |= {"HEAD"} if "GET" in methods else set()
    if methods and method not in methods:
        return Refused(status=405, allow=frozenset(methods))
    if rule and rule.rewrite:
        rewritten = _rewritten(rule.path, rule.rewrite, uri)
        if rewritten is None:
            return Refused(status=NOT_A_PATH)
        uri = rewritten
    return _at_origin(env, site, rule, uri)


def _at_origin(env: Environment, site: Site, rule: PathRule | None, uri: str) -> Arrives:
    own = rule.origin if rule and rule.origin and rule.origin.removesuffix(":443") != site.origin.removesuffix(":443") else None
    parts = urlsplit(own or site.origin)
    port = parts.port or 443
    name = parts.hostname or ""
    settings = next((one for one in env.origins if (urlsplit(one.url).hostname, urlsplit(one.url).port or 443) == (name, port)), None)
    by_default = name if port == 443 else f"{name}:{port}"
    wanted = (rule and rule.host_header) or (None if own else site.host_header)
    return Arrives(name=(settings and settings.tls_name) or name, port=port, host=wanted or by_default, uri=uri)


def _cleaned(raw: str) -> bytes | None:
    """Decoded once, then without empty, `.` and `..` segments; None where that means nothing."""
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", raw):
        return None
    kept: list[bytes] = []
    *segments, last = unquote_to_bytes(raw).split(b"/")[1:]
    for segment in (*segments, last):
        if segment == b"..":
            if not kept:
                return None
            kept.pop()
        elif segment not in (b"", b"."):
            kept.append(segment)
    is_folder = last in (b"", b".", b"..")
    return b"/" + b"/".join(kept) + (b"/" if is_folder and kept else b"")


def _rewritten(path: str, to: str, uri: str) -> str | None:
    """None unless the client wrote the path plainly, with nothing in it that leads elsewhere."""
    raw, mark, query = uri.partition("?")
    half_decoded = raw.replace("\\", "/")
    for code, character in (("%2e", "."), ("%2f", "/"), ("%5c", "/"), ("%3b", ";")):
        half_decoded = half_decoded.replace(code, character).replace(code.upper(), character)
    # Some origins read `..;x` as `..`.
    if {".", ".."} & {segment.partition(";")[0] for segment in half_decoded.split("/")}:
        return None
    if path.endswith("/") and raw.startswith(path):
        return to + raw.removeprefix(path) + mark + query
    if raw == path.rstrip("/"):
        return (to if not path.endswith("/") else to.rstrip("/") or "/") + mark + query
    return None
