"""No request is lost on kept connections, however often the proxy is reloaded or replaced: busy and idle ones, HTTP/1.1 and HTTP/2."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest
import trustme

from tests.support.http_client import TRAFFIC, ask, request
from tests.support.load import CLIENTS, Load, load
from tests.support.name_server import NameServer
from tests.support.nginx_process import DEADLINE, Nginx, nginx
from tests.support.proxy import Addresses, translated_for

pytestmark = pytest.mark.nginx

HOST = "api.example.com"
TIMES = 20
Start = Callable[[int], AbstractContextManager[Nginx]]


@pytest.fixture
def start(  # noqa: PLR0917 # fixtures are known by their names
    conf: str,
    net: Addresses,
    dns: NameServer,
    authority: trustme.CA,
    origins: None,  # noqa: ARG001 # wanted for being there
    tmp_path_factory: pytest.TempPathFactory,
) -> Start:
    """The last number of an address -> a proxy that serves there: it listens, and knows where the origin is."""

    @contextmanager
    def running(last: int) -> Iterator[Nginx]:
        folder = tmp_path_factory.mktemp("lossless")
        with nginx(translated_for(conf, folder, net[last], dns, authority), folder, net[last], TRAFFIC) as process:
            _wait(lambda: ask(process.address, request(HOST)).status == 200, "the origin is looked up")
            yield process

    return running


def _workers(proxy: Nginx) -> set[str]:
    pid = proxy.process.pid
    return set(Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def _are_others(proxy: Nginx, before: set[str]) -> bool:
    return bool(_workers(proxy)) and not before & _workers(proxy)


def _wait(predicate: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not predicate():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.01)


def _all_have_asked_again(running: Load) -> None:
    """Each client, the idle ones too, has begun and ended a request after this was called."""
    before = dict(running.answered)
    _wait(lambda: all(count >= before.get(name, 0) + 2 for name, count in running.answered.items()), "every client is answered twice")


def _check(running: Load) -> None:
    assert running.lost == []
    assert len(running.answered) == len(CLIENTS)


def test_reloads_lose_nothing(start: Start) -> None:
    with start(5) as proxy, load(HOST, proxy.address) as running:
        _wait(lambda: len(running.answered) == len(CLIENTS), "every client is answered")
        for _ in range(TIMES):
            before = _workers(proxy)
            proxy.process.send_signal(signal.SIGHUP)
            _wait(partial(_are_others, proxy, before), "new workers, and the old ones' last connections")
        _all_have_asked_again(running)
    _check(running)
    assert running.connections >= TIMES * len(CLIENTS), "each reload moved every client to a new worker"


def test_stops_lose_nothing(start: Start) -> None:
    """As tasks are replaced behind a load balancer: new connections go to the next proxy, and then the last one is told to stop."""
    with ExitStack() as first:
        proxy, leaving = first.enter_context(start(6)), first.pop_all()
        with load(HOST, proxy.address) as running:
            for turn in range(TIMES):
                following = ExitStack()
                successor = following.enter_context(start((7, 6)[turn % 2]))
                running.move(successor.address)
                assert proxy.finish() == 0
                leaving.close()
                proxy, leaving = successor, following
            _all_have_asked_again(running)
        leaving.close()
    _check(running)
    assert running.connections >= TIMES * len(CLIENTS), "each stop moved every client to the next proxy"
