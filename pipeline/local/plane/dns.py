"""The VPC's resolver: every name leads to the stand-in origin, or to an address of its own, until somebody moves them."""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass, field

TTL_SECONDS = 2


@dataclass
class NameServer:
    """`answer` may be changed while it runs: that is an origin whose address changes. None: every name is unknown.

    `own` has the names that lead elsewhere.
    """

    answer: str | None
    address: tuple[str, int]
    server: socketserver.ThreadingUDPServer
    own: dict[str, str] = field(default_factory=dict)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def serve(address: tuple[str, int], answer: str) -> NameServer:
    from dnslib import QTYPE, RCODE, RR, A, DNSRecord

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            question = DNSRecord.parse(data)
            reply = question.reply()
            if names.answer is None:
                reply.header.rcode = RCODE.NXDOMAIN
            elif question.q.qtype == QTYPE.A:
                name = str(question.q.qname).rstrip(".").lower()
                reply.add_answer(RR(question.q.qname, QTYPE.A, rdata=A(names.own.get(name, names.answer)), ttl=TTL_SECONDS))
            sock.sendto(reply.pack(), self.client_address)

    class Server(socketserver.ThreadingUDPServer):
        daemon_threads = True

    server = Server(address, Handler)
    names = NameServer(answer, address, server)
    threading.Thread(target=server.serve_forever, name="plane-dns", daemon=True).start()
    return names
