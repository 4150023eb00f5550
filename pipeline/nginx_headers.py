"""The headers of a request to an origin, each group with its reason; nginx takes either all of them or the lists of a site."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.nginx_words import Checked
from stacks.environment import Site

REMOVED = Checked('""')


@dataclass(frozen=True)
class Headers:
    reason: Checked
    values: tuple[tuple[str, Checked], ...]


def _removed(*names: str) -> tuple[tuple[str, Checked], ...]:
    return tuple((name, REMOVED) for name in names)


HTTP1_ONLY = Headers(
    Checked("Hop by hop, for this proxy only. nginx itself keeps TE, Keep-Alive, Expect and the trailers that Trailer would announce."),
    _removed("Upgrade", "Connection", "HTTP2-Settings", "Proxy-Connection", "Trailer"),
)
# In the place of the removed ones where a site or a path has WebSockets.
WEBSOCKET = {"Upgrade": Checked("$upgrade"), "Connection": Checked("$connection_to_origin")}
ALWAYS = (
    Headers(
        Checked("Who the client is, as the connection says it. What the client claims is replaced, not appended to."),
        (
            ("Host", Checked("$origin_host")),
            ("X-Forwarded-For", Checked("$remote_addr")),
            ("X-Real-IP", Checked("$remote_addr")),
            ("X-Forwarded-Host", Checked("$host")),
            ("X-Forwarded-Proto", Checked("https")),
            ("X-Forwarded-Port", Checked("443")),
            *_removed("Forwarded", "Proxy-Authorization"),
        ),
    ),
    Headers(
        Checked("Other names by which origins believe an address, a host, a scheme or a prefix."),
        _removed(
            *(
                "X-Client-IP",
                "True-Client-IP",
                "X-Cluster-Client-IP",
                "Client-IP",
                "X-Forwarded",
                "Forwarded-For",
                "X-Original-Forwarded-For",
            ),
            *("Proxy-Client-IP", "WL-Proxy-Client-IP", "X-Originating-IP", "X-Remote-IP", "X-Remote-Addr", "CF-Connecting-IP"),
            *("Fastly-Client-IP", "X-Envoy-External-Address", "X-Host", "X-Original-Host", "X-HTTP-Host-Override", "X-Forwarded-Server"),
            *("X-Forwarded-Prefix", "X-Forwarded-Scheme", "X-Forwarded-Ssl", "X-Forwarded-Protocol", "X-Url-Scheme", "Front-End-Https"),
        ),
    ),
    Headers(
        Checked("Some frameworks route by these instead of the path, which would go around the path rules here."),
        _removed(
            *("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Path", "X-Original-URI", "X-Envoy-Original-Path"),
        ),
    ),
    Headers(Checked("httpoxy: CGI programs take it for the HTTP_PROXY variable."), _removed("Proxy")),
    Headers(Checked("One id in this log, in the origin's and in the client's hands."), (("X-Request-ID", Checked("$request_id")),)),
)


def groups(module: str) -> tuple[Headers, ...]:
    """For nginx's module `proxy` or `grpc`; gRPC is HTTP/2, which has no headers for one connection."""
    return (HTTP1_ONLY, *ALWAYS) if module == "proxy" else ALWAYS


def own(module: str, site: Site, *, websocket: bool) -> tuple[tuple[str, str], ...]:
    """All headers, since nginx inherits none where one is set; what the site sets takes the place of ours."""
    ours = {name: value for group in groups(module) for name, value in group.values} | (
        WEBSOCKET if websocket and module == "proxy" else {}
    )
    replaced = {name.lower() for name in site.request_headers}
    kept = tuple((name, value) for name, value in ours.items() if name.lower() not in replaced)
    return (*kept, *((name, value or REMOVED) for name, value in site.request_headers.items()))


def added(site: Site) -> tuple[tuple[str, str], ...]:
    """All headers that the proxy adds to answers, where the site needs more than every site has: nginx inherits none where one is added."""
    limited = site.rate_limit or site.connection_limit or site.maintenance
    selective = site.methods or any(rule.methods for rule in site.paths)
    more = (
        *((("Retry-After", Checked("$retry_after")),) if limited else ()),
        *((("Allow", Checked("$allow")),) if selective else ()),
        *((name, value) for name, value in site.response_headers.items() if value),
    )
    return (("X-Request-ID", Checked("$request_id")), *more) if more else ()


# What an answer says about the connection to the origin only, and the origin's own request id.
HIDDEN = ("X-Request-ID", "Proxy-Connection", "Proxy-Authenticate", "Proxy-Authentication-Info")
# Part of the answer that begins a WebSocket; anywhere else an offer that nobody here takes up.
HIDDEN_WITHOUT_WEBSOCKET = (*HIDDEN, "Upgrade")


def hidden(site: Site, *, websocket: bool) -> tuple[str, ...]:
    """All headers of an origin's answer that clients do not get, since nginx inherits none where one is named."""
    return (*(HIDDEN if websocket else HIDDEN_WITHOUT_WEBSOCKET), *site.response_headers)
