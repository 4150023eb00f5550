"""Answers that are passed on as they come, and answers that are kept."""

from __future__ import annotations

import itertools
import signal
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.nginx.conftest import StartProxy
from tests.support.http_client import Answer, ask, connect, read, request
from tests.support.name_server import NameServer
from tests.support.nginx_process import DEADLINE
from tests.support.own_user import as_this_user
from tests.support.proxy import Addresses, Proxy, environment, rendered
from tests.support.scripted_origin import ScriptedOrigin, reply, scripted_origin

pytestmark = pytest.mark.nginx
SITE: dict[str, Any] = {"origin": "https://kept.example.net"}
SITES: list[dict[str, Any]] = [
    {**SITE, "host": "collected.example.com", "paths": [{"path": "/events/", "streaming": True}, {"path": "/kept/", "cache": True}]},
    {**SITE, "host": "streaming.example.com", "streaming": True, "paths": [{"path": "/collected/", "streaming": False}]},
    {**SITE, "host": "kept.example.com", "aliases": ["kept2.example.com"], "cache": True, "paths": [{"path": "/fresh/", "cache": False}]},
]
CACHE_SIZE = 1
KEEP = "Cache-Control: max-age=60"
numbers = itertools.count()


@pytest.fixture(scope="module")
def origin(net: Addresses, dns: NameServer, authority: trustme.CA) -> Iterator[ScriptedOrigin]:
    dns.addresses["kept.example.net"] = [net[26]]
    with scripted_origin(net[26], authority.issue_cert("kept.example.net")) as running:
        yield running


@pytest.fixture(scope="module")
def proxied(start_proxy: StartProxy, origin: ScriptedOrigin) -> Iterator[Proxy]:  # noqa: ARG001 # wanted for being there
    env = environment(SITES)
    env = env.model_copy(update={"service": env.service.model_copy(update={"cache_size": CACHE_SIZE})})
    text = as_this_user(rendered(env)).replace("flush=1s", "flush=100ms")
    with start_proxy(text, 27, ["collected.example.com/"]) as running:
        yield running


def new_path(prefix: str = "/") -> str:
    """One that no answer is kept of yet."""
    return f"{prefix}{next(numbers)}"


def asked(proxied: Proxy, uri: str, *headers: str, host: str = "kept.example.com") -> Answer:
    return ask(proxied.address, request(host, uri, *headers))


@contextmanager
def begun(proxied: Proxy, origin: ScriptedOrigin, host: str, uri: str) -> Iterator[tuple[socket.socket, threading.Event]]:
    """An answer whose first event has left the origin; the second follows when the event is set."""
    end, sent = threading.Event(), threading.Event()

    def events(tls: ssl.SSLSocket) -> None:
        tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: one\n\n")
        sent.set()
        end.wait(DEADLINE)
        tls.sendall(b"data: two\n\n")

    origin.replies[uri] = events
    with connect(proxied.address) as sock:
        sock.sendall(request(host, uri, "Connection: close"))
        assert sent.wait(DEADLINE)
        yield sock, end
        end.set()


def until(sock: socket.socket, end: bytes) -> bytes:
    got = b""
    while end not in got:
        part = sock.recv(65536)
        assert part, got
        got += part
    return got


@pytest.mark.parametrize("host_and_path", ["streaming.example.com/", "collected.example.com/events/"])
def test_stream_is_passed_on_as_it_comes(proxied: Proxy, origin: ScriptedOrigin, host_and_path: str) -> None:
    host, _, path = host_and_path.partition("/")
    with begun(proxied, origin, host, new_path(f"/{path}")) as (sock, end):
        assert b"data: two" not in until(sock, b"data: one")
        end.set()
        until(sock, b"data: two")


@pytest.mark.parametrize("host_and_path", ["streaming.example.com/collected/", "collected.example.com/"])
def test_other_answers_are_collected_first(proxied: Proxy, origin: ScriptedOrigin, host_and_path: str) -> None:
    host, _, path = host_and_path.partition("/")
    with begun(proxied, origin, host, new_path(f"/{path}")) as (sock, end):
        sock.settimeout(0.3)
        with pytest.raises(TimeoutError):
            until(sock, b"data: one")
        sock.settimeout(DEADLINE)
        end.set()
        until(sock, b"data: two")


@pytest.mark.parametrize(
    ("host", "prefix", "kept"),
    [("kept", "/", True), ("kept", "/fresh/", False), ("collected", "/kept/", True), ("collected", "/", False)],
)
def test_origin_is_asked_once_for_what_it_lets_be_kept(
    proxied: Proxy, origin: ScriptedOrigin, host: str, prefix: str, *, kept: bool
) -> None:
    uri = new_path(prefix)
    origin.replies[uri] = reply(b"answer", KEEP)
    answers = [asked(proxied, uri, host=f"{host}.example.com") for _ in range(3)]
    assert [answer.text for answer in answers] == ["answer"] * 3
    assert len(origin.asked(uri)) == (1 if kept else 3)
    assert [proxied.log_line(answer.request_id)["cache"] for answer in answers] == (["MISS", "HIT", "HIT"] if kept else [""] * 3)
    assert len({answer.request_id for answer in answers}) == 3


@pytest.mark.parametrize(
    "headers",
    [
        (),
        ("Cache-Control: no-store, max-age=60",),
        ("Cache-Control: private, max-age=60",),
        ("Cache-Control: no-cache",),
        ("Cache-Control: max-age=0",),
        (KEEP, "Set-Cookie: session=1"),
        (KEEP, "Vary: *"),
        ("X-Accel-Expires: 60",),
        ("Expires: Thu, 01 Jan 1970 00:00:01 GMT",),
    ],
)
def test_what_an_origin_does_not_let_be_kept(proxied: Proxy, origin: ScriptedOrigin, headers: tuple[str, ...]) -> None:
    uri = new_path()
    origin.replies[uri] = reply(b"answer", *headers)
    assert [asked(proxied, uri).text for _ in range(2)] == ["answer"] * 2
    assert len(origin.asked(uri)) == 2


@pytest.mark.parametrize("credentials", ["Authorization: Bearer a", "Cookie: session=1"])
def test_clients_with_credentials_neither_fill_nor_read(proxied: Proxy, origin: ScriptedOrigin, credentials: str) -> None:
    uri = new_path()
    origin.replies[uri] = reply(b"theirs", KEEP)
    asked(proxied, uri, credentials)
    origin.replies[uri] = reply(b"everybody's", KEEP)
    assert asked(proxied, uri).text == "everybody's"
    origin.replies[uri] = reply(b"theirs again", KEEP)
    assert asked(proxied, uri, credentials).text == "theirs again"
    assert asked(proxied, uri).text == "everybody's"
    assert len(origin.asked(uri)) == 3


def test_variants_are_kept_apart(proxied: Proxy, origin: ScriptedOrigin) -> None:
    uri = new_path()
    for language in ("ja", "en"):
        origin.replies[uri] = reply(language.encode(), KEEP, "Vary: Accept-Language")
        assert asked(proxied, uri, f"Accept-Language: {language}").text == language
    assert [asked(proxied, uri, f"Accept-Language: {language}").text for language in ("ja", "en")] == ["ja", "en"]
    assert len(origin.asked(uri)) == 2


def test_aliases_queries_and_spellings_are_kept_apart(proxied: Proxy, origin: ScriptedOrigin) -> None:
    uri = new_path("/a")
    for spelling in (uri, f"{uri}?b", f"{uri}?B", uri.replace("a", "%61")):
        origin.replies[spelling.partition("?")[0]] = reply(b"x", KEEP)
        for host in ("kept.example.com", "kept2.example.com"):
            assert asked(proxied, spelling, host=host).status == asked(proxied, spelling, host=host).status == 200
        assert len(origin.asked(spelling)) == 2


def test_head_is_answered_from_what_get_keeps(proxied: Proxy, origin: ScriptedOrigin) -> None:
    uri = new_path()
    origin.replies[uri] = reply(b"answer", KEEP)
    with connect(proxied.address) as sock:
        sock.sendall(request("kept.example.com", uri, method="HEAD"))
        assert read(sock, "HEAD").headers["Content-Length"] == "6"
    assert asked(proxied, uri).text == "answer"
    assert [one.head.partition(" ")[0] for one in origin.asked(uri)] == ["GET"]


def test_other_methods_are_passed_on(proxied: Proxy, origin: ScriptedOrigin) -> None:
    uri = new_path()
    origin.replies[uri] = reply(b"answer", KEEP)
    for _ in range(2):
        ask(proxied.address, request("kept.example.com", uri, method="POST", body=b"x"))
    assert len(origin.asked(uri)) == 2


def test_last_answer_stands_in_for_an_origin_that_is_away(proxied: Proxy, origin: ScriptedOrigin) -> None:
    uri = new_path()
    origin.replies[uri] = reply(b"known", "Cache-Control: max-age=1")
    assert asked(proxied, uri).text == "known"
    for away in (reply(b"", status="503 Service Unavailable"), lambda _tls: None):
        origin.replies[uri] = away
        before, end = len(origin.asked(uri)), time.monotonic() + DEADLINE
        while len(origin.asked(uri)) == before and time.monotonic() < end:
            assert asked(proxied, uri).text == "known"
            time.sleep(0.1)
        assert asked(proxied, uri).text == "known"


def test_kept_answers_have_a_bound(proxied: Proxy, origin: ScriptedOrigin) -> None:
    folder = proxied.nginx.prefix / "tmp/cache"
    for _ in range(24):
        uri = new_path()
        origin.replies[uri] = reply(b"x" * 100_000, KEEP)
        asked(proxied, uri)
    assert kept_bytes(folder) > CACHE_SIZE * 2**20
    # nginx looks every ten seconds, and when it is reloaded.
    proxied.nginx.process.send_signal(signal.SIGHUP)
    end = time.monotonic() + DEADLINE
    while kept_bytes(folder) > CACHE_SIZE * 2**20:
        assert time.monotonic() < end
        time.sleep(0.05)


def kept_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
