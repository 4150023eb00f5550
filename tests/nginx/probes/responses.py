"""Answers of a correct origin: what passes to the client, and what was for the proxy."""

from __future__ import annotations

from tests.nginx.probes.expect import Answered
from tests.nginx.probes.probe import HOST, Probe, Says, Then, head

BODY = b"Content-Length: 2\r\n\r\nok"


def _probe(
    name: str, lines: tuple[bytes, ...], why: str, *, has: tuple[bytes, ...] = (), lacks: tuple[bytes, ...] = (), missing: str = ""
) -> Probe:
    name = f"answer: {name}"
    return Probe(
        name=name,
        send=head(b"GET /says/" + slug(name) + b" HTTP/1.1"),
        says=Says((b"\r\n".join([b"HTTP/1.1 200 OK", *lines, BODY]),)),
        expect=Answered(statuses=(200,), has=has, lacks=lacks, exact=b"ok"),
        why=why,
        missing=missing,
    )


def slug(name: str) -> bytes:
    """A probe's name as a part of a path."""
    return "-".join("".join(letter if letter.isalnum() else " " for letter in name).split()).encode()


def _passes(name: str, lines: tuple[bytes, ...], why: str) -> Probe:
    return _probe(name, lines, why, has=lines)


def _ends_here(name: str, lines: tuple[bytes, ...], absent: bytes, why: str, missing: str = "") -> Probe:
    return _probe(name, lines, why, lacks=(absent,), missing=missing)


HOP = "for this hop only (RFC 9110, 7.6.1)"
STEER = "an origin may not steer this proxy, nor tell clients what it is"
CONTRACT = "end-to-end headers are not the proxy's"
PROBES = (
    _passes("three cookies", (b"Set-Cookie: a=1; Path=/", b"Set-Cookie: b=2; HttpOnly", b"Set-Cookie: a=3"), "cookies cannot be joined"),
    _passes("the same name twice", (b"X-A: 1", b"X-A: 2"), "a list in two lines is a list"),
    _passes("Cache-Control and Vary", (b"Cache-Control: private, max-age=0", b"Vary: Origin, Accept"), CONTRACT),
    _passes("ETag", (b'ETag: "strong"', b"Last-Modified: Sat, 01 Jan 2000 00:00:00 GMT"), "weakened, it breaks If-Match"),
    _passes("Content-Type", (b"Content-Type: text/html; charset=Shift_JIS",), "the charset is the origin's"),
    _passes("Content-Encoding", (b"Content-Encoding: br",), "what is encoded stays encoded"),
    _passes("security headers", (b"Strict-Transport-Security: max-age=1", b"Content-Security-Policy: default-src 'none'"), CONTRACT),
    _passes("CORS", (b"Access-Control-Allow-Origin: https://elsewhere.example",), CONTRACT),
    _passes("bytes beyond ASCII", (b"X-A: caf\xc3\xa9 \xe9",), "obs-text is allowed in a value"),
    _passes("12,000 bytes in one header", (b"X-Large: " + b"x" * 12_000,), "tokens and policies are that large"),
    _passes("one hundred headers", tuple(b"X-A%d: 1" % number for number in range(100)), CONTRACT),
    _passes("case of a name", (b"x-MiXeD: 1",), "some clients compare names exactly"),
    _passes(
        "redirect elsewhere", (b"Location: https://elsewhere.example/?u=https://origin.example.net/",), "another host stays another host"
    ),
    _probe(
        "redirect to itself",
        (b"Location: https://origin.example.net/next?x=%2F",),
        "the client cannot reach the origin, and its allow list does not know the proxy",
        has=(b"Location: https://" + HOST + b"/next?x=%2F",),
    ),
    _probe(
        "cookie of its own domain",
        (b"Set-Cookie: a=1; Domain=origin.example.net; Path=/", b"Set-Cookie: b=1; Domain=elsewhere.example"),
        "a browser takes no cookie for a domain that it did not ask",
        has=(b"Set-Cookie: a=1; Domain=" + HOST + b"; Path=/", b"Set-Cookie: b=1; Domain=elsewhere.example"),
    ),
    _passes(
        "Date",
        (b"Date: Sat, 01 Jan 2000 00:00:00 GMT",),
        "a proxy does not change it (RFC 9110, 6.6.1): ages are computed from it and signatures are over it",
    ),
    _ends_here("Keep-Alive", (b"Keep-Alive: timeout=5", b"Connection: keep-alive"), b"timeout=5", HOP),
    _ends_here("Proxy-Connection", (b"Proxy-Connection: keep-alive",), b"proxy-connection", HOP),
    _ends_here("Proxy-Authenticate", (b"Proxy-Authenticate: Basic realm=x",), b"proxy-authenticate", HOP),
    _ends_here("Upgrade", (b"Upgrade: h2c",), b"upgrade", HOP),
    _ends_here("Connection: close", (b"Connection: close, X-Hop", b"X-Hop: 1"), b"x-hop", HOP, "nginx has no directive for it"),
    _ends_here("X-Accel-Redirect", (b"X-Accel-Redirect: /admin/",), b"x-accel", STEER),
    _ends_here("X-Accel-Limit-Rate", (b"X-Accel-Limit-Rate: 1",), b"x-accel", STEER),
    _ends_here("X-Accel-Buffering", (b"X-Accel-Buffering: no",), b"x-accel", STEER),
    _ends_here("X-Accel-Expires", (b"X-Accel-Expires: 60",), b"x-accel", STEER),
    _ends_here("Server", (b"Server: secret/1.2.3",), b"secret", "versions help an attacker only"),
    _ends_here("X-Request-ID", (b"X-Request-ID: origins-own",), b"origins-own", "one request has one id, the one in the log"),
    Probe(
        name="answer: our Server without a version",
        send=head(b"GET / HTTP/1.1"),
        expect=Answered(statuses=(200,), lacks=(b"nginx/", b"origins-own")),
        why="versions help an attacker only",
    ),
    Probe(
        name="answer: larger than a header buffer",
        send=head(b"GET /says/answer-larger-than-a-header-buffer HTTP/1.1"),
        says=Says((b"HTTP/1.1 200 OK\r\nX-Large: " + b"x" * 40_000 + b"\r\n" + BODY,), Then.CLOSE),
        expect=Answered(statuses=(502,)),
        why="what does not fit a buffer is refused, not cut",
    ),
    Probe(
        name="answer: unknown status and reason",
        send=head(b"GET /says/answer-unknown-status-and-reason HTTP/1.1"),
        says=Says((b"HTTP/1.1 299 Quite Fine\r\n" + BODY,)),
        expect=Answered(statuses=(299,), exact=b"ok"),
        why="an origin may have statuses of its own",
    ),
    Probe(
        name="answer: error page of the origin",
        send=head(b"GET /says/answer-error-page-of-the-origin HTTP/1.1"),
        says=Says((b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n" + BODY,)),
        expect=Answered(statuses=(503,), has=(b"Retry-After: 7",), exact=b"ok"),
        why="an error of the origin is the origin's answer",
    ),
    Probe(
        name="answer: to HTTP/1.0",
        send=b"GET / HTTP/1.0\r\nHost: " + HOST + b"\r\n\r\n",
        expect=Answered(statuses=(200,), lacks=(b"transfer-encoding", b"keep-alive"), at_origin=(b"GET / HTTP/1.1",)),
        why="an old client cannot read chunks and expects the end of the connection",
    ),
    Probe(
        name="answer: chunked origin, HTTP/1.0 client",
        send=b"GET /says/answer-chunked-origin-HTTP-1-0-client HTTP/1.0\r\nHost: " + HOST + b"\r\n\r\n",
        says=Says((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",)),
        expect=Answered(statuses=(200,), lacks=(b"transfer-encoding",), exact=b"ok"),
        why="an old client cannot read chunks",
    ),
    Probe(
        name="answer: trailers",
        send=head(b"GET /says/answer-trailers HTTP/1.1"),
        says=Says((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nSet-Cookie: a=1\r\n\r\n",)),
        expect=Answered(statuses=(200,), lacks=(b"set-cookie",), exact=b"ok"),
        why="a trailer must not become a header",
    ),
)
