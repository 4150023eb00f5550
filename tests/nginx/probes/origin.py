"""An origin that answers wrongly: the client sees an error or an end, never a whole answer that is not one, and never another's."""

from __future__ import annotations

from tests.nginx.probes.expect import Answered, any_of
from tests.nginx.probes.probe import HOST, IMPATIENT_HOST, Expectation, Probe, Says, Then, Wait, head, kept
from tests.nginx.probes.responses import slug

OK = b"HTTP/1.1 200 OK\r\n"
HELLO = b"Content-Length: 5\r\n\r\nhello"
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nX-Evil: 1\r\n\r\nevil"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
NEXT = b"GET /next HTTP/1.1"
BAD_GATEWAY = Answered(statuses=(502,))
CUT_OFF = any_of(Answered(statuses=(200,), cut_off=True), BAD_GATEWAY, Answered(statuses=()))
WHOLE = Answered(statuses=(200,), exact=b"hello")


def _says(
    name: str,
    answer: bytes | tuple[bytes | Wait, ...],
    expect: Expectation,
    why: str,
    *,
    then: Then = Then.CLOSE,
    host: bytes = HOST,
    missing: str = "",
) -> Probe:
    name = f"origin: {name}"
    return Probe(
        name=name,
        send=head(b"GET /says/" + slug(name) + b" HTTP/1.1", host=host),
        says=Says((answer,) if isinstance(answer, bytes) else answer, then),
        expect=expect,
        why=why,
        missing=missing,
    )


def _followed(name: str, answer: tuple[bytes | Wait, ...], statuses: tuple[int, ...], why: str, *, method: bytes = b"GET") -> Probe:
    """Two requests on one client connection; the second one's answer has to be its own."""
    name = f"origin, then the next request: {name}"
    first = method + b" /says/" + slug(name) + b" HTTP/1.1"
    return Probe(
        name=name,
        send=(kept(first), Wait(0.15), head(NEXT)),
        says=Says(answer),
        answers=len(statuses),
        expect=Answered(statuses=statuses, bodies=(*[b""] * (len(statuses) - 1), NEXT), lacks=(b"x-evil",)),
        why=why,
    )


TWO_WAYS = "two parsers, two ends of the answer: what is between belongs to nobody"
NO_FRAME = "it cannot be known where it ends"
NOT_HTTP = "what is not HTTP is not passed on as if it were"
HTTP_09 = "nginx takes it for HTTP/0.9 and passes the bytes on without a status line; no directive (nginx/nginx issue 1501)"
WHOLE_LOOKS = "half an answer must not look whole, nor be cached as such"
LATE = "nobody asked for it: it must not become the next client's answer"
PROBES = (
    _says("CL and TE", OK + b"Content-Length: 5\r\n" + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", any_of(BAD_GATEWAY, WHOLE), TWO_WAYS),
    _says(
        "TE and CL",
        OK + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        any_of(BAD_GATEWAY, WHOLE),
        TWO_WAYS,
    ),
    _says("CL twice, different", OK + b"Content-Length: 5\r\nContent-Length: 4\r\n\r\nhello", BAD_GATEWAY, TWO_WAYS),
    _says("CL list", OK + b"Content-Length: 5, 4\r\n\r\nhello", BAD_GATEWAY, TWO_WAYS),
    _says("CL negative", OK + b"Content-Length: -5\r\n\r\nhello", BAD_GATEWAY, NO_FRAME),
    _says("CL with a plus", OK + b"Content-Length: +5\r\n\r\nhello", BAD_GATEWAY, TWO_WAYS),
    _says("CL hexadecimal", OK + b"Content-Length: 0x5\r\n\r\nhello", BAD_GATEWAY, TWO_WAYS),
    _says("CL beyond 64 bits", OK + b"Content-Length: 18446744073709551621\r\n\r\nhello", BAD_GATEWAY, TWO_WAYS),
    _says("TE unknown", OK + b"Transfer-Encoding: xchunked\r\n\r\nhello", BAD_GATEWAY, NO_FRAME),
    _says("TE gzip, chunked", OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", BAD_GATEWAY, NO_FRAME),
    _says("TE twice", OK + b"Transfer-Encoding: chunked\r\n" + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", BAD_GATEWAY, TWO_WAYS),
    _says("CL longer than the body", OK + b"Content-Length: 50\r\n\r\nhello", CUT_OFF, WHOLE_LOOKS),
    _says("CL shorter than the body", OK + HELLO + b", world", WHOLE, "what is beyond the length is not the answer"),
    _says("chunks without an end", OK + CHUNKED + b"5\r\nhello\r\n", CUT_OFF, WHOLE_LOOKS),
    _says("half a chunk", OK + CHUNKED + b"50\r\nhello", CUT_OFF, WHOLE_LOOKS),
    _says("chunk size that is none", OK + CHUNKED + b"zz\r\nhello\r\n0\r\n\r\n", CUT_OFF, WHOLE_LOOKS),
    _says("chunk size beyond 64 bits", OK + CHUNKED + b"10000000000000005\r\nhello\r\n0\r\n\r\n", CUT_OFF, "modulo 2^64 it is 5"),
    _says("chunk longer than its size", OK + CHUNKED + b"3\r\nhello\r\n0\r\n\r\n", CUT_OFF, TWO_WAYS),
    _says("no length, then the end", OK + b"\r\nhello", WHOLE, "the oldest framing: the end of the connection is the end of the answer"),
    _says("HTTP/1.0 with a length", b"HTTP/1.0 200 OK\r\n" + HELLO, WHOLE, "old origins exist"),
    _says("HTTP/1.0 without a length", b"HTTP/1.0 200 OK\r\n\r\nhello", WHOLE, "old origins exist"),
    _says("reset in the body", (OK + b"Content-Length: 50\r\n\r\nhello", Wait(0.05)), CUT_OFF, WHOLE_LOOKS, then=Then.RESET),
    _says("100 before the answer", b"HTTP/1.1 100 Continue\r\n\r\n" + OK + HELLO, WHOLE, "it is not the answer yet"),
    _says("102 before the answer", b"HTTP/1.1 102 Processing\r\n\r\n" + OK + HELLO, WHOLE, "it is not the answer yet"),
    _says("103 before the answer", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK + HELLO, WHOLE, "it is not the answer yet"),
    _says("100 many times", b"HTTP/1.1 100 Continue\r\n\r\n" * 50 + OK + HELLO, any_of(WHOLE, BAD_GATEWAY), "it is not the answer yet"),
    _says("nothing", (), BAD_GATEWAY, "an end is not an answer"),
    _says("reset at once", (), BAD_GATEWAY, "an end is not an answer", then=Then.RESET),
    _says("half a status line", b"HTTP/1.1 20", BAD_GATEWAY, "an end is not an answer"),
    _says("half a head", OK + b"X-A: 1\r\n", BAD_GATEWAY, "an end is not an answer"),
    _says("HTTP/0.9", b"hello", BAD_GATEWAY, NOT_HTTP, missing=HTTP_09),
    _says("another protocol", b"220 mail.example.net ESMTP\r\n", BAD_GATEWAY, NOT_HTTP, missing=HTTP_09),
    _says("HTTP/2.0", b"HTTP/2.0 200 OK\r\n" + HELLO, any_of(BAD_GATEWAY, WHOLE), NOT_HTTP),
    _says("version in lower case", b"http/1.1 200 OK\r\n" + HELLO, BAD_GATEWAY, NOT_HTTP, missing=HTTP_09),
    _says("no status", b"HTTP/1.1 OK\r\n" + HELLO, BAD_GATEWAY, NOT_HTTP, missing=HTTP_09),
    _says("status of two digits", b"HTTP/1.1 20 OK\r\n" + HELLO, BAD_GATEWAY, NOT_HTTP, missing=HTTP_09),
    _says("status of four digits", b"HTTP/1.1 2000 OK\r\n" + HELLO, BAD_GATEWAY, NOT_HTTP, missing=HTTP_09),
    _says("status below 100", b"HTTP/1.1 042 OK\r\n" + HELLO, BAD_GATEWAY, NOT_HTTP, missing="nginx passes any three digits"),
    _says("folded header", OK + b"X-A: 1\r\n X-Evil: 2\r\n" + HELLO, BAD_GATEWAY, "parsers differ on whose line it is"),
    _says("space before a colon", OK + b"Content-Length : 9\r\n" + HELLO, BAD_GATEWAY, "parsers differ on whose line it is"),
    _says(
        "line without a colon",
        OK + b"X-A\r\n" + HELLO,
        any_of(BAD_GATEWAY, Answered(statuses=(200,), lacks=(b"x-a", b"200 ok\r\nhttp"), exact=b"hello")),
        "not a header: refused or dropped",
        missing="nginx passes it on as a header without a value (nginx/nginx issue 1499)",
    ),
    _says("NUL in a value", OK + b"X-A: a\x00b\r\n" + HELLO, BAD_GATEWAY, "programs in C end the value there"),
    _says("bare CR in a value", OK + b"X-A: a\rX-Evil: 1\r\n" + HELLO, BAD_GATEWAY, "some clients end the line there"),
    _says(
        "two status lines",
        OK + OK + HELLO,
        any_of(BAD_GATEWAY, Answered(statuses=(200,), lacks=(b"x-a", b"200 ok\r\nhttp"), exact=b"hello")),
        "the second is no header",
    ),
    _says(
        "bare LF line ends",
        b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
        any_of(BAD_GATEWAY, WHOLE),
        "lenient parsers take it; passed on has CRLF",
    ),
    _says("head without an end", OK + b"X-A: " + b"x" * 200_000, BAD_GATEWAY, "memory for one answer is bounded"),
    _says(
        "hangs before the head",
        (),
        Answered(statuses=(504,)),
        "the site's read_timeout bounds how long a client waits for nothing",
        then=Then.HANG,
        host=IMPATIENT_HOST,
    ),
    _says("hangs in the head", OK + b"X-A: 1", Answered(statuses=(504,)), "as before it", then=Then.HANG, host=IMPATIENT_HOST),
    _says("hangs in the body", OK + b"Content-Length: 50\r\n\r\nhello", CUT_OFF, WHOLE_LOOKS, then=Then.HANG, host=IMPATIENT_HOST),
    _says("hangs in a chunk", OK + CHUNKED + b"5\r\nhel", CUT_OFF, WHOLE_LOOKS, then=Then.HANG, host=IMPATIENT_HOST),
    _followed("another answer right behind", (OK + HELLO + EVIL,), (200, 200), LATE),
    _followed("another answer a little later", (OK + HELLO, Wait(0.05), EVIL), (200, 200), LATE),
    _followed("another answer behind the last chunk", (OK + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + EVIL,), (200, 200), LATE),
    _followed("another answer behind 204", (b"HTTP/1.1 204 No Content\r\n\r\n" + EVIL,), (204, 200), LATE),
    _followed("204 with a body", (b"HTTP/1.1 204 No Content\r\n" + HELLO,), (204, 200), "204 has no body (RFC 9110, 15.3.5)"),
    _followed("204 with chunks", (b"HTTP/1.1 204 No Content\r\n" + CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",), (204, 200), "204 has no body"),
    _followed("304 with a body", (b"HTTP/1.1 304 Not Modified\r\n" + HELLO,), (304, 200), "304 has no body (RFC 9110, 15.4.5)"),
    _followed(
        "304 with a length",
        (b'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: "a"\r\n\r\n',),
        (304, 200),
        "a length without a body",
    ),
    _followed("HEAD with a body", (OK + HELLO,), (200, 200), "an answer to HEAD has no body", method=b"HEAD"),
    _followed("HEAD with another answer behind", (OK + b"Content-Length: 4\r\n\r\n" + EVIL,), (200, 200), LATE, method=b"HEAD"),
    _followed(
        "HTTP/1.0 that keeps the connection", (b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + HELLO,), (200, 200), "old origins exist"
    ),
    _followed("a line break more than needed", (OK + HELLO + b"\r\n",), (200, 200), "it must not be the begin of the next answer"),
    _followed("100 behind the answer", (OK + HELLO + b"HTTP/1.1 100 Continue\r\n\r\n",), (200, 200), LATE),
)
