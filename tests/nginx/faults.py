"""The ways in which an origin fails, and what a client is told of each."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import trustme

from tests.support.hostile_origin import OK, Conversation, Origin, deaf, full, origin

CONNECT, READ = 1, 1
CUT = "cut"


@dataclass(frozen=True)
class Fault:
    """`status` is what a client is told when there is no other address; CUT is an answer whose end is missing, as the client can see.

    `sent`: the origin has the request and may act on it. `waits`: seconds of silence until nginx gives the address up.
    """

    at: Callable[[str, trustme.CA], AbstractContextManager[object]]
    status: int | str
    sent: bool = False
    waits: int = 0


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def good_context(authority: trustme.CA) -> ssl.SSLContext:
    return _context(authority.issue_cert("*.example.net"))


def _expired(address: str, authority: trustme.CA) -> AbstractContextManager[Origin]:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    return origin(address, _context(authority.issue_cert("*.example.net", not_after=yesterday)), serve)


def _misnamed(address: str, authority: trustme.CA) -> AbstractContextManager[Origin]:
    return origin(address, _context(authority.issue_cert("www.example.org")), serve)


def _strange(address: str, _authority: trustme.CA) -> AbstractContextManager[Origin]:
    return origin(address, good_context(trustme.CA()), serve)


def _self_signed(address: str, _authority: trustme.CA) -> AbstractContextManager[Origin]:
    own = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with own.cert_pem.tempfile() as chain, own.private_key_pem.tempfile() as key:
        context.load_cert_chain(chain, key)
    return origin(address, context, serve)


def serve(client: Conversation) -> None:
    while True:
        client.read()
        client.send(OK)


def _speaks(*steps: bytes | Callable[[Conversation], None]) -> Callable[[str, trustme.CA], AbstractContextManager[Origin]]:
    """After the request, each step in turn; then the connection is closed."""

    def speak(client: Conversation) -> None:
        client.read()
        for step in steps:
            if isinstance(step, bytes):
                client.send(step)
            else:
                step(client)

    return lambda address, authority: origin(address, good_context(authority), speak)


def _let_it_arrive(client: Conversation) -> None:
    """A reset overtakes what was sent just before it."""
    client.hang(0.2)


HANG, RESET = Conversation.hang, Conversation.reset
HALF_A_HEAD = b"HTTP/1.1 200 OK\r\nContent-Le"
HALF_A_BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n0123456789"
HALF_THE_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\n0123456789\r\n"

FAULTS = {
    "refuses": Fault(lambda _address, _authority: nullcontext(), 502),
    "is full": Fault(lambda address, _authority: full(address), 504, waits=CONNECT),
    "resets": Fault(lambda address, _authority: origin(address, None, serve), 502),
    "hangs in the handshake": Fault(lambda address, _authority: deaf(address), 504, waits=CONNECT),
    "has an expired certificate": Fault(_expired, 502),
    "has another's certificate": Fault(_misnamed, 502),
    "has a strange authority": Fault(_strange, 502),
    "has signed for itself": Fault(_self_signed, 502),
    "hangs before the head": Fault(_speaks(HANG), 504, sent=True, waits=READ),
    "closes before the head": Fault(_speaks(), 502, sent=True),
    "resets before the head": Fault(_speaks(RESET), 502, sent=True),
    "hangs in the head": Fault(_speaks(HALF_A_HEAD, HANG), 504, sent=True, waits=READ),
    "closes in the head": Fault(_speaks(HALF_A_HEAD), 502, sent=True),
    "resets in the head": Fault(_speaks(HALF_A_HEAD, _let_it_arrive, RESET), 502, sent=True),
    "hangs in the body": Fault(_speaks(HALF_A_BODY, HANG), CUT, sent=True, waits=READ),
    "closes in the body": Fault(_speaks(HALF_A_BODY), CUT, sent=True),
    "resets in the body": Fault(_speaks(HALF_A_BODY, _let_it_arrive, RESET), CUT, sent=True),
    "hangs between chunks": Fault(_speaks(HALF_THE_CHUNKS, HANG), CUT, sent=True, waits=READ),
    "closes between chunks": Fault(_speaks(HALF_THE_CHUNKS), CUT, sent=True),
    "resets between chunks": Fault(_speaks(HALF_THE_CHUNKS, _let_it_arrive, RESET), CUT, sent=True),
}
NUMBERS = {fault: number for number, fault in enumerate(FAULTS)}
