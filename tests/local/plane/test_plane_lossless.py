"""Rolling replacement, again and again, of the proxy as it is rendered: no client of the load balancer loses a request."""

from __future__ import annotations

import http.client
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest

from tests.support.http_client import read, request
from tests.support.proxy import environment, rendered

pytestmark = pytest.mark.local

HOST, ORIGIN = "api.example.com", "https://origin.example.net"
TIMES = 5
# A task has this long to end its connections. Clients that are idle ask more often than that.
STOP_TIMEOUT = 60
BUSY, IDLE = 0.02, 0.4
METHODS = ("GET", "POST")


@dataclass
class Load:
    answered: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    kept: int = 0
    over: threading.Event = field(default_factory=threading.Event)


def _ask(connection: Any, method: str) -> tuple[int, bool]:
    """The status, and whether the server has said that it closes the connection."""
    if connection.sock is None:
        connection.connect()
    # Head and body in one piece: one that comes later meets another matter (test_nginx_races.py, an answer before the body).
    connection.sock.sendall(request(HOST, method=method, body=b"x" if method == "POST" else b""))
    answer = read(connection.sock, method)
    return answer.status, answer.headers["Connection"] == "close"


def _client(town: Any, load: Load, name: str, *, zone: int, method: str, pause: float, keeps: bool) -> None:
    connection: Any = None
    while not load.over.is_set():
        try:
            load.kept += connection is not None
            connection = connection or town.connect(zone=zone)
            status, closes = _ask(connection, method)
            load.answered[name] += 1
            if status != 200:
                load.lost.append(f"{name}, request {load.answered[name]}: {status}")
        except (OSError, http.client.HTTPException) as error:
            load.lost.append(f"{name}, request {load.answered[name] + 1}: {error!r}")
            closes = True
        if closes or not keeps:
            connection.close()
            connection = None
        load.over.wait(pause)
    if connection:
        connection.close()


@contextmanager
def clients(town: Any) -> Iterator[Load]:
    load = Load()
    ways = [
        {"zone": zone, "method": method, "pause": pause, "keeps": keeps}
        for zone in (0, 1)
        for method in METHODS
        for pause, keeps in ((BUSY, True), (IDLE, True), (BUSY, False))
    ]
    threads = [threading.Thread(target=_client, args=(town, load, str(way)), kwargs=way) for way in ways]
    for thread in threads:
        thread.start()
    try:
        yield load
    finally:
        load.over.set()
        for thread in threads:
            thread.join()
    assert len(load.answered) == len(ways)


def test_five_rolling_replacements_lose_nothing(empty_town: Any) -> None:
    town, text = empty_town, rendered(environment([{"host": HOST, "origin": ORIGIN}]))

    def definition(version: int) -> str:
        image = town.image(f"v{version}", config=f"# version {version}\n{text}")
        return str(town.definition(image, stopTimeout=STOP_TIMEOUT))

    town.build()
    town.serve(definition(0))
    town.start()
    town.settled()
    generations = []
    with clients(town) as load:
        for version in range(1, TIMES + 1):
            generations.append({task["taskArn"] for task in town.tasks()})
            town.update(taskDefinition=definition(version))
            town.settled()
            for name, before in list(load.answered.items()):
                while load.answered[name] == before:
                    load.over.wait(0.02)
    assert load.lost == []
    assert load.kept > TIMES * len(load.answered)
    generations.append({task["taskArn"] for task in town.tasks()})
    assert not any(one & other for one, other in pairwise(generations)), "every task was replaced each time"
