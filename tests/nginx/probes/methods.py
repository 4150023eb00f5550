"""Methods, and sizes of bodies."""

from __future__ import annotations

from tests.nginx.probes.expect import NO_ANSWER, Answered, Arrives, refused
from tests.nginx.probes.lab import MAX_BODY
from tests.nginx.probes.probe import Probe, head, kept

LIMIT = MAX_BODY * 2**20
CHUNK = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
PASSED = (
    *(b"GET", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"),
    *(b"PROPFIND", b"MKCOL", b"REPORT", b"M-SEARCH", b"PURGE", b"QUERY", b"BREW", b"GETGETGETGETGETGETGETGETGETGETGETGET"),
)
REFUSED: tuple[tuple[str, bytes, tuple[int, ...], str], ...] = (
    ("TRACE", b"TRACE / HTTP/1.1", (405,), "it would show a script the cookies that it may not read"),
    ("CONNECT", b"CONNECT api.example.com:443 HTTP/1.1", (400, 405), "this is no forward proxy"),
    ("CONNECT elsewhere", b"CONNECT 169.254.170.2:80 HTTP/1.1", (400, 405, 421), "this is no forward proxy"),
    ("CONNECT with a path", b"CONNECT / HTTP/1.1", (400, 405), "this is no forward proxy"),
    ("lower case", b"get / HTTP/1.1", (400, 405), "methods are case-sensitive; origins differ on what this is"),
    ("mixed case", b"Get / HTTP/1.1", (400, 405), "methods are case-sensitive; origins differ on what this is"),
    ("bracket", b"GE(T / HTTP/1.1", (400, 405), "not a method"),
    ("NUL", b"GE\x00T / HTTP/1.1", (400, 405), "not a method"),
    ("colon", b"GET: / HTTP/1.1", (400, 405), "not a method"),
    ("empty", b" / HTTP/1.1", (400, 405), "not a method"),
    ("only spaces before it", b"  GET / HTTP/1.1", (400, 405), "not a method"),
    ("20,000 letters", b"A" * 20_000 + b" / HTTP/1.1", (400, 405, 414), "what does not fit a buffer is refused, not cut"),
)


def _post(body: bytes) -> bytes:
    return head(b"POST /up HTTP/1.1", b"Content-Length: %d" % len(body)) + body


PROBES = (
    *(
        Probe(
            name=f"method: {method[:12].decode()}",
            send=head(method + b" /m HTTP/1.1"),
            expect=Arrives(line=method + b" /m HTTP/1.1"),
            why="which methods exist is the origin's business",
        )
        for method in PASSED
    ),
    *(Probe(name=f"method refused: {n}", send=head(line), expect=refused(*s), why=why) for n, line, s, why in REFUSED),
    Probe(
        name="method: HEAD",
        send=kept(b"HEAD /m HTTP/1.1") + head(b"GET /n HTTP/1.1"),
        answers=2,
        expect=Answered(statuses=(200, 200), bodies=(b"", b"GET /n"), at_origin=(b"HEAD /m HTTP/1.1", b"GET /n HTTP/1.1")),
        why="an answer to HEAD has no body, whatever its Content-Length says",
    ),
    Probe(
        name="size: no body",
        send=head(b"POST /up HTTP/1.1", b"Content-Length: 0"),
        expect=Arrives(line=b"POST /up HTTP/1.1", has=(b"Content-Length: 0",)),
        why="an origin may ask for a length",
    ),
    Probe(
        name="size: any bytes",
        send=_post(bytes(range(256)) * 16),
        expect=Arrives(line=b"POST /up HTTP/1.1", body=bytes(range(256)) * 16),
        why="a body has no character set",
    ),
    Probe(
        name="size: the limit",
        send=_post(b"x" * LIMIT),
        expect=Arrives(line=b"POST /up HTTP/1.1", body=b"x" * LIMIT),
        why="what is documented as allowed is allowed",
    ),
    Probe(
        name="size: one over the limit, announced",
        send=kept(b"POST /up HTTP/1.1", b"Content-Length: %d" % (LIMIT + 1)),
        expect=refused(413),
        why="it is refused before it is sent",
    ),
    Probe(
        name="size: over the limit, in chunks",
        send=(kept(b"POST /up HTTP/1.1", b"Transfer-Encoding: chunked"), *[CHUNK] * 17),
        expect=Answered(statuses=(413,)),
        why="a length that nobody announced is limited too",
    ),
    Probe(
        name="size: many chunks",
        send=head(b"POST /up HTTP/1.1", b"Transfer-Encoding: chunked") + b"1\r\nx\r\n" * 5_000 + b"0\r\n\r\n",
        expect=Arrives(line=b"POST /up HTTP/1.1", body=b"x" * 5_000),
        why="small chunks are slow, not wrong",
    ),
    Probe(
        name="size: GET with a body",
        send=head(b"GET /up HTTP/1.1", b"Content-Length: 5") + b"hello",
        expect=Arrives(line=b"GET /up HTTP/1.1", body=b"hello", has=(b"Content-Length: 5",)),
        why="search APIs do so; the body must not be taken for the next request",
    ),
    Probe(
        name="size: DELETE with a body",
        send=head(b"DELETE /up HTTP/1.1", b"Content-Length: 5") + b"hello",
        expect=Arrives(line=b"DELETE /up HTTP/1.1", body=b"hello"),
        why="the body must not be taken for the next request",
    ),
    Probe(
        name="size: the client leaves in the middle of a body",
        send=kept(b"POST /up HTTP/1.1", b"Content-Length: 5") + b"he",
        expect=Answered(statuses=()),
        why="half a body is never completed with something else",
        patience=0.3,
    ),
    Probe(
        name="size: large answer",
        send=head(b"GET /large HTTP/1.1"),
        expect=Answered(statuses=(200,), at_origin=(b"GET /large HTTP/1.1",)),
        why="24 MiB pass whole",
    ),
    Probe(
        name="size: header block of 60,000 bytes that never ends",
        send=(kept(b"GET / HTTP/1.1")[:-2] + b"X-A: " + b"x" * 60_000,),
        expect=refused(400, NO_ANSWER),
        why="it is refused when the buffers are full, not when its end comes",
    ),
)
