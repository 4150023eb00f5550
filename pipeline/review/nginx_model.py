"""What a rendered nginx.conf does, for people: sites with their paths, further ports, and the rest by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pipeline.review.address_sets import Addresses
from pipeline.review.nginx_settings import Module
from pipeline.review.nginx_tokens import Directive

Kind = Literal["origin", "denied", "answer", "maintenance", "other", "nothing"]
Place = tuple[str, str]  # a location's modifier, and its path


@dataclass(frozen=True, kw_only=True)
class Route:
    """What happens to requests for a path. `target` is an origin's URL, or the answer.

    `settings` are all that count there, inherited ones too.
    """

    kind: Kind
    target: str
    module: Module = "proxy"
    settings: Mapping[str, str] = field(default_factory=dict)


NO_ROUTE = Route(kind="nothing", target="no location")


@dataclass(frozen=True, kw_only=True)
class Site:
    """`allowed` is None where all may come that reach the proxy; `allow` is the same as people wrote it. `block` is how it is written."""

    names: tuple[str, ...]
    settings: Mapping[str, str]
    routes: Mapping[Place, Route]
    block: tuple[Directive, ...]
    allow: str = ""
    allowed: Addresses | None = None

    @property
    def main(self) -> Route:
        return self.route(("", "/"))

    def route(self, place: Place) -> Route:
        """The one that serves the path, as nginx chooses: the same one, else the longest prefix."""
        modifier, path = place
        if place in self.routes or modifier.startswith("~"):
            return self.routes.get(place, NO_ROUTE)
        prefixes = [one for kind, one in self.routes if kind in ("", "^~") and path.startswith(one)]
        longest = max(prefixes, key=len, default="")
        return self.routes.get(("", longest), self.routes.get(("^~", longest), NO_ROUTE))


@dataclass(frozen=True, kw_only=True)
class Port:
    """`names`: TLS name -> endpoint, the empty name for every connection."""

    port: int
    names: Mapping[str, str]
    settings: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """`defaults` are the settings that sites inherit, by module; `rest` is what belongs to no site, port or origin."""

    sites: Mapping[str, Site]
    ports: Mapping[int, Port]
    origins: Mapping[str, Mapping[str, str]]
    defaults: Mapping[Module, Mapping[str, str]]
    rest: Mapping[str, str]
    tree: tuple[Directive, ...]

    @property
    def each_site(self) -> tuple[Site, ...]:
        return tuple({site.names: site for site in self.sites.values()}.values())


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Names that one site served before, and one serves after; None where none did."""

    names: tuple[str, ...]
    before: Site | None
    after: Site | None


def pairs(before: Configuration, after: Configuration) -> tuple[Pair, ...]:
    """Every name once: a site with all its names, unless one of them moved."""
    found: dict[tuple[tuple[str, ...], tuple[str, ...]], Pair] = {}
    for name in dict.fromkeys((*after.sites, *before.sites)):
        old, new = before.sites.get(name), after.sites.get(name)
        key = (old.names if old else (), new.names if new else ())
        known = found[key].names if key in found else ()
        found[key] = Pair(names=(*known, name), before=old, after=new)
    return tuple(found.values())
