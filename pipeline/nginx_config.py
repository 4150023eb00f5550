"""The proxy's nginx configuration of an environment, as text. What is decided here is what each request path is sent to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment as Templates
from jinja2 import FileSystemLoader, StrictUndefined

from pipeline.errors import PipelineError
from pipeline.paths import NGINX_RENDERED, NGINX_TEMPLATES, ROOT
from stacks.environment import Environment, PathRule, RateLimit, Site

HTTPS = 443
# ECS stops a container at most this long after it asked it to stop (StopTimeout's maximum on Fargate).
LONGEST_STOP = 120
# Between nginx's own end and ECS's SIGKILL.
STOP_MARGIN = 5
CPU_UNITS_OF_ONE_VCPU = 1024


class Checked(str):
    """Text built in this module from parts that are safe, with characters that a person's value may not have."""

    __slots__ = ()


@dataclass(frozen=True, kw_only=True)
class Origin:
    upstream: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        return self.host if self.port == HTTPS else f"{self.host}:{self.port}"


@dataclass(frozen=True, kw_only=True)
class Location:
    """Without an origin the path is denied."""

    path: str
    exact: bool
    route: str
    origin: Origin | None
    host_header: str | None
    redirects: tuple[Checked, ...]


@dataclass(frozen=True, kw_only=True)
class ServedSite:
    host: str
    names: tuple[str, ...]
    max_body: int
    connect_timeout: int
    read_timeout: int
    websocket: bool
    rate_limit: RateLimit | None
    rate_zone: str
    locations: tuple[Location, ...]


def files(env: Environment) -> dict[str, str]:
    """Path in the checkout -> text."""
    sites = tuple(_site(site) for site in env.sites)
    workers = max(1, env.service.cpu // CPU_UNITS_OF_ONE_VCPU)
    text = (
        _templates(ROOT / NGINX_TEMPLATES)
        .get_template("nginx.conf.j2")
        .render(
            environment=env.name,
            workers=workers,
            log_buffer="64k" if workers == 1 else "4k",
            shutdown_seconds=max(STOP_MARGIN, min(env.service.drain_seconds, LONGEST_STOP) - STOP_MARGIN),
            sites=sites,
            origins=_origins(sites),
        )
    )
    return {f"{NGINX_RENDERED}/{env.name}/nginx.conf": text}


def nginx_word(value: object) -> str:
    r"""A value as one word of nginx's configuration, or an error; every `{{ }}` of the templates passes through here.

    Inside quotes nginx still reads $ as a variable and \ as an escape, so a value with one of those is refused, not escaped.
    """
    if isinstance(value, (int, Checked)) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise PipelineError(f"nginx templates: {value!r} is neither text nor a number")
    if re.fullmatch(r"[A-Za-z0-9_./:%@,+-]+", value):
        return value
    if re.search(r'["\\$]', value) or not value.isprintable():
        raise PipelineError(f"sites: {value!r} cannot be written into nginx's configuration: it has a control character, \", \\ or $")
    return f'"{value}"'


def _templates(folder: Path) -> Templates:
    return Templates(  # noqa: S701 - the output is not HTML; `finalize` is what makes a value safe here
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        finalize=nginx_word,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _origin(url: str) -> Origin:
    parts = urlsplit(url if "//" in url else f"//{url}")
    host, port = parts.hostname or "", parts.port or HTTPS
    return Origin(upstream=f"origin_{host.replace('.', '_')}_{port}", host=host, port=port)


def _origins(sites: tuple[ServedSite, ...]) -> tuple[Origin, ...]:
    """One upstream for each distinct origin, so that all sites share its idle connections."""
    distinct = {location.origin for site in sites for location in site.locations if location.origin}
    return tuple(sorted(distinct, key=lambda origin: origin.upstream))


def _site(site: Site) -> ServedSite:
    exact_paths = {rule.path for rule in site.paths}
    locations = [_location(site, "/", PathRule(path="/", origin=site.origin))]
    for rule in sorted(site.paths, key=lambda rule: rule.path):
        bare = rule.path.rstrip("/")
        # nginx answers /x with a redirect of its own where only /x/ is proxied, and a denied /x/ must not leave /x open.
        if rule.path.endswith("/") and bare and bare not in exact_paths:
            locations.append(_location(site, bare, rule))
        locations.append(_location(site, rule.path, rule))
    return ServedSite(
        host=site.host,
        names=(site.host, *site.aliases),
        max_body=site.max_body,
        connect_timeout=site.connect_timeout,
        read_timeout=site.read_timeout,
        websocket=site.websocket,
        rate_limit=site.rate_limit,
        rate_zone=f"rate_{site.host.replace('.', '_')}",
        locations=tuple(locations),
    )


def _location(site: Site, path: str, rule: PathRule) -> Location:
    if not path.startswith("/"):
        raise PipelineError(f"sites: {site.host}: path {path!r} must begin with /")
    origin = _origin(rule.origin) if rule.origin else None
    host_header = None
    if origin:
        host_header = site.host_header if rule.origin == site.origin and site.host_header else origin.authority
    return Location(
        path=path,
        exact=not path.endswith("/"),
        route=f"{site.host}{rule.path}",
        origin=origin,
        host_header=host_header,
        redirects=_redirects(origin, host_header) if origin and host_header else (),
    )


def _redirects(origin: Origin, host_header: str) -> tuple[Checked, ...]:
    """Patterns of the URLs by which an origin means itself: by its address, and by the name it is called in Host."""
    names = dict.fromkeys((origin.authority, host_header))
    return tuple(_own_url(name) for name in names)


def _own_url(authority: str) -> Checked:
    nginx_word(authority)
    host, _, port = authority.partition(":")
    scheme, after = ("https", f":{port}") if port else ("https?", "(?::(?:443|80))?")
    return Checked(f'"~*^{scheme}://{re.escape(host)}{after}(?:/(.*))?$"')
