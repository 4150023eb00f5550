"""Open loop: requests go out when they are due, whether or not earlier ones have been answered, as independent clients would send them.

A program of its own, so that nothing else of the lab holds it up. A latency counts from the moment when the request was due, so a proxy
that falls behind cannot hide it by slowing its clients down. It prints one JSON object. What it costs itself is in the rows of `direct`.
"""

from __future__ import annotations

import gc
import json
import random
import select
import socket
import ssl
import sys
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path

WANT_MORE = (BlockingIOError, ssl.SSLWantReadError)
# What has no answer this long after the last request was due is lost.
GRACE = 3.0


@dataclass(frozen=True, kw_only=True)
class Task:
    address: str
    port: int
    host: str
    uri: str
    rate: int
    seconds: float
    connections: int
    seed: int
    authority: str = ""
    server_name: str = ""


class Connection:
    def __init__(self, task: Task) -> None:
        self.sock = socket.create_connection((task.address, task.port), timeout=GRACE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if task.authority:
            context = ssl.create_default_context(cafile=task.authority)
            self.sock = context.wrap_socket(self.sock, server_hostname=task.server_name)
        self.raw = f"GET {task.uri} HTTP/1.1\r\nHost: {task.host}\r\n\r\n".encode()
        self.due = 0.0
        self.missing = 0
        self.head = b""

    def ask(self, due: float) -> None:
        self.due = due
        self.sock.sendall(self.raw)

    def finished(self) -> bool:
        """Reads what is there; True when the answer is complete."""
        try:
            while True:
                data = self.sock.recv(1 << 18)
                if not data:
                    raise SystemExit("a connection was closed before its answer was complete")
                self._take(data)
        except WANT_MORE:
            return not self.missing and not self.head

    def _take(self, data: bytes) -> None:
        if self.missing:
            self.missing -= len(data)
            return
        self.head += data
        head, end, body = self.head.partition(b"\r\n\r\n")
        if end:
            if not head.startswith(b"HTTP/1.1 200 "):
                raise SystemExit(f"not a measurement: {head.decode()}")
            length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
            self.missing, self.head = int(length) - len(body), b""


def run(task: Task) -> dict[str, object]:
    idle = deque(Connection(task) for _ in range(task.connections))
    for connection in idle:  # so that the proxy has its own connections to the origin
        connection.ask(0.0)
        connection.sock.settimeout(GRACE)
        while not _answered_once(connection):
            pass
        connection.sock.settimeout(0)
    with select.epoll() as ready:
        by_number = {connection.sock.fileno(): connection for connection in idle}
        for number in by_number:
            ready.register(number, select.EPOLLIN)
        return _measure(task, idle, by_number, ready)


def _answered_once(connection: Connection) -> bool:
    connection._take(connection.sock.recv(1 << 18))
    return not connection.missing and not connection.head


def _measure(task: Task, idle: deque[Connection], by_number: dict[int, Connection], ready: select.epoll) -> dict[str, object]:
    due = _schedule(task)
    total, sent, latencies = len(due), 0, list[float]()
    waiting = deque[float]()
    begin = time.perf_counter() + 0.05
    end = begin + task.seconds + GRACE
    gc.disable()
    while len(latencies) < total:
        now = time.perf_counter()
        while sent < total and begin + due[sent] <= now:
            waiting.append(begin + due[sent])
            sent += 1
        while waiting and idle:
            idle.popleft().ask(waiting.popleft())
        if now >= end:
            break
        until = begin + due[sent] if sent < total else end
        # epoll counts in milliseconds, select in microseconds.
        if select.select([ready.fileno()], [], [], max(0.0, until - time.perf_counter()))[0]:
            for number, _ in ready.poll(0):
                connection = by_number[number]
                if connection.due and connection.finished():
                    latencies.append(time.perf_counter() - connection.due)
                    connection.due = 0.0
                    idle.append(connection)
    return {"offered": total, "milliseconds": [round(one * 1000, 3) for one in latencies]}


def _schedule(task: Task) -> list[float]:
    """Clients that know nothing of each other: random gaps, the same ones for every subject."""
    gaps = random.Random(task.seed)  # it only has to be the same each time
    moment, moments = 0.0, list[float]()
    while (moment := moment + gaps.expovariate(task.rate)) < task.seconds:
        moments.append(moment)
    return moments


if __name__ == "__main__":
    # Timers of 1 us instead of 50, so that requests leave when they are due.
    Path("/proc/self/timerslack_ns").write_text("1000")
    json.dump(run(Task(**json.loads(sys.argv[1]))), sys.stdout)
