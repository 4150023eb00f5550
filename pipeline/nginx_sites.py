"""A site as nginx serves it: which locations there are, and what each request path is sent to. Pure data for the templates."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline import nginx_headers
from pipeline.errors import PipelineError
from pipeline.nginx_words import Checked, nginx_word
from stacks.config_origins import same
from stacks.environment import Answer, PathRule, RateLimit, Site
from stacks.origins import HttpOrigin

# A raw path with a dot segment could leave the place that a rewrite puts in front of it; some origins read `..;` and `..\` as one, too.
DOT_SEGMENT = Checked(r'"~*^[^?]*(?:[/\x5c]|%2f|%5c)(?:\.|%2e){1,2}(?:[/\x5c;]|%2f|%5c|%3b|\?|$)"')

PUBLIC_URL = "https://$host$is_request_port$request_port"


@dataclass(frozen=True, kw_only=True)
class Rewrite:
    """A variable with the request URI as the origin gets it, without its first slash; a space when the client wrote the path otherwise."""

    variable: Checked
    patterns: tuple[tuple[Checked, Checked], ...]


@dataclass(frozen=True, kw_only=True)
class Location:
    """Exactly one of `origin`, `answer` and `denied`. Limits are None where they are the site's."""

    path: str
    exact: bool
    route: str
    denied: bool
    answer: Answer | None
    origin: HttpOrigin | None
    host_header: str
    redirects: tuple[tuple[Checked, Checked], ...]
    cookie_domains: tuple[str, ...]
    rewrite: Rewrite | None
    methods: tuple[str, ...]
    read_timeout: int | None
    max_body: int | None
    streaming: bool | None
    cache: bool | None
    request_headers: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]

    @property
    def served_methods(self) -> Checked:
        # Not limit_except: what it refuses has passed none of the location's own directives, so neither Allow nor the log would be right.
        return Checked(f'"^(?:{"|".join(self.methods)})$"')


@dataclass(frozen=True, kw_only=True)
class ServedSite:
    """`allowed` is the variable that says whether the client may use the site, where not all may."""

    site: Site
    names: tuple[str, ...]
    rate_zone: Checked | None
    allowed: Checked | None
    request_headers: dict[str, tuple[tuple[str, str], ...]]
    response_headers: tuple[tuple[str, str], ...]
    hidden: tuple[str, ...]
    locations: tuple[Location, ...]


def rate_zone(limit: RateLimit) -> Checked:
    """Sites with the same rate share a zone; its key holds the site."""
    return Checked(f"rate_{limit.requests_per_second}")


def served(site: Site, number: int, origins: dict[str, HttpOrigin]) -> ServedSite:
    return ServedSite(
        site=site,
        names=(site.host, *site.aliases),
        rate_zone=rate_zone(site.rate_limit) if site.rate_limit else None,
        allowed=Checked(f"$allowed_{number}") if site.allow else None,
        request_headers={module: _own_headers(module, site) for module in ("proxy", "grpc")},
        response_headers=nginx_headers.added(site),
        hidden=nginx_headers.hidden(site, websocket=site.websocket) if site.websocket or site.response_headers else (),
        locations=_locations(site, number, origins),
    )


def _own_headers(module: str, site: Site) -> tuple[tuple[str, str], ...]:
    """None where those of all sites are good enough."""
    return nginx_headers.own(module, site, websocket=site.websocket) if site.websocket or site.request_headers else ()


def _locations(site: Site, number: int, origins: dict[str, HttpOrigin]) -> tuple[Location, ...]:
    if site.maintenance:
        return ()
    exact_paths = {rule.path for rule in site.paths}
    locations = [_location(site, "/", PathRule(path="/"), None, origins)]
    for index, rule in enumerate(sorted(site.paths, key=lambda rule: rule.path)):
        rewrite = _rewrite(rule.path, rule.rewrite, f"{number}_{index}") if rule.rewrite else None
        bare = rule.path.rstrip("/")
        # nginx answers /x with a redirect of its own where only /x/ is proxied, and a denied /x/ must not leave /x open.
        if rule.path.endswith("/") and bare and bare not in exact_paths:
            locations.append(_location(site, bare, rule, rewrite, origins))
        locations.append(_location(site, rule.path, rule, rewrite, origins))
    return tuple(locations)


def _location(site: Site, path: str, rule: PathRule, rewrite: Rewrite | None, origins: dict[str, HttpOrigin]) -> Location:
    if not path.startswith("/"):
        raise PipelineError(f"sites: {site.host}: path {path!r} must begin with /")
    proxied = not rule.deny and not rule.answer
    origin = origins[rule.origin or site.origin] if proxied else None
    host_header = _host_header(site, rule, origin) if origin else ""
    # None where WebSockets are as everywhere in the site, so that its headers are inherited.
    websocket = None if rule.websocket == site.websocket else rule.websocket
    return Location(
        path=path,
        exact=not path.endswith("/"),
        route=f"{site.host}{rule.path}",
        denied=rule.deny,
        answer=rule.answer,
        origin=origin,
        host_header=host_header,
        redirects=_redirects(origin, host_header, rule) if origin else (),
        cookie_domains=tuple(dict.fromkeys((origin.host, host_header.partition(":")[0]))) if origin else (),
        rewrite=rewrite,
        methods=_methods(rule.methods or site.methods) if proxied else (),
        read_timeout=rule.read_timeout,
        max_body=rule.max_body,
        streaming=rule.streaming,
        cache=rule.cache,
        request_headers=() if websocket is None else nginx_headers.own("proxy", site, websocket=websocket),
        hidden=() if websocket is None else nginx_headers.hidden(site, websocket=websocket),
    )


def _host_header(site: Site, rule: PathRule, origin: HttpOrigin) -> str:
    if rule.origin and same(rule.origin) != same(site.origin):
        return rule.host_header or origin.authority
    return rule.host_header or site.host_header or origin.authority


def _methods(named: tuple[str, ...]) -> tuple[str, ...]:
    """HEAD goes with GET."""
    return tuple(dict.fromkeys(part for method in named for part in ((method, "HEAD") if method == "GET" else (method,))))


def _rewrite(path: str, to: str, number: str) -> Rewrite:
    """Patterns over the raw request URI, so that what follows the path keeps every byte."""
    variable = Checked(f"$rewritten_{number}")
    if not path.endswith("/"):
        return Rewrite(variable=variable, patterns=((_begins(path, r"(\?.*)?$"), _replaced(to)),))
    below, itself = (_begins(path, "(.*)$"), _replaced(to)), (_begins(path.rstrip("/"), r"(\?.*)?$"), _replaced(to.rstrip("/") or "/"))
    return Rewrite(variable=variable, patterns=(below, itself))


def _begins(path: str, rest: str) -> Checked:
    nginx_word(path)
    return Checked(f'"~^{re.escape(path)}{rest}"')


def _replaced(to: str) -> Checked:
    nginx_word(to)
    return Checked(f'"{to.removeprefix("/")}$1"')


def _redirects(origin: HttpOrigin, host_header: str, rule: PathRule) -> tuple[tuple[Checked, Checked], ...]:
    """Patterns of the URLs by which an origin means itself (by its address, and by the name it is called in Host), and what clients get."""
    own = tuple(_own_url(name) for name in dict.fromkeys((origin.authority, host_header)))
    back: list[tuple[Checked, Checked]] = []
    if rule.rewrite and rule.path.endswith("/"):
        # The origin knows the path by its other name, and redirects to that.
        there, here = re.escape(rule.rewrite), rule.path
        back = [(Checked(f'"~^{url}{there}(.*)$"'), Checked(f'"{PUBLIC_URL}{here}$1"')) for url in own]
        back.append((Checked(f'"~^{there}(.*)$"'), Checked(f'"{here}$1"')))
    return (*back, *((Checked(f'"~^{url}(?:/(.*))?$"'), Checked(f"{PUBLIC_URL}/$1")) for url in own))


def _own_url(authority: str) -> str:
    nginx_word(authority)
    host, _, port = authority.partition(":")
    scheme, after = ("https", f":{port}") if port else ("https?", "(?::(?:443|80))?")
    return f"(?i:{scheme}://{re.escape(host)}){after}"
