"""The VPC's resolver: every name leads to a stand-in."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from dataclasses import dataclass

TTL_SECONDS = 2
Answer = Callable[[str], str | None]


@dataclass
class NameServer:
    """`answer` may be changed while it runs: that is an origin whose address changes. What it knows no address of does not exist."""

    answer: Answer
    address: tuple[str, int]
    server: socketserver.ThreadingUDPServer

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def serve(address: tuple[str, int], answer: Answer) -> NameServer:
    from dnslib import QTYPE, RCODE, RR, A, DNSRecord

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data, sock = self.request
            question = DNSRecord.parse(data)
            reply = question.reply()
            found = names.answer(str(question.q.qname).rstrip(".").lower())
            if found is None:
                reply.header.rcode = RCODE.NXDOMAIN
            elif question.q.qtype == QTYPE.A:
                reply.add_answer(RR(question.q.qname, QTYPE.A, rdata=A(found), ttl=TTL_SECONDS))
            sock.sendto(reply.pack(), self.client_address)

    class Server(socketserver.ThreadingUDPServer):
        daemon_threads = True

    server = Server(address, Handler)
    names = NameServer(answer, address, server)
    threading.Thread(target=server.serve_forever, name="plane-dns", daemon=True).start()
    return names
