"""The version in the request line, and things that are not HTTP at all."""

from __future__ import annotations

from tests.nginx.probes.expect import NO_ANSWER, Arrives, any_of, refused
from tests.nginx.probes.probe import HOST, Probe, head

LINE = b"GET / HTTP/1.1"
REFUSED: tuple[tuple[str, bytes, str], ...] = (
    ("HTTP/2.0", b"GET / HTTP/2.0", "HTTP/2 does not begin with a request line"),
    ("HTTP/3.0", b"GET / HTTP/3.0", "HTTP/3 does not begin with a request line"),
    ("HTTP/0.9 written out", b"GET / HTTP/0.9", "0.9 has no version and no headers"),
    ("lower case", b"GET / http/1.1", "the version is case-sensitive (RFC 9112, 2.3)"),
    ("no number", b"GET / HTTP/", "not a version"),
    ("no minor number", b"GET / HTTP/1", "not a version"),
    ("dot without a number", b"GET / HTTP/1.", "not a version"),
    ("letter after it", b"GET / HTTP/1.1x", "not a version"),
    ("word after it", b"GET / HTTP/1.1 HTTP/1.1", "parsers differ on what the target is"),
    ("comma", b"GET / HTTP/1,1", "not a version"),
    ("another protocol", b"GET / ICAP/1.0", "not HTTP"),
    ("number that wraps", b"GET / HTTP/65537.1", "modulo 2^16 it is 1"),
    ("minor number that wraps", b"GET / HTTP/1.65537", "modulo 2^16 it is 1"),
    ("bare CR at the end", b"GET / HTTP/1.1\r", "parsers differ on where the line ends"),
    ("NUL at the end", b"GET / HTTP/1.1\x00", "programs in C end the line there"),
)
# Nobody who speaks these is a client; saying nothing is as good as 400.
NOT_HTTP: tuple[tuple[str, bytes, str], ...] = (
    ("TLS ClientHello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n", "TLS ended at the load balancer"),
    ("SSH", b"SSH-2.0-OpenSSH_9.6\r\n", "scanners"),
    ("SOCKS 5", b"\x05\x01\x00" + b"\r\n\r\n", "scanners for open proxies"),
    ("SOCKS 4", b"\x04\x01\x01\xbb\x01\x02\x03\x04\x00\r\n\r\n", "scanners for open proxies"),
    ("SMTP", b"EHLO elsewhere.example\r\nMAIL FROM:<a@elsewhere.example>\r\n\r\n", "requests to one protocol that are read as another"),
    ("Redis", b"*1\r\n$4\r\nINFO\r\n", "scanners"),
    ("RTSP", b"OPTIONS rtsp://api.example.com RTSP/1.0\r\n\r\n", "scanners"),
    ("JSON", b'{"jsonrpc":"2.0","method":"x"}\r\n\r\n', "scanners"),
    ("binary", bytes(range(1, 32)) + b"\r\n\r\n", "scanners"),
)
PROXY_PROTOCOL = "whoever could say the client's address this way could be anyone; the load balancer does not send it here"
PROBES = (
    *(Probe(name=f"version: {n}", send=head(line), expect=refused(400, 505), why=why) for n, line, why in REFUSED),
    *(Probe(name=f"not HTTP: {n}", send=raw, expect=refused(400, NO_ANSWER), why=why) for n, raw, why in NOT_HTTP),
    Probe(
        name="version: HTTP/1.2",
        send=head(b"GET / HTTP/1.2"),
        expect=any_of(refused(400, 505), Arrives(line=LINE)),
        why="a higher minor version is read as the highest known (RFC 9110, 2.5)",
    ),
    Probe(
        name="version: zeros in front",
        send=head(b"GET / HTTP/01.01"),
        expect=any_of(refused(400, 505), Arrives(line=LINE)),
        why="one digit each (RFC 9112, 2.3); not passed on as it is",
    ),
    Probe(
        name="version: two spaces before it",
        send=head(b"GET /  HTTP/1.1"),
        expect=any_of(refused(400), Arrives(line=LINE)),
        why="lenient parsers take it (RFC 9112, 3); what is passed on has one",
    ),
    Probe(
        name="version: space after it",
        send=head(b"GET / HTTP/1.1 "),
        expect=any_of(refused(400), Arrives(line=LINE)),
        why="lenient parsers take it (RFC 9112, 3); what is passed on has none",
    ),
    Probe(
        name="version: tab before it",
        send=head(b"GET /\tHTTP/1.1"),
        expect=refused(400),
        why="some parsers take it for a space, others for a part of the target",
    ),
    Probe(
        name="version: HTTP/0.9",
        send=b"GET /\r\n",
        expect=refused(400, 421, 505, NO_ANSWER),
        why="it names no host, and its answer has no status",
    ),
    Probe(
        name="version: HTTP/0.9 in absolute form",
        send=b"GET http://" + HOST + b"/a\r\n",
        expect=refused(400, 421, 505, NO_ANSWER),
        why="its answer has no status and no end; nothing behind it could be told apart",
    ),
    Probe(
        name="version: bare LF line ends",
        send=head(LINE, b"X-A: 1").replace(b"\r\n", b"\n"),
        expect=any_of(refused(400), Arrives(line=LINE, has=(b"X-A: 1",))),
        why="lenient parsers take it (RFC 9112, 2.2); what is passed on has CRLF",
    ),
    Probe(
        name="version: empty lines before the request",
        send=b"\r\n\r\n" + head(LINE),
        expect=any_of(refused(400), Arrives(line=LINE)),
        why="to be skipped (RFC 9112, 2.2)",
    ),
    Probe(
        name="version: PROXY protocol 1",
        send=b"PROXY TCP4 203.0.113.99 127.0.0.1 5 443\r\n" + head(LINE),
        expect=refused(400, NO_ANSWER),
        why=PROXY_PROTOCOL,
    ),
    Probe(
        name="version: PROXY protocol 2",
        send=b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x63\x7f\x00\x00\x01\x00\x05\x01\xbb" + head(LINE),
        expect=refused(400, NO_ANSWER),
        why=PROXY_PROTOCOL,
    ),
)
