"""Chunked bodies: what has one reading is passed on in the proxy's own framing, what has two is refused."""

from __future__ import annotations

from tests.nginx.probes.expect import Arrives, NotServed, any_of, refused
from tests.nginx.probes.framing import SMUGGLED
from tests.nginx.probes.probe import Expectation, Probe, head, kept

LINE = b"POST /c HTTP/1.1"
LAST = b"0\r\n\r\n"
STATUSES = (400, 413)


def _or_normal(body: bytes) -> Expectation:
    return any_of(NotServed(), Arrives(line=LINE, body=body, lacks=(b"content-length: 0",)))


TWO_WAYS = "parsers differ on this, and what one skips another takes for a request"
# Name, body, reason.
REFUSED: tuple[tuple[str, bytes, str], ...] = (
    ("0x before a size", b"0x5\r\nhello\r\n" + LAST, "some number parsers take it, some read 0"),
    ("plus before a size", b"+5\r\nhello\r\n" + LAST, "some number parsers take it"),
    ("minus before a size", b"-5\r\nhello\r\n" + LAST, "some number parsers take it"),
    ("underscore in a size", b"0_5\r\nhello\r\n" + LAST, "some number parsers take it, some read 0"),
    ("not a digit", b"g\r\nhello\r\n" + LAST, "not a size"),
    ("empty size", b"\r\nhello\r\n" + LAST, "some parsers read 0"),
    ("only an extension", b";a=b\r\nhello\r\n" + LAST, "some parsers read 0"),
    ("size beyond 64 bits", b"10000000000000005\r\nhello\r\n" + LAST, "modulo 2^64 it is 5"),
    ("size of 64 bits", b"FFFFFFFFFFFFFFFB\r\nhello\r\n" + LAST, "as a signed number it is -5"),
    ("size of seventeen digits", b"FFFFFFFFFFFFFFFFF\r\nhello\r\n" + LAST, "no chunk is that large"),
    ("data longer than its size", b"5\r\nhelloX\r\n" + LAST, TWO_WAYS),
    ("data shorter than its size", b"6\r\nhello\r\n" + LAST, TWO_WAYS),
    ("no line break after data", b"5\r\nhello" + LAST, TWO_WAYS),
    ("two spaces for a line break", b"5\r\nhello  " + LAST, "a parser that skips two bytes sees nothing wrong"),
    ("request in place of a line break", b"5\r\nhello" + SMUGGLED, TWO_WAYS),
    ("NUL in a size", b"5\x00\r\nhello\r\n" + LAST, "programs in C read 5"),
    ("garbage after a bare CR", b"5\rX\nhello\r\n" + LAST, TWO_WAYS),
)
# Name, body, decoded body, reason.
ONE_READING: tuple[tuple[str, bytes, bytes, str], ...] = (
    ("several chunks", b"2\r\nhe\r\n3\r\nllo\r\n" + LAST, b"hello", "the plain case"),
    ("no chunk but the last", LAST, b"", "an empty body is a body"),
    ("upper and lower case digits", b"a\r\n0123456789\r\nA\r\n0123456789\r\n" + LAST, b"0123456789" * 2, "hexadecimal has no case"),
    ("zeros before a size", b"0005\r\nhello\r\n" + b"000\r\n\r\n", b"hello", "zeros in front mean nothing"),
    ("extension", b"5;a=b;c\r\nhello\r\n" + LAST, b"hello", "extensions are for this hop, and are dropped"),
    ("extension in quotes", b'5;a="b;c"\r\nhello\r\n' + LAST, b"hello", "extensions are for this hop, and are dropped"),
    ("trailers", b"5\r\nhello\r\n0\r\nX-Checksum: 1\r\n\r\n", b"hello", "a trailer must not become a header"),
    ("request in a chunk", b"%x\r\n" % len(SMUGGLED) + SMUGGLED + b"\r\n" + LAST, SMUGGLED, "a body stays a body"),
    ("chunk end in a chunk", b"5\r\n" + LAST + b"\r\n" + LAST, LAST, "a body stays a body"),
)
EITHER: tuple[tuple[str, bytes, str], ...] = (
    ("space after a size", b"5 \r\nhello\r\n" + LAST, "old servers pad sizes"),
    ("tab after a size", b"5\t\r\nhello\r\n" + LAST, "old servers pad sizes"),
    ("two sizes in a line", b"5 5\r\nhello\r\n" + LAST, "nginx takes the second one for an extension"),
    ("space before a size", b" 5\r\nhello\r\n" + LAST, "some number parsers skip it"),
    ("bare LF after a size", b"5\nhello\r\n" + LAST, "lenient parsers take it"),
    ("bare LF after data", b"5\r\nhello\n" + LAST, "lenient parsers take it"),
    ("bare LF in an extension", b"5;\nhello\r\n" + LAST, "TERM.EXT: a parser that looks for CRLF reads the data as extension"),
    ("bare CR in an extension", b"5;a\rb\r\nhello\r\n" + LAST, "parsers differ on where the line ends"),
    ("bare LF at the end", b"5\r\nhello\r\n0\n\n", "lenient parsers take it"),
    ("extension of 100,000 bytes", b"5;" + b"a" * 100_000 + b"\r\nhello\r\n" + LAST, "read and dropped, or refused, but not kept"),
)
FORBIDDEN_TRAILERS = (b"Content-Length: 9", b"Transfer-Encoding: chunked", b"Host: unknown.example.com", b"X-Forwarded-For: 203.0.113.99")

CHUNKED = head(LINE, b"Transfer-Encoding: chunked")
PROBES = (
    *(
        # Kept open, so that what is smuggled behind it would be answered.
        Probe(name=f"chunks: {n}", send=kept(LINE, b"Transfer-Encoding: chunked") + body, expect=NotServed(), why=why)
        for n, body, why in REFUSED
    ),
    *(
        Probe(name=f"chunks: {n}", send=CHUNKED + body, expect=Arrives(line=LINE, body=decoded), why=why)
        for n, body, decoded, why in ONE_READING
    ),
    *(Probe(name=f"chunks: {n}", send=CHUNKED + body, expect=_or_normal(b"hello"), why=why) for n, body, why in EITHER),
    *(
        Probe(
            name=f"chunks: trailer {line.partition(b':')[0].decode()}",
            send=CHUNKED + b"5\r\nhello\r\n0\r\n" + line + b"\r\n\r\n",
            expect=any_of(NotServed(), Arrives(line=LINE, body=b"hello", lacks=(line,) if b"chunked" not in line else ())),
            why="a trailer comes too late to say how a request is framed or who sent it (RFC 9110, 6.5.1)",
        )
        for line in FORBIDDEN_TRAILERS
    ),
    Probe(
        name="chunks: request line in place of a size",
        send=kept(LINE, b"Transfer-Encoding: chunked") + SMUGGLED,
        expect=any_of(NotServed(), refused(*STATUSES)),
        why="what is announced as chunks is not read as a request",
    ),
)
