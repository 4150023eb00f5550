"""Origins of further ports: they say their name and send back what they got when the client has said all."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def tcp_origin(address: str, port: int, name: str, context: ssl.SSLContext | None = None) -> Iterator[None]:
    """With `context` the client's TLS ends here, and a line is an end, since TLS has no half-closed connections."""
    with socket.create_server((address, port), backlog=64) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, name.encode(), context), daemon=True)
        accepting.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, name: bytes, context: ssl.SSLContext | None) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:  # shut down
            return
        threading.Thread(target=_speak, args=(plain, name, context), daemon=True).start()


def _speak(plain: socket.socket, name: bytes, context: ssl.SSLContext | None) -> None:
    plain.settimeout(30)
    with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) if context else plain as sock:
        sock.sendall(name + b":")
        got = b""
        while not (context and got.endswith(b"\n")) and (part := sock.recv(1 << 16)):
            got += part
        sock.sendall(got)
        if isinstance(sock, ssl.SSLSocket):
            sock.unwrap()
