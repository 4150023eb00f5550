"""The sites of an environment: host names, origins, exceptions by path, and what is asked of clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from stacks.config_http_values import (
    ClientNetwork,
    Location,
    MediaType,
    Method,
    NginxText,
    RequestHeaders,
    ResponseHeaders,
)
from stacks.config_problems import Model, Problem
from stacks.config_values import HostHeader, HostName, Origin, RequestPath, Several

# The load balancer closes a TLS connection that is silent for 350 s, and that cannot be changed (NLB guide, idle timeout).
LONGEST_SILENCE = 350
ReadTimeout = Annotated[int, Field(ge=1, le=LONGEST_SILENCE)]
MaxBody = Annotated[int, Field(ge=1, le=10_240)]
REDIRECTIONS = (301, 302, 303, 307, 308)
# nginx sends no body with it.
NO_CONTENT = 204


class RateLimit(Model):
    """For each client address."""

    requests_per_second: Annotated[int, Field(ge=1, le=100_000)]
    """Requests a second that are always served."""
    burst: Annotated[int, Field(ge=0, le=100_000)]
    """How many may come at once beyond that."""


def status_is_final(status: int) -> Iterator[Problem]:
    if status in (304, 444, 499):
        yield Problem(
            ("status",),
            f"{status} is no answer by itself (304 answers a condition, 444 and 499 are nginx's own marks); choose another one",
        )


def answer_is_whole(status: int, body: str, location: str | None) -> Iterator[Problem]:
    if status in REDIRECTIONS and not location:
        yield Problem(("location",), f"is missing: {status} sends the client somewhere; say where")
    if location and status not in REDIRECTIONS:
        yield Problem(("location",), f"is not sent with status {status}; it goes with {', '.join(map(str, REDIRECTIONS))}")
    if body and (location or status == NO_CONTENT):
        yield Problem(("body",), f"is not sent with status {status}; remove it")


class Answer(Model):
    """What the proxy itself answers."""

    status: Annotated[int, Field(ge=200, le=599)]
    """The status code."""
    body: NginxText = ""
    """The text of the answer, in ASCII."""
    content_type: MediaType = "text/plain"
    """The media type of the text."""
    location: Location | None = None
    """Where a redirection sends the client."""

    RULES = ((("status",), status_is_final), (("status", "body", "location"), answer_is_whole))


class Maintenance(Model):
    """The whole site answers 503 with this text."""

    message: NginxText
    """What clients read."""
    content_type: MediaType = "text/plain"
    """The media type of the message."""
    retry_after: Annotated[int, Field(ge=1, le=86_400)] = 300
    """Seconds after which clients may try again (Retry-After)."""


class PathRule(Model):
    """What differs for one path: where its requests go, or what answers them, or a limit."""

    path: RequestPath
    """Ends in `/` for a prefix, otherwise it is exact."""
    origin: Origin | None = None
    """Where these requests go, https://host or https://host:port."""
    host_header: HostHeader | None = None
    """The Host header that this origin sees; by default the origin's own name."""
    rewrite: RequestPath | None = None
    """What stands in place of `path` when the origin is asked; the rest of the request URI stays as it is."""
    deny: bool = False
    """Refuse these requests."""
    answer: Answer | None = None
    """Answer these requests here."""
    methods: Several[Method] = ()
    """The methods that are served; empty: those of the site."""
    read_timeout: ReadTimeout | None = None
    """Seconds between two reads of the origin's answer; by default the site's."""
    max_body: MaxBody | None = None
    """The largest request body, in MiB; by default the site's."""
    websocket: bool | None = None
    """Clients may upgrade to WebSocket; by default as the site says."""
    streaming: bool | None = None
    """Answers are passed on as they come; by default as the site says."""
    cache: bool | None = None
    """Answers are kept as long as the origin allows; by default as the site says."""


def rule_says_one_thing(paths: tuple[PathRule, ...]) -> Iterator[Problem]:
    for index, rule in enumerate(paths):
        keys = {name for name, field in PathRule.model_fields.items() if name != "path" and getattr(rule, name) != field.default}
        if rule.deny + (rule.answer is not None) + bool(keys - {"deny", "answer"}) > 1:
            yield Problem(("paths", index), "says more than one thing: deny and answer each stand alone beside path")
        if not rule.deny and not (keys - {"deny"}):
            yield Problem(("paths", index), "says nothing about its path; give it an origin, a rewrite, deny, an answer or a limit")
        if rule.host_header and not rule.origin:
            yield Problem(("paths", index, "host_header"), "belongs to an origin of the path's own; give one, or remove it")
        if rule.rewrite and rule.path.endswith("/") and not rule.rewrite.endswith("/"):
            yield Problem(
                ("paths", index, "rewrite"), f"'{rule.rewrite}' has to end in '/', as the path does: what follows is put behind it"
            )


def paths_are_different(paths: tuple[PathRule, ...]) -> Iterator[Problem]:
    for index, rule in enumerate(paths):
        if rule.path == "/":
            yield Problem(("paths", index, "path"), "'/' is every path, and those go to the site's own origin; name a path below it")
        first = next(number for number, other in enumerate(paths) if other.path == rule.path)
        if first != index:
            yield Problem(("paths", index, "path"), f"'{rule.path}' is in paths[{first}] already; remove one")


def header_once(request_headers: dict[str, str], response_headers: dict[str, str]) -> Iterator[Problem]:
    for key, headers in (("request_headers", request_headers), ("response_headers", response_headers)):
        seen: dict[str, str] = {}
        for name in headers:
            first = seen.setdefault(name.lower(), name)
            if first != name:
                yield Problem((key, name), f"is {first} already; header names are the same in upper and lower case")


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
    """Seconds to connect to the origin, and as many again to agree on TLS."""
    read_timeout: ReadTimeout = 60
    """Seconds between two reads of the origin's answer."""
    max_body: MaxBody = 10
    """The largest request body, in MiB."""
    websocket: bool = False
    """Clients may upgrade to WebSocket."""
    streaming: bool = False
    """Answers are passed on as they come (server-sent events), not collected first."""
    cache: bool = False
    """Answers are kept as long as the origin allows; never those to requests with credentials."""
    methods: Several[Method] = ()
    """The methods that are served; empty: all but CONNECT and TRACE."""
    request_headers: RequestHeaders = Field(default={})
    """Headers that the origin gets in place of the client's; an empty text removes one."""
    response_headers: ResponseHeaders = Field(default={})
    """Headers that the client gets in place of the origin's; an empty text removes one."""
    rate_limit: RateLimit | None = None
    """Requests of one client; more are answered with 429."""
    # nginx takes no more (limit_conn).
    connection_limit: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """Requests of one client at the same time; more are answered with 429."""
    allow: Several[ClientNetwork] = ()
    """The clients of this site, among those that `access` lets in; empty: all of them."""
    maintenance: Maintenance | None = None
    """The site answers with a message instead of its origin."""

    RULES = (
        (("paths",), rule_says_one_thing),
        (("paths",), paths_are_different),
        (("request_headers", "response_headers"), header_once),
    )


def origin_urls(sites: tuple[Site, ...]) -> tuple[str, ...]:
    """Each origin of a site or a path, as it is written there, once."""
    return tuple(dict.fromkeys(url for site in sites for url in (site.origin, *(rule.origin for rule in site.paths)) if url))
