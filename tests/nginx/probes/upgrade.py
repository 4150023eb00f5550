"""Leaving HTTP: only to WebSocket, only where the site allows it, and only as the client asked."""

from __future__ import annotations

from tests.nginx.probes.expect import Answered, Arrives, any_of, refused
from tests.nginx.probes.framing import SMUGGLED
from tests.nginx.probes.probe import IMPATIENT_HOST, WEBSOCKET_HOST, Probe, Says, Then, Until, Wait, kept
from tests.nginx.probes.responses import slug

LINE = b"GET /chat HTTP/1.1"
UPGRADE = b"Connection: Upgrade"
KEY = (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", b"Sec-WebSocket-Version: 13")
SWITCHED = Until(b"\r\n\r\n")
TUNNEL = "past an upgrade nothing is checked any more"
GONE = (b"connection:", b"\r\nupgrade:", b"http2-settings:")


def _ask(upgrade: bytes, *lines: bytes, host: bytes, connection: bytes = UPGRADE) -> bytes:
    return kept(LINE, connection, b"Upgrade: " + upgrade, *KEY, *lines, host=host)


def _stays_http(name: str, upgrade: bytes, *lines: bytes, host: bytes, why: str = TUNNEL, connection: bytes = UPGRADE) -> Probe:
    raw = kept(LINE, *([connection] if connection else []), b"Upgrade: " + upgrade, *lines, host=host)
    return Probe(name=f"no upgrade: {name}", send=raw, expect=any_of(refused(400), Arrives(line=LINE, lacks=GONE)), why=why)


SETTINGS = b"HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA"
API = b"api.example.com"
PROBES = (
    *(
        Probe(
            name=f"upgrade: {name}",
            send=(_ask(upgrade, host=WEBSOCKET_HOST, connection=connection), SWITCHED, b"there ", Until(b"there "), b"and back"),
            expect=Answered(statuses=(101,), tunnel=b"there and back", at_origin=(LINE,), has=(b"Upgrade: websocket",)),
            why="the site allows it, and bytes pass both ways",
        )
        for name, upgrade, connection in (
            ("websocket", b"websocket", UPGRADE),
            ("WebSocket", b"WebSocket", b"connection: upgrade"),
            ("keep-alive, Upgrade", b"websocket", b"Connection: keep-alive, Upgrade"),
        )
    ),
    Probe(
        name="upgrade: what the origin sees",
        send=_ask(b"websocket", b"Sec-WebSocket-Protocol: chat, superchat", host=WEBSOCKET_HOST),
        expect=Arrives(
            line=LINE, status=101, has=(b"Upgrade: websocket", b"Connection: upgrade", b"Sec-WebSocket-Protocol: chat, superchat", *KEY)
        ),
        why="the handshake is between the client and the origin",
    ),
    Probe(
        name="upgrade: bytes right behind the request",
        send=_ask(b"websocket", host=WEBSOCKET_HOST) + b"early",
        expect=Answered(statuses=(101,), tunnel=b"early", at_origin=(LINE,)),
        why="a fast client's first frame must not get lost, nor be read as a request",
    ),
    Probe(
        name="upgrade: request behind one that the origin declines",
        send=kept(
            b"GET /says/upgrade-request-behind-one-that-the-origin-declines HTTP/1.1", UPGRADE, b"Upgrade: websocket", host=WEBSOCKET_HOST
        )
        + SMUGGLED,
        says=Says((b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 13\r\nContent-Length: 0\r\n\r\n",)),
        answers=2,
        expect=Answered(statuses=(426, 403)),
        why="without 101 the connection stays HTTP, and the next request is judged by the rules",
    ),
    Probe(
        name="upgrade: on a denied path",
        send=kept(b"GET /admin/ HTTP/1.1", UPGRADE, b"Upgrade: websocket", *KEY, host=WEBSOCKET_HOST),
        expect=refused(403),
        why="a path rule stands above an upgrade",
    ),
    Probe(
        name="upgrade: origin switches to something else",
        send=kept(
            b"GET /says/upgrade-origin-switches-to-something-else HTTP/1.1", UPGRADE, b"Upgrade: websocket", *KEY, host=WEBSOCKET_HOST
        ),
        says=Says((b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\r\n",), Then.CLOSE),
        expect=any_of(Answered(statuses=(101,)), Answered(statuses=(502,))),
        why="the tunnel ends when the origin ends it",
    ),
    *(
        _stays_http(f"{name} where WebSocket is allowed", upgrade, *lines, host=WEBSOCKET_HOST)
        for name, upgrade, lines in (
            ("h2c", b"h2c", (SETTINGS,)),
            ("websocket, h2c", b"websocket, h2c", (SETTINGS,)),
            ("h2c, websocket", b"h2c, websocket", (SETTINGS,)),
            ("TLS", b"TLS/1.0, HTTP/1.1", ()),
            ("websocket/13", b"websocket/13", ()),
        )
    ),
    *(
        _stays_http(f"{name} where it is not", upgrade, *lines, host=API)
        for name, upgrade, lines in (
            ("websocket", b"websocket", KEY),
            ("h2c", b"h2c", (SETTINGS,)),
            ("anything", b"anything", ()),
            ("connect-udp", b"connect-udp", ()),
        )
    ),
    Probe(
        name="no upgrade: two Upgrade lines",
        send=kept(LINE, UPGRADE, b"Upgrade: websocket", b"Upgrade: h2c", *KEY, host=WEBSOCKET_HOST),
        expect=any_of(
            refused(400), Arrives(line=LINE, lacks=GONE), Arrives(line=LINE, status=101, has=(b"Upgrade: websocket",), lacks=(b"h2c",))
        ),
        why="the second name must not pass behind the first",
    ),
    _stays_http(
        "websocket that Connection does not name",
        b"websocket",
        *KEY,
        host=WEBSOCKET_HOST,
        connection=b"",
        why="without the connection option, Upgrade is to be ignored (RFC 9110, 7.8)",
    ),
    Probe(
        name="no upgrade: HTTP/1.0",
        send=b"GET /chat HTTP/1.0\r\nHost: " + WEBSOCKET_HOST + b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        expect=any_of(refused(400), Arrives(line=LINE, lacks=GONE)),
        why="an upgrade that HTTP/1.0 asks for is to be ignored (RFC 9110, 7.8)",
    ),
    Probe(
        name="no upgrade: bytes right behind the request",
        send=kept(LINE, b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", SETTINGS) + SMUGGLED,
        answers=2,
        expect=any_of(refused(400), Answered(statuses=(200, 403), at_origin=(LINE,))),
        why="what was not upgraded is HTTP, and the next request is judged by the rules",
    ),
    *(
        Probe(
            name=f"no upgrade: {name}",
            send=(
                kept(b"GET /says/" + slug(f"no upgrade: {name}") + b" HTTP/1.1", *lines, host=IMPATIENT_HOST),
                Wait(0.05),
                b"into the tunnel",
            ),
            says=Says((b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nout of the tunnel",), Then.HANG),
            expect=any_of(Answered(statuses=(502,)), Answered(statuses=(504,))),
            why="an origin may not leave HTTP on its own: nothing that passes after that is seen, judged or logged",
            missing=missing,
        )
        for name, lines, missing in (
            ("origin switches although nobody asked", (), "nginx passes such a 101 on, and nothing after it"),
            (
                "origin switches although only the client asked",
                (UPGRADE, b"Upgrade: h2c"),
                "nginx looks at the client's Upgrade, not at what it sent; only refusing such requests would help",
            ),
        )
    ),
)
