"""Clients that keep their connections and ask without end; whatever they do not get answered is noted."""

from __future__ import annotations

import http.client
import select
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from tests.support.http_client import connect, read, request


class NotBegunError(Exception):
    """The server has said that it will not look at a request (RFC 9113, section 6.8): every client may ask again, a POST too."""


class Connection(Protocol):
    """One request at a time."""

    def ended(self) -> bool:
        """The server has said that it takes no other request."""

    def ask(self, method: str, host: str) -> int: ...

    def close(self) -> None: ...


class Http1:
    def __init__(self, address: str) -> None:
        self.sock = connect(address)
        self.ending = False

    def ask(self, method: str, host: str) -> int:
        self.sock.sendall(request(host, "/", method=method, body=b"x" if method == "POST" else b""))
        answer = read(self.sock, method)
        self.ending = answer.headers["Connection"] == "close"
        return answer.status

    def ended(self) -> bool:
        return self.ending

    def close(self) -> None:
        self.sock.close()


DATA, HEADERS, RST_STREAM, SETTINGS, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 7, 8
END_STREAM, END_HEADERS, ACK = 1, 4, 1
# HPACK's static table has this status as one byte.
STATUS_200 = 0x88


class Http2:
    """HTTP/2 with prior knowledge, as a load balancer speaks it to a target without TLS."""

    def __init__(self, address: str) -> None:
        self.sock = connect(address)
        self.stream = -1
        self.ending = False
        # Answers may take all the room that there is: this client never gives any back.
        settings = struct.pack("!HI", 4, 2**31 - 1)
        room = struct.pack("!I", 2**31 - 1 - 65535)
        self.sock.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _frame(SETTINGS, 0, 0, settings) + _frame(WINDOW_UPDATE, 0, 0, room))
        self.reader = self.sock.makefile("rb")

    def ask(self, method: str, host: str) -> int:
        self.stream += 2
        fields = [(":method", method), (":scheme", "http"), (":authority", host), (":path", "/")]
        block = b"".join(b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode() for name, value in fields)
        if method == "POST":
            self.sock.sendall(_frame(HEADERS, END_HEADERS, self.stream, block) + _frame(DATA, END_STREAM, self.stream, b"x"))
        else:
            self.sock.sendall(_frame(HEADERS, END_HEADERS | END_STREAM, self.stream, block))
        status = 0
        while True:
            kind, flags, stream, payload = self._frame()
            if kind == SETTINGS and not flags & ACK:
                self.sock.sendall(_frame(SETTINGS, ACK, 0, b""))
            elif kind == GOAWAY:
                self.ending = True
                if struct.unpack("!I", payload[:4])[0] < self.stream:
                    raise NotBegunError
            elif stream == self.stream and kind == RST_STREAM:
                raise ConnectionResetError("the server gave the request up")
            elif stream == self.stream and kind == HEADERS:
                status = 200 if STATUS_200 in payload[:2] else 500
            if stream == self.stream and kind in {HEADERS, DATA} and flags & END_STREAM:
                return status

    def ended(self) -> bool:
        """What arrived since the last answer is read first, as a client does that has nothing else to do."""
        while not self.ending and select.select([self.sock], [], [], 0)[0]:
            try:
                self.ending = self._frame()[0] == GOAWAY
            except ConnectionResetError:
                self.ending = True
        return self.ending

    def _frame(self) -> tuple[int, int, int, bytes]:
        head = self.reader.read(9)
        if len(head) < 9:
            raise ConnectionResetError("the server closed the connection")
        return head[3], head[4], struct.unpack("!I", head[5:])[0], self.reader.read(int.from_bytes(head[:3], "big"))

    def close(self) -> None:
        self.reader.close()
        self.sock.close()


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack("!I", len(payload))[1:] + bytes([kind, flags]) + struct.pack("!I", stream) + payload


@dataclass
class Load:
    """`address` is where new connections go; who changes it waits until none is being made."""

    host: str
    address: str
    lost: list[str] = field(default_factory=list)
    answered: dict[str, int] = field(default_factory=dict)
    connections: int = 0
    not_begun: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    connecting: threading.Lock = field(default_factory=threading.Lock)

    def move(self, address: str) -> None:
        with self.connecting:
            self.address = address

    def client(self, name: str, kind: Callable[[str], Connection], method: str, pause: float) -> None:
        connection: Connection | None = None
        while not self.over.is_set():
            try:
                if connection is None or connection.ended():
                    if connection:
                        connection.close()
                    # A connection that has not been answered on may still be in a queue that nobody reads.
                    with self.connecting:
                        connection = kind(self.address)
                        self.connections += 1
                        self._note(name, connection.ask(method, self.host))
                else:
                    self._note(name, connection.ask(method, self.host))
            except NotBegunError:
                self.not_begun += 1
                continue
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(f"{name}, request {self.answered.get(name, 0) + 1}: {error!r}")
                if connection:
                    connection.close()
                connection = None
            self.over.wait(pause)
        if connection:
            connection.close()

    def _note(self, name: str, status: int) -> None:
        if status != 200:
            self.lost.append(f"{name}: {status}")
        self.answered[name] = self.answered.get(name, 0) + 1


# Without a pause a connection is always in use, with one it is mostly idle when the proxy stops or reloads.
BUSY, IDLE = 0.002, 0.15
CLIENTS: list[tuple[Callable[[str], Connection], str, float]] = [
    (kind, method, pause) for kind in (Http1, Http2) for method in ("GET", "POST") for pause in (BUSY, BUSY, IDLE, IDLE)
]


@contextmanager
def load(host: str, address: str) -> Iterator[Load]:
    running = Load(host, address)
    threads = [
        threading.Thread(target=running.client, args=(f"{number}: {kind.__name__} {method}", kind, method, pause))
        for number, (kind, method, pause) in enumerate(CLIENTS)
    ]
    for thread in threads:
        thread.start()
    try:
        yield running
    finally:
        running.over.set()
        for thread in threads:
            thread.join()
