"""Ways to break the configuration, and probes that have to notice. A probe that nothing can fail says nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Break:
    name: str
    edits: tuple[tuple[str, str], ...]
    """A pattern that the configuration has, and what stands in its place."""
    seen_by: tuple[str, ...]
    """Names of probes that are not met then."""

    def applied(self, text: str) -> str:
        for pattern, replacement in self.edits:
            text, count = re.subn(pattern, replacement, text)
            assert count, f"{self.name}: the configuration has no {pattern}"
        return text


ORIGIN = r"(proxy_pass https://\w+);"
# Anything may be added at the http level behind this.
HTTP = r"server_tokens off;"
ANY_SITE = "proxy_set_header Host origin.example.net; proxy_ssl_name origin.example.net; proxy_pass https://origin_origin_example_net_443;"
# The line of the map by which a request is upgraded.
UPGRADES = r'"~\*\^HTTP/1.*" websocket;'
HIDDEN = ("X-A", "X-A7", "X-Mixed", "Vary", "Last-Modified", "Content-Encoding", "Strict-Transport-Security", "Access-Control-Allow-Origin")
BREAKS = (
    Break(
        "proxy_pass with a URI",
        ((ORIGIN, r"\1/;"),),
        ("uri: two slashes inside", "uri: dot dot segment", "uri: encoded unreserved letter", "http2: plain", "absolute form: with a path"),
    ),
    Break("slashes not merged", (("merge_slashes on", "merge_slashes off"),), ("denied path: two slashes in front",)),
    Break(
        "no denied path",
        ((r"location (= )?/(admin/?|secret) \{", r"location \1/other\2 {"),),
        (
            *("denied path: as it is", "denied path: encoded letter", "denied path: dot dot segment", "http2: denied path"),
            *("framing: CL 0 with a request behind", "pipeline: denied path second", "upgrade: on a denied path"),
            *("framing: request in the body of a denied path", "header: Expect 100-continue where the path is denied"),
        ),
    ),
    Break(
        "X-Forwarded-For is appended to",
        ((r"X-Forwarded-For \$remote_addr", "X-Forwarded-For $proxy_add_x_forwarded_for"),),
        ("claim replaced: X-Forwarded-For", "claim replaced: X-Forwarded-For in two lines", "http2: client's address"),
    ),
    Break(
        "nothing is said about the client",
        ((r"proxy_set_header (X-|Forwarded|Proxy |True).*;", ""),),
        (
            *("claim replaced: X-Real-IP", "claim replaced: X-Forwarded-Proto", "claim replaced: X-Request-ID"),
            *("claim removed: Forwarded", "claim removed: Proxy", "claims: nothing is added that is not documented"),
        ),
    ),
    Break(
        "underscores in names",
        (("underscores_in_headers off", "underscores_in_headers on"),),
        ("claim removed: X_Forwarded_For", "framing: Transfer_Encoding", "http2: underscore in a name"),
    ),
    Break(
        "large headers",
        ((r"large_client_header_buffers \d+ \w+", "large_client_header_buffers 8 64k"),),
        ("header malformed: longer than the limit", "uri refused: longer than the limit", "header malformed: more than all buffers"),
    ),
    Break(
        "small headers",
        ((r"large_client_header_buffers \d+ \w+", "large_client_header_buffers 4 8k"),),
        ("header passes: 15,000 bytes", "uri: long path"),
    ),
    Break(
        "Connection may name headers",
        ((r"if \(\$names_headers\)", "if ($nothing)"),),
        ("Connection lists Authorization", "Connection lists X-Api-Key in a second line"),
    ),
    Break(
        "any host",
        ((r"return 421 [^;]+;", ANY_SITE),),
        (
            *("host unknown: unknown", "host unknown: metadata service", "host unknown: the origin's own", "host: none in HTTP/1.0"),
            *("absolute form: task credentials", "pipeline: another host second", "http2: unknown host"),
            *("framing: request in the body for an unknown host", "host: in X-Forwarded-Host only"),
        ),
    ),
    Break(
        "any upgrade",
        (
            (UPGRADES, '"~^[^:]*:(?<any_upgrade>[^:]+):" $any_upgrade;'),
            (r'(proxy_set_header) Upgrade "";', r"\1 Upgrade $upgrade;"),
            (r'(proxy_set_header) Connection "";', r"\1 Connection $connection_to_origin;"),
            (r'(map \$upgrade \$connection_to_origin \{\s+default) "";', r'\1 upgrade; "" "";'),
        ),
        (
            "no upgrade: h2c where WebSocket is allowed",
            "no upgrade: websocket where it is not",
            "no upgrade: bytes right behind the request",
        ),
    ),
    Break(
        "no upgrade",
        ((UPGRADES, ""),),
        ("upgrade: websocket", "upgrade: bytes right behind the request", "upgrade: what the origin sees"),
    ),
    Break(
        "headers of this hop pass",
        ((r'proxy_set_header (HTTP2-Settings|Proxy-Authorization) "";', ""),),
        ("header of this hop: HTTP2-Settings", "header of this hop: Proxy-Authorization"),
    ),
    Break(
        "no request header passes",
        ((HTTP, f"{HTTP} proxy_pass_request_headers off;"),),
        ("header passes: Cookie", "header passes: Range", "http2: cookie in crumbs"),
    ),
    Break("no body passes", ((HTTP, f"{HTTP} proxy_pass_request_body off;"),), ("size: any bytes", "http2: body")),
    Break(
        "bodies of any size",
        ((r"client_max_body_size \w+", "client_max_body_size 0"),),
        ("size: one over the limit, announced", "size: over the limit, in chunks"),
    ),
    Break(
        "patience with clients",
        ((r"(client_header|client_body|send)_timeout \w+", r"\1_timeout 60s"),),
        ("slow: half a request line", "slow: half a body", "slow: HTTP/2 half a frame"),
    ),
    Break("impatience with clients", ((r"client_body_timeout \w+", "client_body_timeout 100ms"),), ("slow: body in drops that is served",)),
    Break(
        "idle connections are ended",
        ((r"keepalive_timeout 3\w+", "keepalive_timeout 1s"),),
        ("slow: request on a connection that was idle for longer than a head may take",),
    ),
    Break("patience with origins", ((r"proxy_read_timeout 1s", "proxy_read_timeout 60s"),), ("origin: hangs before the head",)),
    Break("origins steer", ((r"proxy_ignore_headers [^;]+;", ""),), ("answer: X-Accel-Redirect",)),
    Break("versions are told", (("server_tokens off", "server_tokens on"),), ("answer: our Server without a version",)),
    Break("request id of the origin", (("proxy_hide_header X-Request-ID;", ""),), ("answer: X-Request-ID",)),
    Break("redirects pass as they are", ((r'proxy_redirect "[^;]+;', "proxy_redirect off;"),), ("answer: redirect to itself",)),
    Break("cookies pass as they are", ((r"proxy_cookie_domain [^;]+;", ""),), ("answer: cookie of its own domain",)),
    Break(
        "every redirect is rewritten",
        ((r'proxy_redirect "[^;]+;', "proxy_redirect ~^https://[^/]+(.*)$ $1;"),),
        ("answer: redirect elsewhere",),
    ),
    Break("cookies do not pass", ((HTTP, f"{HTTP} proxy_hide_header Set-Cookie;"),), ("answer: three cookies",)),
    Break(
        "answers lose headers",
        ((HTTP, HTTP + "".join(f" proxy_hide_header {name};" for name in HIDDEN)),),
        (
            *("answer: the same name twice", "answer: Cache-Control and Vary", "answer: ETag", "answer: Content-Encoding"),
            *("answer: security headers", "answer: CORS", "answer: one hundred headers", "answer: case of a name"),
        ),
    ),
    Break("small answer headers", ((r"proxy_buffer_size \w+", "proxy_buffer_size 4k"),), ("answer: 12,000 bytes in one header",)),
    Break(
        "HTTP/1.1 only",
        (("http2 on;", ""),),
        ("http2: plain", "http2: body that looks like a request", "http2: host instead of :authority"),
    ),
    Break("HTTP/1.0 to the origin", (("proxy_http_version 1.1", "proxy_http_version 1.0"),), ("method: PROPFIND", "uri: root")),
    Break(
        "error pages of its own",
        ((HTTP, f"{HTTP} proxy_intercept_errors on; error_page 503 /elsewhere;"),),
        ("answer: error page of the origin",),
    ),
)
