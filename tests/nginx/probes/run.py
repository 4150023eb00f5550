"""One probe against any proxy on port 8080 of an address, whose origin is the one in origin_server."""

from __future__ import annotations

import json
import select
import socket
import time
from dataclasses import dataclass

from tests.nginx.probes import answers
from tests.nginx.probes.probe import CLIENT, SEEN, Answer, Outcome, Probe, Until, Wait, head
from tests.support.http_client import TRAFFIC, ask

# How long one listens for more after a whole answer on a connection that stays open. On loopback more would come within a millisecond.
GRACE = 0.08
TRIES = 5
# Small, so that a client that does not read fills it at once.
RECEIVE_BUFFER = 8192


@dataclass
class _Connection:
    sock: socket.socket
    raw: bytes = b""
    closed: bool = False

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except OSError:  # what was said before the end is still there to read
            self.closed = True

    def listen(self, seconds: float) -> bool:
        """False when nothing came."""
        if self.closed and not self.raw:
            seconds = min(seconds, GRACE)
        if not select.select([self.sock], [], [], max(seconds, 0))[0]:
            return False
        try:
            data = self.sock.recv(1 << 20)
        except OSError:
            data = b""
        self.raw += data
        self.closed = self.closed or not data
        return bool(data)


def run(probe: Probe, address: str) -> Outcome:
    _seen(address)
    with socket.socket() as sock:
        if any(isinstance(step, Wait) and not step.reading for step in probe.steps):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        sock.settimeout(probe.patience)
        sock.bind((CLIENT.decode(), 0))
        sock.connect((address, TRAFFIC))
        connection = _Connection(sock)
        end = time.monotonic() + probe.patience
        for step in probe.steps:
            _take(connection, step, end)
        while not connection.closed and connection.listen(GRACE if _whole(probe, connection) else end - time.monotonic()):
            pass
        found, rest = _answers(probe, connection)
    requests, next_is_its_own = _seen(address)
    return Outcome(answers=found, closed=connection.closed, at_origin=requests, next_is_its_own=next_is_its_own, rest=rest)


def _take(connection: _Connection, step: bytes | Wait | Until, end: float) -> None:
    if isinstance(step, bytes):
        connection.send(step)
    elif isinstance(step, Until):
        while step.seen not in connection.raw and not connection.closed and time.monotonic() < end:
            connection.listen(end - time.monotonic())
    elif step.reading:
        over = time.monotonic() + step.seconds
        while not connection.closed and time.monotonic() < over:
            connection.listen(over - time.monotonic())
    else:
        time.sleep(step.seconds)


def _whole(probe: Probe, connection: _Connection) -> bool:
    found, _ = _answers(probe, connection)
    final = [answer for answer in found if answer.status >= 200 or answer.status in {0, 101}]
    return len(final) >= probe.answers and all(answer.complete for answer in found)


def _answers(probe: Probe, connection: _Connection) -> tuple[tuple[Answer, ...], bytes]:
    if probe.http2:
        return answers.http2(connection.raw), b""
    first = next((step for step in probe.steps if isinstance(step, bytes)), b"")
    return answers.http1(connection.raw, closed=connection.closed, first_is_head=first.startswith(b"HEAD "))


def _seen(address: str) -> tuple[tuple[bytes, ...], bool]:
    """The requests that the origin got since it was last asked, and whether the first to ask got this and not another's answer."""
    for tries in range(TRIES):
        try:
            told = json.loads(ask(address, head(b"GET " + SEEN + b" HTTP/1.1")).body)["seen"]
        except (ValueError, KeyError, TypeError):
            continue
        return tuple(text.encode("latin-1") for text in told), tries == 0
    raise AssertionError(f"{address}:{TRAFFIC} does not pass requests to the probes' origin")
