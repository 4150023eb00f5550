"""Other request headers: passed on unchanged, or for this hop only, or no header at all."""

from __future__ import annotations

from tests.nginx.probes.expect import Answered, Arrives, any_of, refused
from tests.nginx.probes.probe import Probe, Until, head, kept

LINE = b"GET / HTTP/1.1"
CONTRACT = "end-to-end headers are not the proxy's"

PASSED: tuple[tuple[str, tuple[bytes, ...], str], ...] = (
    ("Authorization", (b"Authorization: Bearer a.b-c~+/=",), CONTRACT),
    ("Cookie", (b'Cookie: a=1; b="2"; c=%20',), CONTRACT),
    ("two Cookie lines", (b"Cookie: a=1", b"Cookie: b=2"), "HTTP/2 clients behind another proxy send them apart"),
    ("User-Agent", (b"User-Agent: partner/1 (x; y)",), CONTRACT),
    ("Accept-Encoding", (b"Accept-Encoding: br, gzip;q=0.5",), "the client decodes, so the client says what it can"),
    ("Range", (b"Range: bytes=0-1",), "a resumed download is the origin's answer"),
    ("several ranges", (b"Range: bytes=0-1,5-,-3",), "a resumed download is the origin's answer"),
    ("conditions", (b'If-None-Match: "x"', b"If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT"), "304 is the origin's answer"),
    ("Origin", (b"Origin: https://elsewhere.example", b"Access-Control-Request-Method: PUT"), "CORS is the origin's decision"),
    ("tracing", (b"traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", b"tracestate: a=1"), CONTRACT),
    ("method override", (b"X-HTTP-Method-Override: PATCH",), CONTRACT),
    ("signature", (b"Signature-Input: sig1=()", b"Signature: sig1=:YQ==:", b"Digest: SHA-256=YQ=="), CONTRACT),
    ("the same name twice", (b"X-A: 1", b"X-A: 2"), "a list in two lines is a list"),
    ("case of a name", (b"x-MiXeD: 1",), "some origins compare names exactly"),
    ("empty value", (b"X-Empty: ",), "an empty header is not a missing one"),
    ("tab in a value", (b"X-A: a\tb",), "a tab is allowed inside a value"),
    ("bytes beyond ASCII", (b"X-A: caf\xc3\xa9 \xe9\xff",), "obs-text is allowed in a value (RFC 9110, 5.5)"),
    ("odd punctuation", (b"X-A: \"\\'{}[]<>|^`;,=@$%",), CONTRACT),
    ("nginx variable", (b"X-A: $host ${request_id}",), "what a client writes is not evaluated"),
    ("value that looks like a header", (b"X-A: Content-Length: 5",), "only a line's first colon counts"),
    ("digits in a name", (b"X-2-A1: 1",), CONTRACT),
    ("15,000 bytes", (b"Cookie: " + b"x" * 15_000,), "within the documented limit"),
    ("one hundred", tuple(b"X-A%d: 1" % number for number in range(100)), "many headers are not an attack yet"),
    ("Upgrade-Insecure-Requests", (b"Upgrade-Insecure-Requests: 1",), "it has nothing to do with Upgrade"),
    ("Max-Forwards", (b"Max-Forwards: 3",), "it means something for TRACE and OPTIONS only"),
)
HOP = "for this hop only (RFC 9110, 7.6.1)"
HOP_BY_HOP: tuple[tuple[str, tuple[bytes, ...], bytes], ...] = (
    ("Keep-Alive", (b"Keep-Alive: timeout=5",), b"keep-alive"),
    ("TE", (b"TE: trailers",), b"\r\nte:"),
    ("Proxy-Connection", (b"Proxy-Connection: keep-alive",), b"proxy-connection"),
    ("Proxy-Authorization", (b"Proxy-Authorization: Basic YQ==",), b"proxy-authorization"),
    ("Upgrade", (b"Upgrade: websocket",), b"upgrade"),
    ("HTTP2-Settings", (b"HTTP2-Settings: AAMAAABk",), b"http2-settings"),
    ("Trailer", (b"Trailer: X-Checksum",), b"trailer:"),
)
MALFORMED: tuple[tuple[str, bytes, str], ...] = (
    ("space before the colon", b"X-A : 1", "parsers differ on whose header it is (RFC 9112, 5.1: refuse)"),
    ("tab before the colon", b"X-A\t: 1", "parsers differ on whose header it is"),
    ("space in the name", b"X A: 1", "not a name"),
    ("space before the name", b" X-A: 1", "a folded line for some, a header for others"),
    ("folded line", b"X-A: 1\r\n 2", "folding is obsolete, and parsers differ on it (RFC 9112, 5.2: refuse)"),
    ("folded line with a tab", b"X-A: 1\r\n\t2", "folding is obsolete, and parsers differ on it"),
    ("empty name", b": 1", "not a header"),
    ("control character in the name", b"X\x01A: 1", "not a name"),
    ("NUL in the name", b"X\x00A: 1", "programs in C end the name there"),
    ("NUL in the value", b"X-A: a\x00b", "programs in C end the value there"),
    ("carriage return in the value", b"X-A: a\rX-Injected: 1", "some parsers end the line there"),
    ("longer than the limit", b"X-A: " + b"x" * 17_000, "what does not fit a buffer is refused, not cut"),
    ("name longer than the limit", b"X" * 17_000 + b": 1", "what does not fit a buffer is refused, not cut"),
    ("more than all buffers", b"\r\n".join(b"X-A%d: " % n + b"x" * 8_000 for n in range(10)), "memory for one request is bounded"),
    ("ten thousand", b"\r\n".join(b"X-A%d: 1" % n for n in range(10_000)), "memory for one request is bounded"),
)
LISTED = "a client must not choose which headers are taken away from the origin's view"
CONNECTION: tuple[tuple[str, bytes], ...] = (
    ("X-Forwarded-For", b"Connection: close, X-Forwarded-For"),
    ("Authorization", b"Connection: Authorization"),
    ("Host", b"Connection: close, Host"),
    ("X-Api-Key in a second line", b"Connection: close\r\nConnection: X-Api-Key"),
    ("Content-Length", b"Connection: keep-alive, Content-Length"),
)
KNOWN_OPTIONS: tuple[tuple[str, bytes], ...] = (
    ("close", b"Connection: close"),
    ("close in upper case", b"Connection: CLOSE"),
    ("keep-alive", b"Connection: keep-alive"),
    ("close and TE", b"Connection: close, TE\r\nTE: trailers"),
    ("two lines", b"Connection: close\r\nConnection: TE"),
    ("upgrade and HTTP2-Settings", b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk"),
)


def _without_connection(line: bytes) -> bytes:
    return kept(LINE, line)


PROBES = (
    *(
        Probe(name=f"header passes: {n}", send=head(LINE, *lines), expect=Arrives(line=LINE, has=lines), why=why)
        for n, lines, why in PASSED
    ),
    *(
        Probe(name=f"header of this hop: {n}", send=head(LINE, *lines), expect=Arrives(line=LINE, lacks=(absent,)), why=HOP)
        for n, lines, absent in HOP_BY_HOP
    ),
    *(Probe(name=f"header malformed: {n}", send=head(LINE, line), expect=refused(400), why=why) for n, line, why in MALFORMED),
    *(Probe(name=f"Connection lists {n}", send=_without_connection(line), expect=refused(400), why=LISTED) for n, line in CONNECTION),
    *(
        Probe(
            name=f"Connection: {n}",
            send=_without_connection(line),
            expect=Arrives(line=LINE, lacks=(b"connection:", b"\r\nte:", b"upgrade:", b"http2-settings:")),
            why="usual options are obeyed here and end here",
        )
        for n, line in KNOWN_OPTIONS
    ),
    Probe(
        name="header: spaces around a value",
        send=head(LINE, b"X-A: \t  1 \t "),
        expect=any_of(Arrives(line=LINE, has=(b"X-A: 1",)), Arrives(line=LINE, has=(b"X-A: \t  1 \t",))),
        why="space around a value is not part of it (RFC 9110, 5.5)",
    ),
    Probe(
        name="header: line without a colon",
        send=head(LINE, b"Transfer-Encoding chunked", b"X-A"),
        expect=any_of(refused(400), Arrives(line=LINE, lacks=(b"transfer", b"x-a"))),
        # nginx drops it (nginx/nginx issue 1499).
        why="not a header: refused or dropped, but not passed on",
    ),
    Probe(
        name="header: Authorization twice",
        send=head(LINE, b"Authorization: Basic YQ==", b"Authorization: Basic Yg=="),
        expect=refused(400),
        why="who it is must not depend on which of two an origin reads",
    ),
    Probe(
        name="header: Expect 100-continue",
        send=(
            head(b"POST /e HTTP/1.1", b"Content-Length: 5", b"Expect: 100-continue"),
            Until(b"HTTP/1.1 100 Continue\r\n\r\n"),
            b"hello",
        ),
        expect=Arrives(line=b"POST /e HTTP/1.1", body=b"hello", lacks=(b"expect:",)),
        why="a client that waits for leave gets it, and the origin is not asked for it again",
    ),
    Probe(
        name="header: Expect 100-continue where the path is denied",
        send=kept(b"POST /admin/ HTTP/1.1", b"Content-Length: 5", b"Expect: 100-continue"),
        expect=Answered(statuses=(403,), at_origin=()),
        why="the answer comes instead of the leave",
    ),
    Probe(
        name="header: Expect something else",
        send=head(LINE, b"Expect: miracles"),
        expect=any_of(refused(417), Arrives(line=LINE, lacks=(b"expect:",))),
        why="it ends here: an origin behind it must not wait for it",
    ),
)
