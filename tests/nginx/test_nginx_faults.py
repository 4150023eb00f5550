"""An origin that fails in the middle of something: who is answered what, how long it takes at most, and what is asked twice.

All faults are met at once, since most of them are waiting.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, field
from itertools import product

import pytest
import trustme

from tests.nginx.faults import CONNECT, CUT, FAULTS, NUMBERS, READ, good_context, serve
from tests.support.hostile_origin import Origin, origin
from tests.support.http_client import ask, connect, read, request
from tests.support.load import Http2
from tests.support.name_server import name_server
from tests.support.nginx_process import DEADLINE
from tests.support.proxy import NAME_SERVER_PORT, Addresses, Proxy, addresses, environment, proxy, rendered

pytestmark = pytest.mark.nginx


# Beyond what nginx waits for: a computer with other work to do.
SLACK = 5
PROXY, GOOD, FIRST_BAD, NAMES = 1, 10, 20, 53
# Of two requests one meets the bad address first.
TURNS = 2
METHODS = ("GET", "POST")


@dataclass
class Night:
    """What happened when everything failed: (fault, method, addresses) -> what each client saw."""

    net: Addresses
    proxy: Proxy
    text: str
    seen: dict[str, list[str]] = field(default_factory=dict)
    told: dict[tuple[str, str, str], list[int | str]] = field(default_factory=dict)

    def wait_for_address(self, name: str) -> None:
        """Until names are looked up, the log has the upstream's name in place of an address."""
        for attempt in range(DEADLINE):
            uri = f"/first/{name}/{attempt}"
            with suppress(http.client.IncompleteRead, ConnectionResetError):
                ask(self.proxy.address, request(f"{name}.example.com", uri))
            if self.proxy.log_line_with("uri", uri)["upstream_addr"].startswith("127."):
                return
        raise AssertionError(f"{name} was never looked up")

    def client(self, fault: str, addresses: str) -> None:
        """One request after the other, so that the addresses take turns."""
        for method in METHODS:
            self.told[fault, method, addresses] = [self._ask(fault, method, addresses, turn) for turn in range(TURNS)]

    def _ask(self, fault: str, method: str, addresses: str, turn: int) -> int | str:
        host = f"{addresses}{NUMBERS[fault]}.example.com"
        with connect(self.proxy.address) as sock:
            sock.settimeout(self.patience(FAULTS[fault].waits, {"one": 1, "two": 2}[addresses]) + SLACK)
            sock.sendall(request(host, _uri(fault, method, addresses, turn), method=method, body=b"x" if method == "POST" else b""))
            try:
                return read(sock, method).status
            except TimeoutError:
                return "nothing"
            except (http.client.IncompleteRead, ConnectionResetError):
                return CUT

    def patience(self, waits: int, addresses: int) -> float:
        """How long a client waits at most: no address is begun after next_upstream_timeout, and the last one has its time, too."""
        tries = min(self.limit("proxy_next_upstream_tries"), addresses)
        return min(tries * waits, self.limit("proxy_next_upstream_timeout") + waits)

    def limit(self, directive: str) -> int:
        found = re.search(rf"\b{directive} (\d+)s?;", self.text)
        assert found, directive
        return int(found[1])

    def requests(self, where: str, fault: str, method: str, addresses: str) -> list[int]:
        """How often an origin saw the request of each turn."""
        return [self.seen[where].count(f"{method} {_uri(fault, method, addresses, turn)} HTTP/1.1") for turn in range(TURNS)]

    def tried(self, fault: str, method: str, addresses: str) -> list[str]:
        """The last numbers of the addresses that the log names for each turn."""
        lines = [self.proxy.log_line_with("uri", _uri(fault, method, addresses, turn)) for turn in range(TURNS)]
        return [re.sub(r"127\.\d+\.\d+\.(\d+):\d+", r"\1", line["upstream_addr"]) for line in lines]


def _uri(fault: str, method: str, addresses: str, turn: int) -> str:
    return f"/{NUMBERS[fault]}/{method}/{addresses}/{turn}"


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    net, authority = addresses(190), trustme.CA()
    limits = {"connect_timeout": CONNECT, "read_timeout": READ}
    names = [f"{count}{number}" for count in ("one", "two") for number in NUMBERS.values()]
    text = rendered(environment([{"host": f"{name}.example.com", "origin": f"https://{name}.example.net", **limits} for name in names]))
    text = text.replace("flush=1s", "flush=100ms")
    with ExitStack() as stack:
        server = stack.enter_context(name_server(net[NAMES], NAME_SERVER_PORT))
        seen = {"good": stack.enter_context(origin(net[GOOD], good_context(authority), serve)).seen}
        for fault, number in NUMBERS.items():
            bad = net[FIRST_BAD + number]
            server.addresses |= {f"one{number}.example.net": [bad], f"two{number}.example.net": [bad, net[GOOD]]}
            failing = stack.enter_context(FAULTS[fault].at(bad, authority))
            seen[fault] = failing.seen if isinstance(failing, Origin) else []
        running = stack.enter_context(proxy(text, tmp_path_factory.mktemp("faults"), net[PROXY], server, authority, urls=()))
        told = Night(net, running, text, seen)
        with ThreadPoolExecutor(max_workers=100) as clients:
            list(clients.map(told.wait_for_address, names))
            list(clients.map(lambda case: told.client(*case), product(FAULTS, ("one", "two"))))
        yield told


CASES = pytest.mark.parametrize(("fault", "method"), [*product(FAULTS, METHODS)])


@CASES
def test_client_is_told_in_time_when_the_only_address_fails(night: Night, fault: str, method: str) -> None:
    """Within one limit, since there is one address; and nothing that an origin may have acted on is asked of it again."""
    assert night.told[fault, method, "one"] == [FAULTS[fault].status] * TURNS
    assert night.requests(fault, fault, method, "one") == [int(FAULTS[fault].sent)] * TURNS


@CASES
def test_second_address_serves_whatever_may_be_asked_again(night: Night, fault: str, method: str) -> None:
    """A GET that was not answered, and a POST that no origin has got. What has begun to be answered cannot be taken back."""
    status, sent = FAULTS[fault].status, FAULTS[fault].sent
    again = status != CUT and (method == "GET" or not sent)
    bad, tried = str(FIRST_BAD + NUMBERS[fault]), night.tried(fault, method, "two")
    met = [addresses.startswith(bad) for addresses in tried]
    assert any(met), f"no request met the bad address first: {tried}"
    assert night.told[fault, method, "two"] == [status if first and not again else 200 for first in met]
    assert night.requests("good", fault, method, "two") == [int(not first or again) for first in met]
    assert night.requests(fault, fault, method, "two") == [int(first and sent) for first in met]


@pytest.mark.parametrize("fault", [fault for fault, what in FAULTS.items() if what.status == CUT])
def test_client_of_http2_sees_that_an_answer_is_cut(night: Night, fault: str) -> None:
    """There the end of a stream is a flag; an answer that ends with it would be taken for whole."""
    client = Http2(night.proxy.address)
    with closing(client), pytest.raises(ConnectionResetError):
        client.ask("GET", f"one{NUMBERS[fault]}.example.com")


def test_limits_bound_every_wait(night: Night) -> None:
    """What an origin can cost a client before the answer begins, with the limits that a site has when it sets none."""
    text = rendered(environment([{"host": "api.example.com", "origin": "https://origin.example.net"}]))
    usual = Night(night.net, night.proxy, text)
    connect = usual.limit("proxy_connect_timeout")
    # However many addresses hang in connect or in the handshake:
    assert usual.patience(connect, 30) == 15
    # An address that takes the request and is silent; ten seconds have passed then, so no other one is asked.
    assert usual.patience(usual.limit("proxy_read_timeout"), 30) == 70
