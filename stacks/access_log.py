"""The fields of the proxy's access log, said once: nginx's log formats, the metric filters and the saved queries come from here."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """`number`: nginx writes it as a JSON number, so that a metric filter can compare it."""

    name: str
    variable: str
    meaning: str
    number: bool = False


_TIME = Field("time", "$time_iso8601", "when the answer was complete")
_CLIENT = Field("client", "$remote_addr", "the client's address")
_UPSTREAM = Field("upstream_addr", "$upstream_addr", "the origin's address; several with commas when more than one was tried")
_CONNECT = Field("upstream_connect_time", "$upstream_connect_time", "seconds until the origin's connection was there, TLS included")

REQUEST = (
    _TIME,
    _CLIENT,
    Field("host", "$host", "the host that the client asked for"),
    Field("method", "$request_method", "the request's method"),
    Field("uri", "$request_uri", "path and query as the client wrote them"),
    Field("protocol", "$server_protocol", "the client's protocol; TCP on the further ports"),
    Field("status", "$status_number", "the answer's status; 0 when the client went away before one", number=True),
    Field("bytes_in", "$request_length", "bytes from the client", number=True),
    Field("bytes_out", "$bytes_sent", "bytes to the client", number=True),
    Field("request_time", "$request_time", "seconds from the first byte of the request to the last of the answer", number=True),
    Field("route", "$route", "the site and the path rule that decided"),
    _UPSTREAM,
    Field("upstream_status", "$upstream_status", "the origin's status"),
    _CONNECT,
    Field("upstream_header_time", "$upstream_header_time", "seconds until the head of the origin's answer was there"),
    Field("upstream_response_time", "$upstream_response_time", "seconds until the origin's answer was complete"),
    Field("cache", "$upstream_cache_status", "HIT, MISS, STALE ... where the site has a cache"),
    Field("connection", "$connection", "number of the client's connection in this task", number=True),
    Field("request_id", "$request_id", "the id that the origin and the client also got (X-Request-ID)"),
    Field("user_agent", "$http_user_agent", "what the client says it is"),
    Field("refused", "$refused", "why the proxy itself answered; empty when an origin did"),
)
# TLS of the sites ends at the load balancer, whose own access log has its facts; on a further port it passes through here.
CONNECTION = (
    _TIME,
    _CLIENT,
    Field("port", "$listener_port", "the port on the fixed address", number=True),
    Field("protocol", "$protocol", "TCP"),
    Field("host", "$ssl_preread_server_name", "the name that the client gave in TLS"),
    Field("tls", "$ssl_preread_protocol", "the highest TLS version that the client offers"),
    Field("status", "$status", "200, or why the connection failed, in HTTP's numbers", number=True),
    Field("bytes_in", "$bytes_received", "bytes from the client", number=True),
    Field("bytes_out", "$bytes_sent", "bytes to the client", number=True),
    Field("request_time", "$session_time", "seconds that the connection was open", number=True),
    _UPSTREAM,
    _CONNECT,
    Field("refused", "$refused", "why no origin was asked"),
)


def log_format(fields: tuple[Field, ...]) -> str:
    """One JSON object, as nginx's `log_format escape=json` wants it."""
    parts = (f'"{field.name}":{field.variable}' if field.number else f'"{field.name}":"{field.variable}"' for field in fields)
    return "{" + ",".join(parts) + "}"
