"""Clients that take their time. The proxy's timeouts are shortened to a second for these; a connection open after 4 s counts as kept."""

from __future__ import annotations

from tests.nginx.probes.expect import NO_ANSWER, Answered, LetGo, NotServed, refused
from tests.nginx.probes.http2_frames import BEGIN, END_HEADERS, PREFACE, headers_frame, pseudo
from tests.nginx.probes.probe import HOST, Probe, Step, Wait, head, kept

PATIENCE = 4
HELD = "connections that wait for nothing are the cheapest attack there is"
REQUEST = head(b"GET / HTTP/1.1")
UPLOAD = kept(b"POST /slow HTTP/1.1", b"Content-Length: 100")
CHUNKED = kept(b"POST /slow HTTP/1.1", b"Transfer-Encoding: chunked")


def _dripped(begin: bytes, *pieces: bytes) -> tuple[Step, ...]:
    steps: list[Step] = [begin]
    for piece in pieces:
        steps += [Wait(0.3), piece]
    return tuple(steps)


# Name, steps, reason, HTTP/2.
HANGING: tuple[tuple[str, tuple[Step, ...], str, bool], ...] = (
    ("nothing is sent", (b"",), HELD, False),
    ("half a request line", (b"GET /",), HELD, False),
    ("head without its last line", (REQUEST[:-2],), HELD, False),
    (
        "head in drops",
        _dripped(b"GET / HTTP/1.1\r\n", *[b"X-A: 1\r\n"] * 12),
        "a byte now and then must not renew the wait (slowloris)",
        False,
    ),
    ("empty lines in drops", _dripped(b"\r\n", *[b"\r\n"] * 12), "a byte now and then must not renew the wait (slowloris)", False),
    ("half a body", (UPLOAD + b"x" * 50,), HELD, False),
    ("no body", (UPLOAD,), HELD, False),
    ("half a chunk size", (CHUNKED + b"5",), HELD, False),
    ("half a chunk", (CHUNKED + b"5\r\nhe",), HELD, False),
    ("chunks without an end", (CHUNKED + b"5\r\nhello\r\n",), HELD, False),
    ("HTTP/2 preface only", (PREFACE[:12],), HELD, True),
)
PROBES = (
    *(Probe(name=f"slow: {n}", send=steps, expect=LetGo(), why=why, http2=http2, patience=PATIENCE) for n, steps, why, http2 in HANGING),
    *(
        Probe(name=f"slow: HTTP/2 {n}", send=send, expect=expect, why=f"the stream is ended; {HELD}", http2=True, patience=PATIENCE)
        for n, send, expect in (
            ("header block without an end", BEGIN + headers_frame(*pseudo(HOST), flags=0), refused(400, 408, NO_ANSWER)),
            ("half a frame", BEGIN + headers_frame(*pseudo(HOST))[:-3], refused(400, 408, NO_ANSWER)),
            ("body that does not come", BEGIN + headers_frame(*pseudo(HOST, method=b"POST"), flags=END_HEADERS), NotServed()),
        )
    ),
    Probe(
        name="slow: answer that is not read",
        send=(kept(b"GET /large HTTP/1.1"), Wait(2.5, reading=False)),
        expect=LetGo(),
        why="an answer that nobody takes holds memory and a connection of the origin",
        patience=PATIENCE + 2,
    ),
    Probe(
        name="slow: body in drops that is served",
        send=(head(b"POST /slow HTTP/1.1", b"Content-Length: 3"), b"a", Wait(0.4), b"b", Wait(0.4), b"c"),
        expect=Answered(statuses=(200,)),
        why="a slow client that goes on is a client",
    ),
    Probe(
        name="slow: request on a connection that was idle for longer than a head may take",
        send=(kept(b"GET /1 HTTP/1.1"), Wait(1.5), head(b"GET /2 HTTP/1.1")),
        answers=2,
        expect=Answered(statuses=(200, 200)),
        why="the wait for a head begins with its first byte; between requests the load balancer keeps connections for 350 s",
    ),
)
