"""TLS origins that fail in one way each, and count what reached them."""

from __future__ import annotations

import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field

from tests.support.proxy import ORIGIN_PORT

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HANGS = 60


@dataclass
class Origin:
    """`speak` has a connection after the handshake and ends it by returning; each call of `read` is one request."""

    address: str
    context: ssl.SSLContext | None
    speak: Callable[[Conversation], None]
    seen: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)
    open: set[ssl.SSLSocket] = field(default_factory=set)


@dataclass
class Conversation:
    origin: Origin
    tls: ssl.SSLSocket

    def read(self) -> str:
        """The line of a request that has arrived whole; raises when the proxy has closed the connection."""
        line, body, length = self.read_head()
        while len(body) < length:
            body += self.tls.recv(65536)
        self.origin.seen.append(line)
        return line

    def read_head(self) -> tuple[str, bytes, int]:
        """The request line, and as much of the body as came with the head, of how much."""
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.tls.recv(65536)
            if not part:
                raise ConnectionResetError
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: (\d+)", head)
        return head.partition(b"\r\n")[0].decode(), body, int(length[1]) if length else 0

    def send(self, data: bytes) -> None:
        self.tls.sendall(data)

    def hang(self, seconds: float = HANGS) -> None:
        self.origin.over.wait(seconds)

    def reset(self) -> None:
        """Ends the connection with RST: no lingering."""
        reset(self.tls)


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def origin(address: str, context: ssl.SSLContext | None, speak: Callable[[Conversation], None]) -> Iterator[Origin]:
    """Without a context every connection is reset before it says anything."""
    running = Origin(address, context, speak)
    with socket.create_server((address, ORIGIN_PORT), backlog=128) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, running), daemon=True)
        accepting.start()
        try:
            yield running
        finally:
            running.over.set()
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for connection in list(running.open):
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket, running: Origin) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:  # shut down
            return
        threading.Thread(target=_serve, args=(plain, running), daemon=True).start()


def _serve(plain: socket.socket, running: Origin) -> None:
    plain.settimeout(HANGS)
    if running.context is None:
        reset(plain)
        plain.close()
        return
    with suppress(OSError), plain, running.context.wrap_socket(plain, server_side=True) as tls:
        running.open.add(tls)
        try:
            running.speak(Conversation(running, tls))
        finally:
            running.open.discard(tls)


@contextmanager
def deaf(address: str) -> Iterator[None]:
    """Connections are made, and nobody ever speaks."""
    with socket.create_server((address, ORIGIN_PORT)):
        yield


@contextmanager
def full(address: str) -> Iterator[None]:
    """No connection is made: the listener's queue is full, and Linux drops what would begin another one."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, ORIGIN_PORT))
        listener.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.settimeout(0.2)
            with suppress(TimeoutError):
                waiting.connect((address, ORIGIN_PORT))
        yield
