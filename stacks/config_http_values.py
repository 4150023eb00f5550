"""What a single value of a site, an origin or a port may be. Each type says what would be right."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from stacks.config_problems import shown
from stacks.config_values import Pattern, host_with_port, network

# Made by the proxy for each request, or by the connection (RFC 9110, section 7.6.1); a value of one's own would break either.
OWN_REQUEST_HEADERS = frozenset(
    (
        *("connection", "content-length", "expect", "forwarded", "host", "http2-settings", "keep-alive", "proxy", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "via", "x-forwarded-for", "x-forwarded-host"),
        *("x-forwarded-port", "x-forwarded-proto", "x-real-ip", "x-request-id"),
    )
)
OWN_RESPONSE_HEADERS = frozenset(
    (
        *("allow", "connection", "content-length", "content-type", "date", "keep-alive", "location", "proxy-authenticate"),
        *("proxy-connection", "retry-after", "server", "te", "trailer", "transfer-encoding", "upgrade", "x-request-id"),
    )
)
LONGEST_HEADER_VALUE = 1024
# nginx reads its configuration through a buffer of 4096 bytes, and a text has to fit in at once.
LONGEST_TEXT = 4000


def nginx_text(value: str) -> str:
    # Inside quotes nginx still reads $ as a variable and \ as an escape.
    bad = next((character for character in value if not character.isascii() or not character.isprintable() or character in '"\\$'), None)
    if bad is not None:
        raise ValueError(f'{shown(value)} holds {shown(bad)}; allowed are ASCII letters, digits, spaces and signs, but not ", \\ and $')
    if len(value) > LONGEST_TEXT:
        raise ValueError(f"has {len(value)} characters; nginx takes at most {LONGEST_TEXT}")
    return value


def header_value(value: str) -> str:
    nginx_text(value)
    if len(value) > LONGEST_HEADER_VALUE:
        raise ValueError(f"{shown(value)} has {len(value)} characters; at most {LONGEST_HEADER_VALUE} are allowed")
    if value != value.strip():
        raise ValueError(f"{shown(value)} has a space at an end, which is no part of a header's value; write it without")
    return value


def _not_own(own: frozenset[str], name: str) -> str:
    if name.lower() in own:
        raise ValueError(f"{shown(name)} is set by the proxy itself for each request; remove it")
    return name


def request_header(name: str) -> str:
    return _not_own(OWN_REQUEST_HEADERS, name)


def response_header(name: str) -> str:
    return _not_own(OWN_RESPONSE_HEADERS, name)


def endpoint(value: str) -> str:
    """host:port, with the port written out."""
    if ":" not in value:
        raise ValueError(f"{shown(value)} has no port; write host:port, like 'db.example.net:5432'")
    return host_with_port(value)


def client_network(value: str) -> str:
    if network(value).prefixlen == 0:
        raise ValueError(f"{shown(value)} is everybody; leave the list empty for that")
    return value


# nginx's tables of headers for gRPC have a fixed size: no longer names, and not many more.
MOST_HEADERS = 32
_HEADER_NAME = Pattern(r"[A-Za-z][A-Za-z0-9-]{0,45}", "a header name: 1 to 46 letters, digits and '-', beginning with a letter")
HeaderValue = Annotated[str, AfterValidator(header_value)]
RequestHeaders = Annotated[dict[Annotated[str, _HEADER_NAME, AfterValidator(request_header)], HeaderValue], Field(max_length=MOST_HEADERS)]
ResponseHeaders = Annotated[
    dict[Annotated[str, _HEADER_NAME, AfterValidator(response_header)], HeaderValue], Field(max_length=MOST_HEADERS)
]
NginxText = Annotated[str, AfterValidator(nginx_text)]
ClientNetwork = Annotated[str, AfterValidator(client_network)]
Endpoint = Annotated[str, AfterValidator(endpoint)]
# CONNECT and TRACE have no place behind a reverse proxy, and nginx refuses both.
Method = Literal[
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK"
]
MediaType = Annotated[str, Pattern(r"[a-z]{1,40}/[a-z0-9.+-]{1,80}(; charset=[a-z0-9-]{1,40})?", "a media type, like 'application/json'")]
Location = Annotated[
    str,
    Pattern(
        r"(https://[a-z0-9.-]{1,253}(:[0-9]{1,5})?)?/[A-Za-z0-9/._~!()*+,=:@&?%#-]{0,2000}",
        "an https URL or a path, like 'https://www.example.com/'",
    ),
]
AuthorityFile = Annotated[str, Pattern(r"[a-z0-9][a-z0-9.-]*\.pem", "the name of a file in docker/nginx/authorities, like 'partner.pem'")]
SecretArn = Annotated[
    str,
    Pattern(
        r"arn:aws:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[A-Za-z0-9/_+=.@-]+-[A-Za-z0-9]{6}",
        "a secret of AWS Secrets Manager: arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>",
    ),
]
Seconds = Annotated[int, Field(ge=1)]
