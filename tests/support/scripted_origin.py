"""A TLS origin that keeps every request that it got, and answers what a test tells it to."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import BinaryIO

import trustme

from tests.support.proxy import ORIGIN_PORT


@dataclass(frozen=True)
class Request:
    """`connection` is another number for each connection."""

    head: str
    body: bytes
    connection: int

    @property
    def target(self) -> str:
        return self.head.split(" ", 2)[1]

    def header(self, name: str) -> list[str]:
        return re.findall(rf"(?mi)^{re.escape(name)}: *(.*?)\r$", self.head)

    @property
    def header_names(self) -> set[str]:
        return {name.lower() for name in re.findall(r"(?m)^([^:\s]+): ", self.head)}


Reply = bytes | Callable[[ssl.SSLSocket], None]


def reply(body: bytes = b"", *headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]).encode() + body


@dataclass
class ScriptedOrigin:
    """`replies`: path without query -> what is answered there; every other path echoes the request."""

    address: str
    replies: dict[str, Reply] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    tls_names: list[str | None] = field(default_factory=list)

    def asked(self, target: str) -> list[Request]:
        return [request for request in self.requests if request.target == target]

    def handle(self, tls: ssl.SSLSocket, stream: BinaryIO) -> bool:
        """One request; False when the connection ends."""
        request = _request(stream, stream.fileno())
        if request is None:
            return False
        self.requests.append(request)
        told = self.replies.get(request.target.partition("?")[0])
        if callable(told):
            told(tls)
            return False
        answer = told or reply(request.head.encode("latin-1") + request.body, "X-Request-ID: the-origins-own")
        tls.sendall(answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n" if request.head.startswith("HEAD ") else answer)
        return True


def _request(stream: BinaryIO, connection: int) -> Request | None:
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    text = head.decode("latin-1")
    length = re.search(r"(?mi)^content-length: (\d+)\r$", text)
    return Request(text, stream.read(int(length[1])) if length else b"", connection)


@contextmanager
def scripted_origin(address: str, certificate: trustme.LeafCert, client_authority: trustme.CA | None = None) -> Iterator[ScriptedOrigin]:
    """With `client_authority` nobody gets in who has no certificate of it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if client_authority:
        client_authority.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    origin = ScriptedOrigin(address)
    context.sni_callback = lambda _tls, name, _context: origin.tls_names.append(name)
    with socket.create_server((address, ORIGIN_PORT), backlog=128) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, context, origin), daemon=True)
        accepting.start()
        try:
            yield origin
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, context: ssl.SSLContext, origin: ScriptedOrigin) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:  # shut down
            return
        threading.Thread(target=_speak, args=(plain, context, origin), daemon=True).start()


def _speak(plain: socket.socket, context: ssl.SSLContext, origin: ScriptedOrigin) -> None:
    plain.settimeout(30)
    with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as tls, tls.makefile("rb") as stream:
        while origin.handle(tls, stream):
            pass
