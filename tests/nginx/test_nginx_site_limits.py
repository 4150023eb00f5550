"""The limits of a site and of its paths: time, size, upgrades, and how much one client may ask for."""

from __future__ import annotations

import re
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import trustme

from tests.nginx.conftest import StartProxy
from tests.support.http_client import ask, connect, read, request
from tests.support.name_server import NameServer
from tests.support.nginx_process import DEADLINE
from tests.support.proxy import Addresses, Proxy, environment, rendered
from tests.support.scripted_origin import ScriptedOrigin, reply, scripted_origin

pytestmark = pytest.mark.nginx
MEBIBYTE = 2**20
SITE: dict[str, Any] = {"origin": "https://limited.example.net"}
RATE = {"requests_per_second": 1, "burst": 2}
SITES: list[dict[str, Any]] = [
    {
        **SITE,
        "host": "plain.example.com",
        "read_timeout": 1,
        "max_body": 1,
        "paths": [
            {"path": "/patient", "read_timeout": 60},
            {"path": "/upload/", "max_body": 2},
            {"path": "/socket/", "websocket": True},
        ],
    },
    {**SITE, "host": "socket.example.com", "websocket": True, "paths": [{"path": "/plain", "websocket": False}]},
    {**SITE, "host": "counted.example.com", "aliases": ["counted2.example.com"], "connection_limit": 2},
    {**SITE, "host": "counted3.example.com", "connection_limit": 2},
    {**SITE, "host": "rated.example.com", "aliases": ["rated2.example.com"], "rate_limit": RATE},
    {**SITE, "host": "rated3.example.com", "rate_limit": RATE},
    {**SITE, "host": "strict.example.com", "rate_limit": {"requests_per_second": 1, "burst": 0}},
]


@pytest.fixture(scope="module")
def origin(net: Addresses, dns: NameServer, authority: trustme.CA) -> Iterator[ScriptedOrigin]:
    dns.addresses["limited.example.net"] = [net[22]]
    with scripted_origin(net[22], authority.issue_cert("limited.example.net")) as running:
        yield running


@pytest.fixture(scope="module")
def proxied(start_proxy: StartProxy, origin: ScriptedOrigin) -> Iterator[Proxy]:  # noqa: ARG001 # wanted for being there
    text = rendered(environment(SITES)).replace("flush=1s", "flush=100ms")
    with start_proxy(text, 23, ["plain.example.com/"]) as running:
        yield running


def test_read_timeout_of_a_site_and_of_a_path(proxied: Proxy, origin: ScriptedOrigin) -> None:
    gone = threading.Event()

    def late(tls: ssl.SSLSocket) -> None:
        gone.wait(DEADLINE)
        tls.sendall(reply(b"late"))

    origin.replies |= {"/late": late, "/patient": late}
    with connect(proxied.address) as sock:
        sock.sendall(request("plain.example.com", "/patient"))
        # The site's limit is over when this one is answered, and the path's is not.
        assert ask(proxied.address, request("plain.example.com", "/late")).status == 504
        gone.set()
        assert read(sock).text == "late"


@pytest.mark.parametrize(("uri", "size", "status"), [("/", 1, 200), ("/", 2, 413), ("/upload/", 2, 200), ("/upload/x", 3, 413)])
def test_max_body_of_a_site_and_of_a_path(proxied: Proxy, uri: str, size: int, status: int) -> None:
    body = b"" if status == 413 else b"x" * size * MEBIBYTE
    announced = [] if body else [f"Content-Length: {size * MEBIBYTE}"]
    assert ask(proxied.address, request("plain.example.com", uri, *announced, method="POST", body=body)).status == status


@pytest.mark.parametrize(
    ("host", "uri", "passes"),
    [("plain", "/", False), ("plain", "/socket/a", True), ("socket", "/", True), ("socket", "/plain", False), ("socket", "/plain/", True)],
)
def test_websocket_of_a_site_and_of_a_path(proxied: Proxy, origin: ScriptedOrigin, host: str, uri: str, *, passes: bool) -> None:
    ask(proxied.address, request(f"{host}.example.com", uri, "Connection: Upgrade", "Upgrade: websocket"))
    got = origin.asked(uri)[-1]
    assert (got.header("Upgrade"), got.header("Connection")) == ((["websocket"], ["upgrade"]) if passes else ([], []))


def test_connection_limit_counts_a_clients_open_requests_of_a_site(proxied: Proxy, origin: ScriptedOrigin, net: Addresses) -> None:
    begun, end = threading.Semaphore(0), threading.Event()

    def held(tls: ssl.SSLSocket) -> None:
        begun.release()
        end.wait(DEADLINE)
        tls.sendall(reply(b"held"))

    origin.replies["/held"] = held
    with ExitStack() as stack:
        open_requests = [stack.enter_context(connect(proxied.address, source=net[92])) for _ in range(2)]
        for sock in open_requests:
            sock.sendall(request("counted.example.com", "/held"))
            assert begun.acquire(timeout=DEADLINE)
        for host in ("counted.example.com", "counted2.example.com"):
            refused = ask(proxied.address, request(host), source=net[92])
            assert (refused.status, refused.headers.get_all("Retry-After")) == (429, ["1"])
            assert proxied.log_line(refused.request_id)["refused"] == "too many requests"
        assert ask(proxied.address, request("counted.example.com"), source=net[93]).status == 200
        assert ask(proxied.address, request("counted3.example.com"), source=net[92]).status == 200
        end.set()
        assert [read(sock).text for sock in open_requests] == ["held", "held"]
    assert ask(proxied.address, request("counted.example.com"), source=net[92]).status == 200


def statuses(proxied: Proxy, source: str, *hosts: str) -> list[str]:
    """All at once, so that no time passes between them."""
    with connect(proxied.address, source=source) as sock:
        sock.sendall(b"".join(request(f"{host}.example.com") for host in hosts))
        answers = b""
        while len(found := re.findall(rb"HTTP/1.1 (\d{3}) [\s\S]*?\r\n\r\n", answers)) < len(hosts):
            answers += sock.recv(65536)
        return [status.decode() for status in found]


def test_rate_limit_is_of_a_site_with_its_aliases(proxied: Proxy, net: Addresses) -> None:
    hosts = ("rated", "rated2", "rated", "rated", "rated2", "rated3", "rated3", "rated3", "rated3")
    assert statuses(proxied, net[94], *hosts) == [*["200"] * 3, *["429"] * 2, *["200"] * 3, "429"]


def test_rate_limit_without_a_burst(proxied: Proxy, net: Addresses) -> None:
    assert statuses(proxied, net[94], "strict", "strict", "strict") == ["200", "429", "429"]


def test_refusals_say_when_to_come_again(proxied: Proxy, net: Addresses) -> None:
    with connect(proxied.address, source=net[95]) as first, connect(proxied.address, source=net[95]) as second:
        for sock in (first, second):
            sock.sendall(request("strict.example.com"))
        answers = {read(sock).headers["Retry-After"] for sock in (first, second)}
    assert answers == {None, "1"}


@pytest.mark.parametrize("said", [[], ["30"]])
def test_429_of_an_origin_stays_as_it_is(proxied: Proxy, origin: ScriptedOrigin, said: list[str]) -> None:
    origin.replies["/busy"] = reply(b"busy", *(f"Retry-After: {seconds}" for seconds in said), status="429 Too Many Requests")
    answer = ask(proxied.address, request("plain.example.com", "/busy"))
    assert (answer.status, answer.text, answer.headers.get_all("Retry-After") or []) == (429, "busy", said)
    assert proxied.log_line(answer.request_id)["refused"] == ""
