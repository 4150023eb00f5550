"""HTTP/2 with prior knowledge, as the load balancer hands it on: nothing in a frame may become something else in HTTP/1.1."""

from __future__ import annotations

from tests.nginx.probes.expect import NO_ANSWER, Arrives, NotServed, any_of, refused
from tests.nginx.probes.framing import SMUGGLED
from tests.nginx.probes.http2_frames import BEGIN, END_HEADERS, Field, data, headers_frame, pseudo
from tests.nginx.probes.probe import CLIENT, HOST, Expectation, Probe

LINE = b"GET / HTTP/1.1"
UNKNOWN = b"unknown.example.com"
# A malformed request is a stream error (RFC 9113, 8.1.1): a status or a reset.
REFUSED = refused(400, NO_ANSWER)
MALFORMED = "malformed (RFC 9113, 8.1.1)"
SPLIT = "in HTTP/1.1 it would be more than one line (request splitting)"


def ask(*fields: Field, body: bytes | None = None) -> bytes:
    if body is None:
        return BEGIN + headers_frame(*fields)
    return BEGIN + headers_frame(*fields, flags=END_HEADERS) + data(body)


def _probe(name: str, send: bytes, expect: Expectation, why: str) -> Probe:
    return Probe(name=f"http2: {name}", send=send, expect=expect, why=why, http2=True)


METHOD, SCHEME, AUTHORITY, PATH = (b":method", b"GET"), (b":scheme", b"https"), (b":authority", HOST), (b":path", b"/")
GET = pseudo(HOST)
# Name, fields, reason.
BAD_FIELDS: tuple[tuple[str, tuple[Field, ...], str], ...] = (
    ("no :method", (SCHEME, AUTHORITY, PATH), MALFORMED),
    ("no :scheme", (METHOD, AUTHORITY, PATH), MALFORMED),
    ("no :path", (METHOD, SCHEME, AUTHORITY), MALFORMED),
    ("no :authority and no host", (METHOD, SCHEME, PATH), "no site is meant"),
    ("empty :path", (METHOD, SCHEME, AUTHORITY, (b":path", b"")), MALFORMED),
    ("empty :method", ((b":method", b""), SCHEME, AUTHORITY, PATH), MALFORMED),
    (":path without a slash", (METHOD, SCHEME, AUTHORITY, (b":path", b"admin/")), MALFORMED),
    (":path as an absolute URL", (METHOD, SCHEME, AUTHORITY, (b":path", b"http://169.254.169.254/")), MALFORMED),
    (":path with @", (METHOD, SCHEME, AUTHORITY, (b":path", b"@elsewhere.example/")), MALFORMED),
    (":path with a space", (METHOD, SCHEME, AUTHORITY, (b":path", b"/ HTTP/1.1")), SPLIT),
    (":path with a line break", (METHOD, SCHEME, AUTHORITY, (b":path", b"/ HTTP/1.1\r\nX-Injected: 1\r\n\r\n" + SMUGGLED)), SPLIT),
    (":path with a NUL", (METHOD, SCHEME, AUTHORITY, (b":path", b"/\x00")), MALFORMED),
    (":path above the root", (METHOD, SCHEME, AUTHORITY, (b":path", b"/../a")), "there is nothing above the root"),
    (":method with a line break", ((b":method", b"GET / HTTP/1.1\r\nX-Injected: 1\r\n\r\nGET"), SCHEME, AUTHORITY, PATH), SPLIT),
    (":method with a space", ((b":method", b"GET /admin/"), SCHEME, AUTHORITY, PATH), SPLIT),
    (":authority with a line break", (METHOD, SCHEME, (b":authority", HOST + b"\r\nX-Injected: 1"), PATH), SPLIT),
    (":authority with a path", (METHOD, SCHEME, (b":authority", HOST + b"/admin/"), PATH), MALFORMED),
    (":scheme with a line break", (METHOD, (b":scheme", b"https\r\nX-Injected: 1"), AUTHORITY, PATH), SPLIT),
    (":scheme with a URL", (METHOD, (b":scheme", b"http://elsewhere.example/?"), AUTHORITY, PATH), MALFORMED),
    ("value with CRLF", (*GET, (b"x-a", b"1\r\nx-injected: 1")), SPLIT),
    ("value with LF", (*GET, (b"x-a", b"1\nx-injected: 1")), SPLIT),
    ("value with CR", (*GET, (b"x-a", b"1\rx-injected: 1")), SPLIT),
    ("value with a NUL", (*GET, (b"x-a", b"1\x002")), MALFORMED),
    ("value with a request", (*GET, (b"x-a", b"1\r\n\r\n" + SMUGGLED)), SPLIT),
    ("name with CRLF", (*GET, (b"x-a: 1\r\nx-injected", b"1")), SPLIT),
    ("name with a colon", (*GET, (b"x-a: 1", b"1")), SPLIT),
    ("name with a space", (*GET, (b"x a", b"1")), MALFORMED),
    ("name in upper case", (*GET, (b"X-A", b"1")), MALFORMED),
    ("empty name", (*GET, (b"", b"1")), MALFORMED),
    (":path twice", (*GET, (b":path", b"/admin/")), MALFORMED),
    (":method twice", (*GET, (b":method", b"POST")), MALFORMED),
    (":authority twice", (*GET, (b":authority", UNKNOWN)), MALFORMED),
    ("unknown pseudo-header", (*GET, (b":x", b"1")), MALFORMED),
    (":status", (*GET, (b":status", b"200")), MALFORMED),
    ("pseudo-header behind a header", (METHOD, SCHEME, AUTHORITY, (b"x-a", b"1"), PATH), MALFORMED),
    ("extended CONNECT", ((b":method", b"CONNECT"), (b":protocol", b"websocket"), SCHEME, AUTHORITY, PATH), "it is not offered"),
    ("host twice", (METHOD, SCHEME, PATH, (b"host", HOST), (b"host", UNKNOWN)), "two parsers, two sites"),
)
CONNECTION_SPECIFIC = "a connection-specific header makes a request malformed (RFC 9113, 8.2.2)"
LENIENT = "nginx ignores it; it neither obeys it nor passes it on"
HEADERS_OF_HTTP1: tuple[tuple[str, Field], ...] = (
    ("connection", (b"connection", b"x-forwarded-for")),
    ("keep-alive", (b"keep-alive", b"timeout=5")),
    ("proxy-connection", (b"proxy-connection", b"keep-alive")),
    ("upgrade", (b"upgrade", b"h2c")),
    ("te: gzip", (b"te", b"gzip")),
)
FRAMING: tuple[tuple[str, tuple[Field, ...], bytes | None], ...] = (
    ("transfer-encoding", (*pseudo(HOST, method=b"POST"), (b"transfer-encoding", b"chunked")), b"0\r\n\r\n" + SMUGGLED),
    ("content-length shorter than the data", (*pseudo(HOST, method=b"POST"), (b"content-length", b"3")), b"hello" + SMUGGLED),
    ("content-length longer than the data", (*pseudo(HOST, method=b"POST"), (b"content-length", b"500")), b"hello"),
    ("content-length without data", (*pseudo(HOST, method=b"POST"), (b"content-length", b"5")), None),
    ("content-length twice", (*pseudo(HOST, method=b"POST"), (b"content-length", b"5"), (b"content-length", b"6")), b"hello"),
    ("content-length with a plus", (*pseudo(HOST, method=b"POST"), (b"content-length", b"+5")), b"hello"),
    ("content-length with a line break", (*pseudo(HOST, method=b"POST"), (b"content-length", b"5\r\nx-injected: 1")), b"hello"),
)
PROBES = (
    _probe("plain", ask(*pseudo(HOST, b"/a%2Fb//c?d")), Arrives(line=b"GET /a%2Fb//c?d HTTP/1.1"), "the URI is kept as in HTTP/1.1"),
    _probe("body", ask(*pseudo(HOST, method=b"POST"), body=b"hello"), Arrives(line=b"POST / HTTP/1.1", body=b"hello"), "the plain case"),
    _probe(
        "body that looks like a request",
        ask(*pseudo(HOST, method=b"POST"), body=SMUGGLED),
        Arrives(line=b"POST / HTTP/1.1", body=SMUGGLED),
        "a body stays a body in the framing of the other side (H2.CL, H2.TE)",
    ),
    _probe(
        "client's address",
        ask(*GET, (b"x-forwarded-for", b"203.0.113.99"), (b"forwarded", b"for=203.0.113.99")),
        Arrives(line=LINE, has=(b"X-Forwarded-For: " + CLIENT,), lacks=(b"203.0.113.99",)),
        "claims are replaced in every version of HTTP",
    ),
    _probe("te: trailers", ask(*GET, (b"te", b"trailers")), Arrives(line=LINE, lacks=(b"\r\nte:",)), "allowed, and for this hop only"),
    _probe(
        "cookie in crumbs",
        ask(*GET, (b"cookie", b"a=1"), (b"cookie", b"b=2")),
        Arrives(line=LINE, has=(b"cookie: a=1; b=2",)),
        "crumbs are joined with `; ` for HTTP/1.1 (RFC 9113, 8.2.3)",
    ),
    _probe("host instead of :authority", ask(METHOD, SCHEME, PATH, (b"host", HOST)), Arrives(line=LINE), "allowed (RFC 9113, 8.3.1)"),
    _probe(
        "host that differs from :authority",
        ask(*GET, (b"host", UNKNOWN)),
        any_of(refused(400, 421, NO_ANSWER), Arrives(line=LINE, has=(b"X-Forwarded-Host: " + HOST,), lacks=(UNKNOWN,))),
        "two hosts, two sites: refused or :authority, never host (RFC 9113, 8.3.1)",
    ),
    _probe(
        ":authority that is unknown, host that is a site",
        ask(*pseudo(UNKNOWN), (b"host", HOST)),
        refused(400, 421, NO_ANSWER),
        "two hosts, two sites: refused or :authority, never host (RFC 9113, 8.3.1)",
    ),
    _probe(":authority with a user", ask(*pseudo(b"user@" + HOST)), refused(400, 421, NO_ANSWER), "it must not have one (RFC 9113, 8.3.1)"),
    _probe("unknown host", ask(*pseudo(UNKNOWN)), refused(421), "only configured hosts reach an origin"),
    _probe("denied path", ask(*pseudo(HOST, b"/%61dmin/")), refused(403), "a rule holds in every version of HTTP"),
    _probe("TRACE", ask(*pseudo(HOST, method=b"TRACE")), refused(400, 405, NO_ANSWER), "as in HTTP/1.1"),
    _probe(
        "CONNECT", ask((b":method", b"CONNECT"), (b":authority", b"169.254.169.254:80")), refused(400, 405, 421, NO_ANSWER), "no open proxy"
    ),
    _probe("method in lower case", ask(*pseudo(HOST, method=b"get")), refused(400, 405, NO_ANSWER), "as in HTTP/1.1"),
    _probe(
        "underscore in a name",
        ask(*GET, (b"x_forwarded_for", b"203.0.113.99")),
        Arrives(line=LINE, lacks=(b"203.0.113.99",)),
        "as in HTTP/1.1",
    ),
    *(_probe(n, ask(*fields), REFUSED, why) for n, fields, why in BAD_FIELDS),
    *(
        _probe(
            f"header of HTTP/1.1: {n}",
            ask(*GET, field),
            any_of(REFUSED, Arrives(line=LINE, has=(b"X-Forwarded-For: " + CLIENT,), lacks=(b"\r\n" + field[0] + b":",))),
            f"{CONNECTION_SPECIFIC}; {LENIENT}",
        )
        for n, field in HEADERS_OF_HTTP1
    ),
    *(
        _probe(n, ask(*fields, body=body), NotServed(), "two lengths, two ends of the request (H2.CL, H2.TE)")
        for n, fields, body in FRAMING
    ),
)
