"""HTTP as bytes: nothing is tidied up on the way, so that a test can say exactly what a client sends."""

from __future__ import annotations

import http.client
import socket
import struct
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

TRAFFIC = 8080
HEALTH = 8081
PATIENCE = 30


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("latin-1")

    @property
    def request_id(self) -> str:
        return self.headers["X-Request-ID"]


def connect(address: str, port: int = TRAFFIC, source: str = "") -> socket.socket:
    return socket.create_connection((address, port), timeout=PATIENCE, source_address=(source, 0) if source else None)


def read(sock: socket.socket, method: str = "GET") -> Answer:
    with closing(http.client.HTTPResponse(sock, method=method)) as response:
        response.begin()
        return Answer(response.status, response.headers, response.read())


def ask(address: str, raw: bytes, *, port: int = TRAFFIC, source: str = "") -> Answer:
    with connect(address, port, source) as sock:
        sock.sendall(raw)
        return read(sock)


def request(host: str, uri: str = "/", *headers: str, method: str = "GET", body: bytes = b"") -> bytes:
    """The bytes of one request; a body brings its Content-Length."""
    lines = [f"{method} {uri} HTTP/1.1", f"Host: {host}", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def http2(sock: socket.socket, *fields: tuple[str, str]) -> tuple[bytes, bytes]:
    """One request with prior knowledge; returns the header block as it came and the body."""
    block = b"".join(b"\x00" + _text(name) + _text(value) for name, value in fields)
    end_of_headers_and_stream = 0x4 | 0x1
    sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(4, 0, 0) + _frame(1, end_of_headers_and_stream, 1, block))
    headers, body = b"", b""
    for kind, flags, stream, payload in _frames(sock):
        if stream == 1 and kind == 1:
            headers = payload
        elif stream == 1 and kind == 0:
            body += payload
        if stream == 1 and flags & 1:
            break
    return headers, body


def _text(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _frames(sock: socket.socket) -> Iterator[tuple[int, int, int, bytes]]:
    with sock.makefile("rb") as stream:
        while head := stream.read(9):
            length = int.from_bytes(head[:3], "big")
            yield head[3], head[4], int.from_bytes(head[5:], "big"), stream.read(length)
