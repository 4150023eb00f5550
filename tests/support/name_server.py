"""A DNS server for tests: it answers A questions from a dictionary that a test may change while it runs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dnslib import QTYPE, RCODE, RR, A, DNSRecord
from dnslib.server import BaseResolver, DNSLogger, DNSServer

SILENCE = 30


@dataclass
class NameServer(BaseResolver):  # type: ignore[misc] # dnslib has no types
    """`addresses`: name -> A records. A name in `silent` gets no answer, any other unknown name NXDOMAIN."""

    address: str
    port: int
    addresses: dict[str, list[str]] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)

    def resolve(self, request: DNSRecord, _handler: object) -> DNSRecord:
        name = str(request.q.qname).rstrip(".").lower()
        if name in self.silent:
            time.sleep(SILENCE)  # in a daemon thread of its own; the resolver has given up long before
        reply = request.reply()
        if name not in self.addresses:
            reply.header.rcode = RCODE.NXDOMAIN
        elif request.q.qtype == QTYPE.A:
            for ip in self.addresses[name]:
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(ip), ttl=1))
        return reply


@contextmanager
def name_server(address: str, port: int) -> Iterator[NameServer]:
    resolver = NameServer(address, port)
    server = DNSServer(resolver, address=address, port=port, logger=DNSLogger("-request,-reply"))
    server.server.daemon_threads = True
    server.start_thread()
    try:
        yield resolver
    finally:
        server.stop()
        server.server.server_close()
