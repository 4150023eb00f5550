"""The stand-in for an origin of a plain port: it says which one it is, and then what it hears."""

from __future__ import annotations

import socketserver
import threading
from dataclasses import dataclass

_POLL_SECONDS = 0.1


@dataclass
class Echo:
    greeting: str
    server: socketserver.ThreadingTCPServer

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def serve(address: tuple[str, int], greeting: str) -> Echo:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.sendall(f"{greeting}\n".encode())
            while data := self.request.recv(65536):
                self.request.sendall(data)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A peer that resets its connection is nothing to write down."""

    server = Server(address, Handler)
    threading.Thread(target=server.serve_forever, args=(_POLL_SECONDS,), name="plane-echo", daemon=True).start()
    return Echo(greeting, server)
