"""A TLS origin that tells exactly what it got, and answers what a probe wants it to say, right or wrong."""

from __future__ import annotations

import json
import re
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import trustme

from tests.nginx.probes.probe import ORIGIN_HOST, SEEN, Says, Then, Wait
from tests.support.proxy import ORIGIN_PORT

SAYS = b"/says/"
LARGE = 24 * 2**20
OWN = b"Server: origins-own/1\r\n"


@dataclass
class _Origin:
    says: Mapping[str, Says]
    seen: list[bytearray] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def forget(self) -> list[str]:
        with self.lock:
            told = [bytes(request).decode("latin-1") for request in self.seen]
            self.seen.clear()
        return told

    def record(self, top: bytes) -> bytearray:
        request = bytearray(top)
        with self.lock:
            self.seen.append(request)
        return request


@contextmanager
def origin_server(address: str, authority: trustme.CA, says: Mapping[str, Says]) -> Iterator[None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(ORIGIN_HOST.decode()).configure_cert(context)
    with socket.create_server((address, ORIGIN_PORT), backlog=512) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, context, _Origin(says)), daemon=True)
        accepting.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, context: ssl.SSLContext, origin: _Origin) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:  # shut down
            return
        threading.Thread(target=_speak, args=(plain, context, origin), daemon=True).start()


def _speak(plain: socket.socket, context: ssl.SSLContext, origin: _Origin) -> None:
    plain.settimeout(60)
    with plain, suppress(OSError), context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=True) as tls:
        reader = _Reader(tls)
        while _serve(tls, reader, origin):
            pass


@dataclass
class _Reader:
    tls: ssl.SSLSocket
    buffer: bytes = b""

    def until(self, end: bytes) -> bytes:
        while end not in self.buffer:
            self._more()
        found, _, self.buffer = self.buffer.partition(end)
        return found + end

    def exactly(self, length: int) -> bytes:
        while len(self.buffer) < length:
            self._more()
        found, self.buffer = self.buffer[:length], self.buffer[length:]
        return found

    def available(self) -> bytes:
        if not self.buffer:
            self._more()
        found, self.buffer = self.buffer, b""
        return found

    def _more(self) -> None:
        data = self.tls.recv(1 << 16)
        if not data:
            raise ConnectionResetError
        self.buffer += data


def _serve(tls: ssl.SSLSocket, reader: _Reader, origin: _Origin) -> bool:
    """One request; False when no other may follow."""
    top = reader.until(b"\r\n\r\n")
    target = [*top.split(b" ", 2), b"", b""][1]
    if target == SEEN:
        _send(tls, b"application/json", json.dumps({"seen": origin.forget()}).encode())
        return b"\r\nconnection: close" not in top.lower()
    request = origin.record(top)
    fields = dict(re.findall(rb"\r\n([^:\r\n]+): *([^\r\n]*)", top.lower()))
    if target.startswith(SAYS):
        return _say(tls, origin.says[target.removeprefix(SAYS).decode()], reader)
    if b"upgrade" in fields:
        return _echo_anything(tls, reader)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        _read_chunks(reader, request)
    else:
        # As trusting as origins are: what is no length is none.
        length = int(re.sub(rb"\D.*", b"", fields.get(b"content-length", b"")) or b"0")
        while length:
            part = reader.exactly(min(length, 1 << 16))
            request += part
            length -= len(part)
    body = b"x" * LARGE if target == b"/large" else bytes(request)
    _send(tls, b"text/plain", b"" if top.startswith(b"HEAD ") else body)
    return fields.get(b"connection") != b"close"


def _read_chunks(reader: _Reader, request: bytearray) -> None:
    """As trusting as origins are: what is no size ends the body."""
    while True:
        line = reader.until(b"\r\n")
        request += line
        size = re.match(rb"[0-9A-Fa-f]{1,8}", line)
        length = int(size.group(), 16) if size else 0
        if not length:
            request += reader.until(b"\r\n") if size else b""
            return
        request += reader.exactly(length + 2)


def _send(tls: ssl.SSLSocket, kind: bytes, body: bytes) -> None:
    tls.sendall(
        b"HTTP/1.1 200 OK\r\n" + OWN + b"Content-Type: " + kind + b"\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
    )


def _echo_anything(tls: ssl.SSLSocket, reader: _Reader) -> bool:
    tls.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
    while True:
        tls.sendall(reader.available())


def _say(tls: ssl.SSLSocket, says: Says, reader: _Reader) -> bool:
    for step in says.steps:
        if isinstance(step, Wait):
            time.sleep(step.seconds)
        else:
            tls.sendall(step)
    if says.then is Then.RESET:
        # Zero seconds of lingering: the connection ends with RST.
        tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if says.then is Then.HANG:
        reader.available()
    return says.then is Then.KEEP
