"""A DNS server for tests: it answers A questions from dictionaries that a test may change while it runs."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from dnslib import QTYPE, RCODE, RR, A, DNSError, DNSRecord

# A question -> the datagrams that answer it, right or wrong; none is silence.
Script = Callable[[DNSRecord], Sequence[bytes]]


@dataclass
class NameServer:
    """`addresses`: name -> A records. One in `scripts` is answered so, one in `silent` never, an unknown one is NXDOMAIN."""

    address: str
    port: int
    addresses: dict[str, list[str]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    scripts: dict[str, Script] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def answers(self, question: DNSRecord) -> Sequence[bytes]:
        name = name_of(question)
        self.asked[name] += 1
        if name in self.scripts:
            return self.scripts[name](question)
        if name in self.silent:
            return ()
        reply = question.reply()
        if name not in self.addresses:
            reply.header.rcode = RCODE.NXDOMAIN
        elif question.q.qtype == QTYPE.A:
            for ip in self.addresses[name]:
                reply.add_answer(RR(question.q.qname, QTYPE.A, rdata=A(ip), ttl=1))
        return (reply.pack(),)


def name_of(question: DNSRecord) -> str:
    return str(question.q.qname).rstrip(".").lower()


@contextmanager
def name_server(address: str, port: int) -> Iterator[NameServer]:
    server = NameServer(address, port)
    with listening(server):
        yield server


@contextmanager
def listening(server: NameServer) -> Iterator[None]:
    """What the server knows outlives this, so that a test can take it away and bring it back."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((server.address, server.port))
        thread = threading.Thread(target=_serve, args=(sock, server), daemon=True)
        thread.start()
        try:
            yield
        finally:
            with suppress(OSError):  # it is not connected, but the thread's recvfrom ends
                sock.shutdown(socket.SHUT_RD)
            thread.join()


def _serve(sock: socket.socket, server: NameServer) -> None:
    while True:
        data, client = sock.recvfrom(4096)
        if not data:
            return
        with suppress(DNSError):
            for datagram in server.answers(DNSRecord.parse(data)):
                sock.sendto(datagram, client)
