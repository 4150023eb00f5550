"""What differs for an origin: the protocol it speaks, who vouches for it, and how the proxy shows who it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from stacks.config_http_values import AuthorityFile, SecretArn
from stacks.config_problems import Model, Problem
from stacks.config_sites import Site, origin_urls
from stacks.config_values import HostName, Origin


class OriginSettings(Model):
    """An origin that a site or a path names, with what differs from the defaults."""

    url: Origin
    """The origin as sites name it, https://host or https://host:port."""
    # HTTP/2 costs the proxy a little more CPU than HTTP/1.1, since nginx keeps one request on a connection (docs/bench).
    protocol: Literal["http/1.1", "http/2", "grpc"] = "http/1.1"
    """What the origin speaks; grpc is for gRPC services."""
    ca: AuthorityFile | None = None
    """The file in docker/nginx/authorities with the authority that vouches for it, in place of the public ones."""
    tls_name: HostName | None = None
    """The name in the origin's certificate, when it is not the name in the URL."""
    client_certificate: SecretArn | None = None
    """The secret with the proxy's own certificate: JSON with the keys certificate (the chain) and private_key, both PEM.

    It is read when a task starts. Where it is encrypted by a key of your own, that key's policy has to allow it.
    """
    internal: bool = False
    """The origin's addresses may be private ones; without it an answer of DNS that names one is not believed."""
    # Load balancers in front of origins close idle connections after 60 s or later.
    idle_timeout: Annotated[int, Field(ge=1, le=3600)] = 50
    """Seconds after which an idle connection is closed; it has to be less than the origin's own."""


def settings_are_used(origins: tuple[OriginSettings, ...], sites: tuple[Site, ...]) -> Iterator[Problem]:
    used = {same(url) for url in origin_urls(sites)}
    for index, settings in enumerate(origins):
        path = ("origins", index, "url")
        if same(settings.url) not in used:
            yield Problem(path, f"'{settings.url}' is no origin of a site or a path; remove it, or name it there")
        first = next(number for number, other in enumerate(origins) if same(other.url) == same(settings.url))
        if first != index:
            yield Problem(path, f"'{settings.url}' is in origins[{first}] already; remove one")


def protocol_suits_sites(origins: tuple[OriginSettings, ...], sites: tuple[Site, ...]) -> Iterator[Problem]:
    protocols = {same(settings.url): settings.protocol for settings in origins}
    for number, site in enumerate(sites):
        here = protocols.get(same(site.origin), "http/1.1")
        yield from _unsuitable(("sites", number), here, websocket=site.websocket, cache=site.cache, rewrite=False)
        for index, rule in enumerate(site.paths):
            if rule.deny or rule.answer:
                continue
            there = protocols.get(same(rule.origin), "http/1.1") if rule.origin else here
            yield from _unsuitable(
                ("sites", number, "paths", index),
                there,
                websocket=site.websocket if rule.websocket is None else rule.websocket,
                cache=site.cache if rule.cache is None else rule.cache,
                rewrite=rule.rewrite is not None,
            )


def _unsuitable(path: tuple[str | int, ...], protocol: str, *, websocket: bool, cache: bool, rewrite: bool) -> Iterator[Problem]:
    if websocket and protocol != "http/1.1":
        yield Problem((*path, "websocket"), f"needs an origin that speaks http/1.1; this one speaks {protocol}")
    if cache and protocol == "grpc":
        yield Problem((*path, "cache"), "keeps no answers of a grpc origin; set it to false")
    if rewrite and protocol == "grpc":
        yield Problem((*path, "rewrite"), "cannot change the path of a grpc call, which names its method")


def same(url: str) -> str:
    """One spelling for https://host and https://host:443."""
    return url.removesuffix(":443")
