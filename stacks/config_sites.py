"""The sites of an environment: host names, origins, exceptions by path."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from stacks.config_problems import Model, Problem, exactly_one
from stacks.config_values import HostHeader, HostName, Origin, RequestPath, Several


class RateLimit(Model):
    """For each client address."""

    requests_per_second: Annotated[int, Field(ge=1, le=100_000)]
    """Requests a second that are always served."""
    burst: Annotated[int, Field(ge=0, le=100_000)]
    """How many may come at once beyond that."""


class PathRule(Model):
    """Exactly one of `origin` and `deny`."""

    path: RequestPath
    """Ends in `/` for a prefix, otherwise it is exact."""
    origin: Origin | None = None
    """Where these requests go, https://host or https://host:port."""
    deny: bool = False
    """Refuse these requests."""

    RULES = (exactly_one("origin", "deny"),)


def paths_are_different(paths: tuple[PathRule, ...]) -> Iterator[Problem]:
    for index, rule in enumerate(paths):
        if rule.path == "/":
            yield Problem(("paths", index, "path"), "'/' is every path, and those go to the site's own origin; name a path below it")
        first = next(number for number, other in enumerate(paths) if other.path == rule.path)
        if first != index:
            yield Problem(("paths", index, "path"), f"'{rule.path}' is in paths[{first}] already; remove one")


class Site(Model):
    """One public host name and where its requests go."""

    host: HostName
    """The public host name."""
    aliases: Several[HostName] = ()
    """Further host names of the same site."""
    origin: Origin
    """Where requests go, https://host or https://host:port."""
    host_header: HostHeader | None = None
    """The Host header that the origin sees; by default the origin's own name."""
    paths: Several[PathRule] = ()
    """Exceptions by path; the longest one wins."""
    # nginx: proxy_connect_timeout cannot usually exceed 75 seconds.
    connect_timeout: Annotated[int, Field(ge=1, le=75)] = 5
    """Seconds to connect to the origin."""
    # The load balancer closes a TLS connection that is silent for 350 s, and that cannot be changed (NLB guide, idle timeout).
    read_timeout: Annotated[int, Field(ge=1, le=350)] = 60
    """Seconds between two reads of the origin's answer."""
    max_body: Annotated[int, Field(ge=1, le=10_240)] = 10
    """The largest request body, in MiB."""
    websocket: bool = False
    """Clients may upgrade to WebSocket."""
    rate_limit: RateLimit | None = None
    """How much one client address may ask for."""

    RULES = ((("paths",), paths_are_different),)
