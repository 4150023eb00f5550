"""A closed-loop client: so many connections, each asks again as soon as it has its answer."""

from __future__ import annotations

import os
import selectors
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.http_client import PATIENCE, TRAFFIC, request

TICKS = os.sysconf("SC_CLK_TCK")
MICROSECONDS = 1_000_000


@dataclass(frozen=True)
class Load:
    requests_per_second: float
    cpu_microseconds: float


def load(address: str, uri: str, *, answer_bytes: int, connections: int, seconds: float, master: int) -> Load:
    """`cpu_microseconds` is what the workers of the nginx with the process id `master` spent on one request."""
    raw = request("api.example.com", uri)
    with selectors.DefaultSelector() as selector:
        clients = [_Client(address, raw, answer_bytes, selector) for _ in range(connections)]
        _run(clients, selector, seconds / 5)  # so that connections to the origin are there
        cpu, begin = _cpu_seconds(master), time.monotonic()
        count = _run(clients, selector, seconds)
        elapsed, used = time.monotonic() - begin, _cpu_seconds(master) - cpu
        for client in clients:
            client.sock.close()
    return Load(count / elapsed, used / count * MICROSECONDS)


class _Client:
    """One connection at a time; nginx closes it after some requests (keepalive_requests), and says so before."""

    def __init__(self, address: str, raw: bytes, answer_bytes: int, selector: selectors.BaseSelector) -> None:
        self.address, self.raw, self.answer_bytes, self.selector = address, raw, answer_bytes, selector
        self.missing = 0
        self.last = False
        self._connect()

    def _connect(self) -> None:
        self.sock = socket.create_connection((self.address, TRAFFIC), timeout=PATIENCE)
        self.selector.register(self.sock, selectors.EVENT_READ, self)

    def ask(self) -> None:
        if self.last:
            self.selector.unregister(self.sock)
            self.sock.close()
            self._connect()
        self.sock.sendall(self.raw)

    def read(self) -> bool:
        """True when the answer is complete."""
        if self.missing:
            self.missing -= len(self._receive())
        else:
            self._read_head()
        return not self.missing

    def _read_head(self) -> None:
        data = self._receive()
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200 "):
            raise SystemExit(f"not a measurement: {head.decode()}")
        self.last = b"\r\nConnection: close" in head
        self.missing = self.answer_bytes - len(body)

    def _receive(self) -> bytes:
        data = self.sock.recv(1 << 16)
        if not data:
            raise SystemExit("the proxy closed a connection before its answer was complete")
        return data


def _run(clients: list[_Client], selector: selectors.BaseSelector, seconds: float) -> int:
    """Requests answered; every client has its answer at the end."""
    for client in clients:
        client.ask()
    end = time.monotonic() + seconds
    busy, done = len(clients), 0
    while busy:
        ready = selector.select(PATIENCE)
        if not ready:
            raise SystemExit(f"no answer in {PATIENCE} s")
        for key, _ in ready:
            client = key.data
            if client.read():
                done += 1
                if time.monotonic() < end:
                    client.ask()
                else:
                    busy -= 1
    return done


def _cpu_seconds(master: int) -> float:
    children = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    return sum(_ticks(child) for child in children) / TICKS


def _ticks(process: str) -> int:
    # Fields 14 and 15 of the file, counted behind the program's name.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2].split()
    return int(fields[11]) + int(fields[12])
