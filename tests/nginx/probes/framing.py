"""Where a request ends: whatever could be read in two ways is refused, so that nothing is smuggled behind it."""

from __future__ import annotations

from tests.nginx.probes.expect import Answered, Arrives, any_of, refused
from tests.nginx.probes.probe import HOST, Expectation, Probe, head, kept

# A path that is denied: seen on its own it is refused with 403; at the origin it was smuggled past the rules.
SMUGGLED = b"GET /admin/ HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"
POST = b"POST /f HTTP/1.1"
CHUNKED = b"Transfer-Encoding: chunked"
EMPTY_CHUNKS = b"0\r\n\r\n"
TWO_WAYS = "two parsers, two ends of the request: the bytes between are a smuggled request"
UNKNOWN_CODING = "an unknown coding has no known end (RFC 9112, 6.1); origins differ on how they read it"

# Name, header lines, body, reason.
REFUSED: tuple[tuple[str, bytes, bytes, str], ...] = (
    ("CL and TE", b"Content-Length: 5\r\n" + CHUNKED, EMPTY_CHUNKS, TWO_WAYS),
    ("TE and CL", CHUNKED + b"\r\nContent-Length: 5", EMPTY_CHUNKS, TWO_WAYS),
    ("CL 0 and TE", b"Content-Length: 0\r\n" + CHUNKED, EMPTY_CHUNKS, TWO_WAYS),
    ("CL.TE with a request behind", b"Content-Length: %d\r\n" % (5 + len(SMUGGLED)) + CHUNKED, EMPTY_CHUNKS + SMUGGLED, TWO_WAYS),
    ("TE.CL with a request inside", CHUNKED + b"\r\nContent-Length: 4", b"3c\r\n" + SMUGGLED + b"\r\n" + EMPTY_CHUNKS, TWO_WAYS),
    ("TE twice", CHUNKED + b"\r\n" + CHUNKED, EMPTY_CHUNKS, TWO_WAYS),
    ("TE chunked and TE identity", CHUNKED + b"\r\nTransfer-Encoding: identity", EMPTY_CHUNKS, TWO_WAYS),
    ("TE identity and TE chunked", b"Transfer-Encoding: identity\r\n" + CHUNKED, EMPTY_CHUNKS, TWO_WAYS),
    ("TE xchunked", b"Transfer-Encoding: xchunked", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE chunkedx", b"Transfer-Encoding: chunkedx", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE identity", b"Transfer-Encoding: identity", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE gzip", b"Transfer-Encoding: gzip", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE gzip, chunked", b"Transfer-Encoding: gzip, chunked", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE chunked, identity", b"Transfer-Encoding: chunked, identity", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE chunked, chunked", b"Transfer-Encoding: chunked, chunked", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE chunked and a comma", b"Transfer-Encoding: chunked,", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE with a parameter", b"Transfer-Encoding: chunked;q=1", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE in quotes", b'Transfer-Encoding: "chunked"', EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE with a vertical tab", b"Transfer-Encoding: \x0bchunked", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE with a NUL", b"Transfer-Encoding: chunked\x00", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE empty", b"Transfer-Encoding:", EMPTY_CHUNKS, UNKNOWN_CODING),
    ("TE folded", b"Transfer-Encoding:\r\n chunked", EMPTY_CHUNKS, "folded, one parser sees it and another does not"),
    ("TE with a space before the colon", b"Transfer-Encoding : chunked", EMPTY_CHUNKS, "one parser sees it, another does not"),
    ("TE behind a space", b" Transfer-Encoding: chunked", EMPTY_CHUNKS, "one parser sees it, another does not"),
    ("TE behind a bare CR", b"X-A: a\rTransfer-Encoding: chunked", EMPTY_CHUNKS, "one parser sees it, another does not"),
    ("CL and TE behind a bare LF", b"Content-Length: 5\r\nX-A: a\n" + CHUNKED, EMPTY_CHUNKS, TWO_WAYS),
    ("CL twice, different", b"Content-Length: 5\r\nContent-Length: 6", b"hello!", TWO_WAYS),
    ("CL twice, the same", b"Content-Length: 5\r\nContent-Length: 5", b"hello", "a doubled length is a confused sender's"),
    ("CL list, the same", b"Content-Length: 5, 5", b"hello", "a doubled length is a confused sender's"),
    ("CL list, different", b"Content-Length: 5,6", b"hello!", TWO_WAYS),
    ("CL with a plus", b"Content-Length: +5", b"hello", "some number parsers take it, some do not"),
    ("CL negative", b"Content-Length: -1", b"", "no body has this length"),
    ("CL hexadecimal", b"Content-Length: 0x5", b"hello", "some number parsers take it, some read 0"),
    ("CL with a fraction", b"Content-Length: 5.0", b"hello", "some number parsers take it, some do not"),
    ("CL with an exponent", b"Content-Length: 1e1", b"hello", "some number parsers take it, some read 1"),
    ("CL with an underscore", b"Content-Length: 1_0", b"hello", "some number parsers take it, some read 1"),
    ("CL with a letter", b"Content-Length: 5a", b"hello", "some number parsers read 5"),
    ("CL with a space inside", b"Content-Length: 1 1", b"hello", "some number parsers read 1"),
    ("CL with a semicolon", b"Content-Length: 5;1", b"hello", "some number parsers read 5"),
    ("CL empty", b"Content-Length:", b"", "some number parsers read 0"),
    ("CL with a NUL", b"Content-Length: 5\x00", b"hello", "programs in C read 5"),
    ("CL with a vertical tab", b"Content-Length: \x0b5", b"hello", "some number parsers skip it"),
    ("CL beyond 64 bits", b"Content-Length: 18446744073709551621", b"hello", "modulo 2^64 it is 5"),
    ("CL of 64 bits", b"Content-Length: 9223372036854775808", b"hello", "modulo 2^63 it is 0"),
    ("CL with a space before the colon", b"Content-Length : 5", b"hello", "one parser sees it, another does not"),
    ("CL folded", b"Content-Length:\r\n 5", b"hello", "folded, one parser sees it and another does not"),
)
STATUSES = (400, 411, 413, 501)


def _exactly(*statuses: int, at_origin: tuple[bytes, ...]) -> Expectation:
    return Answered(statuses=statuses, at_origin=at_origin)


PROBES = (
    *(Probe(name=f"framing: {n}", send=kept(POST, lines) + body, expect=refused(*STATUSES), why=why) for n, lines, body, why in REFUSED),
    Probe(
        name="framing: TE in HTTP/1.0",
        send=b"POST /f HTTP/1.0\r\nHost: " + HOST + b"\r\n" + CHUNKED + b"\r\n\r\n" + EMPTY_CHUNKS,
        expect=refused(*STATUSES),
        why="HTTP/1.0 has no chunks; a server that knows only 1.0 sees no body (RFC 9112, 6.1)",
    ),
    Probe(
        name="framing: TE in upper case",
        send=head(POST, b"transfer-encoding: CHUNKED") + b"5\r\nhello\r\n" + EMPTY_CHUNKS,
        expect=any_of(refused(*STATUSES), Arrives(line=POST, body=b"hello")),
        why="codings are the same in upper and lower case",
    ),
    Probe(
        name="framing: TE behind a tab",
        send=kept(POST, b"Transfer-Encoding:\tchunked") + b"5\r\nhello\r\n" + EMPTY_CHUNKS,
        expect=any_of(refused(*STATUSES), Arrives(line=POST, body=b"hello")),
        why="a tab is space around a value; read so or refused, but not passed on unread",
    ),
    Probe(
        name="framing: TE without a space",
        send=head(POST, b"Transfer-Encoding:chunked") + b"5\r\nhello\r\n" + EMPTY_CHUNKS,
        expect=Arrives(line=POST, body=b"hello"),
        why="space after the colon is optional",
    ),
    Probe(
        name="framing: Transfer_Encoding",
        send=kept(POST, b"Transfer_Encoding: chunked", b"Content-Length: 5") + EMPTY_CHUNKS,
        expect=Arrives(line=POST, body=EMPTY_CHUNKS, lacks=(b"transfer",)),
        why="CGI and WSGI cannot tell it from Transfer-Encoding",
    ),
    Probe(
        name="framing: Content_Length",
        send=kept(POST, b"Content_Length: 40", b"Content-Length: 5") + b"hello",
        expect=Arrives(line=POST, body=b"hello", lacks=(b"content_length",)),
        why="CGI and WSGI cannot tell it from Content-Length",
    ),
    Probe(
        name="framing: CL with zeros in front",
        send=kept(POST, b"Content-Length: 005") + b"hello",
        expect=any_of(
            refused(*STATUSES), Arrives(line=POST, body=b"hello", has=(b"Content-Length: 5",)), Arrives(line=POST, body=b"hello")
        ),
        why="decimal for all; octal is nobody's",
    ),
    Probe(
        name="framing: no length at all",
        send=kept(POST) + b"x=1\r\n\r\n",
        answers=2,
        expect=Answered(statuses=(200, 400), at_origin=(POST,)),
        why="without a length there is no body; what follows is judged as a request of its own",
    ),
    Probe(
        name="framing: CL 0 with a request behind",
        send=kept(POST, b"Content-Length: 0") + SMUGGLED,
        answers=2,
        expect=_exactly(200, 403, at_origin=(POST,)),
        why="what follows is judged as a request of its own",
    ),
    Probe(
        name="framing: request in the body of a GET",
        send=head(b"GET /f HTTP/1.1", b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED,
        expect=Arrives(line=b"GET /f HTTP/1.1", body=SMUGGLED),
        why="a body stays a body, also where nobody expects one",
    ),
    Probe(
        name="framing: request in the body of a denied path",
        send=kept(b"POST /admin/ HTTP/1.1", b"Content-Length: %d" % len(SMUGGLED)) + SMUGGLED.replace(b"/admin/", b"/other/"),
        expect=refused(403),
        why="an answer before the body has come must not make the body a request (0.CL)",
    ),
    Probe(
        name="framing: request in the body for an unknown host",
        send=kept(POST, b"Content-Length: %d" % len(SMUGGLED), host=b"unknown.example.com") + SMUGGLED,
        expect=refused(421),
        why="an answer before the body has come must not make the body a request (0.CL)",
    ),
    Probe(
        name="framing: request behind a body that is too large",
        send=kept(POST, b"Content-Length: 2000000") + SMUGGLED,
        expect=refused(413),
        why="a body that is not wanted is not read as requests",
    ),
    Probe(
        name="framing: request behind a malformed one",
        send=kept(b"GET / HTTP/1.1", b"X A: 1") + kept(b"GET /f HTTP/1.1"),
        expect=refused(400),
        why="after an error nobody knows where the next request begins",
    ),
    Probe(
        name="framing: request behind Connection: close",
        send=head(b"GET /f HTTP/1.1") + kept(b"GET /second HTTP/1.1"),
        expect=_exactly(200, at_origin=(b"GET /f HTTP/1.1",)),
        why="the client said that this was its last request",
    ),
    Probe(
        name="pipeline: three in order",
        send=kept(b"GET /1 HTTP/1.1") + kept(b"GET /2 HTTP/1.1") + head(b"GET /3 HTTP/1.1"),
        answers=3,
        expect=Answered(statuses=(200,) * 3, bodies=(b"GET /1 ", b"GET /2 ", b"GET /3 ")),
        why="answers come in the order of the requests",
    ),
    Probe(
        name="pipeline: body, then a request",
        send=kept(POST, CHUNKED) + b"5\r\nhello\r\n" + EMPTY_CHUNKS + head(b"GET /2 HTTP/1.1"),
        answers=2,
        expect=Answered(statuses=(200, 200), bodies=(POST, b"GET /2 "), at_origin=(POST, b"GET /2 HTTP/1.1")),
        why="the end of a body is the begin of the next request, to the byte",
    ),
    Probe(
        name="pipeline: another host second",
        send=kept(b"GET /1 HTTP/1.1") + head(b"GET /2 HTTP/1.1", host=b"unknown.example.com"),
        answers=2,
        expect=_exactly(200, 421, at_origin=(b"GET /1 HTTP/1.1",)),
        why="each request is judged by its own Host, not by the connection's first",
    ),
    Probe(
        name="pipeline: denied path second",
        send=kept(b"GET /1 HTTP/1.1") + SMUGGLED + head(b"GET /3 HTTP/1.1"),
        answers=3,
        expect=_exactly(200, 403, 200, at_origin=(b"GET /1 HTTP/1.1", b"GET /3 HTTP/1.1")),
        why="each request is judged by its own path",
    ),
    Probe(
        name="pipeline: empty lines between",
        send=kept(b"GET /1 HTTP/1.1") + b"\r\n\r\n" + head(b"GET /2 HTTP/1.1"),
        answers=2,
        expect=any_of(
            _exactly(200, 200, at_origin=(b"GET /1 HTTP/1.1", b"GET /2 HTTP/1.1")), _exactly(200, 400, at_origin=(b"GET /1 HTTP/1.1",))
        ),
        why="old clients send a line break more; it is not a request (RFC 9112, 2.2)",
    ),
)
