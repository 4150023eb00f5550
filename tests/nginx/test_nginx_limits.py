"""What a client may do, how much, and how fast."""

from __future__ import annotations

import pytest

from tests.support.http_client import HEALTH, ask, connect, http2, read, request
from tests.support.proxy import Addresses, Proxy

pytestmark = pytest.mark.nginx
MEBIBYTE = 2**20


def test_body_up_to_the_limit_passes(served: Proxy) -> None:
    answer = ask(served.address, request("api.example.com", method="POST", body=b"x" * MEBIBYTE))
    assert answer.status == 200
    assert answer.body.endswith(b"x" * MEBIBYTE)


def test_body_over_the_limit_is_refused_before_it_is_sent(served: Proxy) -> None:
    announced = f"Content-Length: {MEBIBYTE + 1}"
    answer = ask(served.address, request("api.example.com", "/", announced, method="POST"))
    assert answer.status == 413
    assert served.log_line(answer.request_id)["refused"] == "body too large"


def test_chunked_body_over_the_limit_is_refused(served: Proxy) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = request("api.example.com", "/", "Transfer-Encoding: chunked", method="POST")
    with connect(served.address) as sock:
        sock.sendall(head)
        for _ in range(17):
            sock.sendall(chunk)
        answer = read(sock)
    assert answer.status == 413


def test_rate_limit_is_by_client(served: Proxy, net: Addresses) -> None:
    raw = request("limited.example.com")
    greedy = [ask(served.address, raw, source=net[80]) for _ in range(6)]
    # One, and a burst of two; more may pass only as fast as one a second.
    assert [answer.status for answer in greedy[:3]] == [200, 200, 200]
    refused = [answer for answer in greedy if answer.status == 429]
    assert refused
    assert served.log_line(refused[0].request_id)["refused"] == "too many requests"
    assert ask(served.address, raw, source=net[81]).status == 200


@pytest.mark.parametrize("method", ["TRACE", "CONNECT"])
def test_methods_that_proxies_must_not_pass(served: Proxy, method: str) -> None:
    uri = "api.example.com:443" if method == "CONNECT" else "/"
    answer = ask(served.address, request("api.example.com", uri, method=method))
    assert answer.status == 405
    assert served.log_line(answer.request_id)["refused"] == "method not allowed"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_other_methods_pass(served: Proxy, method: str) -> None:
    answer = ask(served.address, request("api.example.com", method=method, body=b"x" if method in {"POST", "PUT", "PATCH"} else b""))
    assert answer.text.startswith(f"{method} / HTTP/1.1\r\n")


@pytest.mark.parametrize("upgrade", ["websocket", "WebSocket"])
def test_websocket_where_the_site_allows_it(served: Proxy, upgrading_origin: list[bytes], upgrade: str) -> None:
    with connect(served.address) as sock:
        sock.sendall(request("stream.example.com", "/chat", "Connection: Upgrade", f"Upgrade: {upgrade}", "Sec-WebSocket-Key: k"))
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += sock.recv(1)
        assert head.startswith(b"HTTP/1.1 101 ")
        sock.sendall(b"both ways")
        assert sock.recv(100) == b"both ways"
    got = upgrading_origin[-1]
    assert b"\r\nUpgrade: websocket\r\n" in got
    assert b"\r\nConnection: upgrade\r\n" in got
    assert b"\r\nSec-WebSocket-Key: k\r\n" in got


@pytest.mark.parametrize(
    ("host", "upgrade"),
    [
        ("plain.example.com", "websocket"),
        ("plain.example.com", "h2c"),
        ("stream.example.com", "h2c"),
        ("stream.example.com", "websocket, h2c"),
    ],
)
def test_no_other_upgrade_passes(served: Proxy, upgrading_origin: list[bytes], host: str, upgrade: str) -> None:
    answer = ask(
        served.address, request(host, "/", "Connection: Upgrade, HTTP2-Settings", f"Upgrade: {upgrade}", "HTTP2-Settings: AAMAAABk")
    )
    assert (answer.status, answer.text) == (200, "plain")
    for name in (b"upgrade", b"connection", b"http2-settings"):
        assert b"\r\n" + name + b":" not in upgrading_origin[-1].lower()


@pytest.mark.parametrize(
    "begun",
    [b"", b"GET / HTTP/1.1\r\nHost: api.exam", b"POST / HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 9\r\n\r\nslow"],
    ids=["nothing", "half a head", "half a body"],
)
def test_slow_client_is_let_go(served: Proxy, begun: bytes) -> None:
    with connect(served.address) as sock:
        sock.sendall(begun)
        try:
            rest = sock.recv(65536)
        except ConnectionResetError:
            rest = b""
    assert rest == b"" or rest.startswith(b"HTTP/1.1 408 ")


def test_large_request_headers_pass_and_larger_ones_are_refused(served: Proxy) -> None:
    assert ask(served.address, request("api.example.com", "/", f"Cookie: {'x' * 15_000}")).status == 200
    assert ask(served.address, request("api.example.com", "/", f"Cookie: {'x' * 17_000}")).status == 400
    assert ask(served.address, request("api.example.com", "/" + "x" * 17_000)).status == 414


def fields(host: str, path: str) -> tuple[tuple[str, str], ...]:
    return ((":method", "GET"), (":scheme", "https"), (":authority", host), (":path", path))


def test_http2_with_prior_knowledge(served: Proxy, net: Addresses) -> None:
    with connect(served.address, source=net[82]) as sock:
        _, body = http2(sock, *fields("api.example.com", "/a%2Fb?c"), ("x-forwarded-for", "1.2.3.4"))
    text = body.decode()
    assert text.startswith("GET /a%2Fb?c HTTP/1.1\r\nHost: origin.example.net\r\n")
    assert f"\r\nX-Forwarded-For: {net[82]}\r\n" in text
    assert "1.2.3.4" not in text


def test_http2_to_an_unknown_host(served: Proxy) -> None:
    with connect(served.address) as sock:
        _, body = http2(sock, *fields("unknown.example.com", "/"))
    assert body == b"This host is not served here.\n"


def test_health_is_on_its_own_port_only(served: Proxy) -> None:
    assert ask(served.address, b"GET /healthz HTTP/1.0\r\n\r\n", port=HEALTH).text == "ok\n"
    for uri in ("/", "/healthz/", "/admin/"):
        assert ask(served.address, request("api.example.com", uri), port=HEALTH).status == 404
    assert ask(served.address, request("unknown.example.com", "/healthz")).status == 421
    assert ask(served.address, request("api.example.com", "/healthz")).text.startswith("GET /healthz HTTP/1.1")


def test_health_checks_are_not_logged(served: Proxy) -> None:
    before = ask(served.address, request("api.example.com", "/before"))
    ask(served.address, b"GET /healthz HTTP/1.1\r\nHost: probe\r\n\r\n", port=HEALTH)
    after = ask(served.address, request("api.example.com", "/after"))
    assert served.log_line(before.request_id)
    assert served.log_line(after.request_id)
    assert not [line for line in served.log_lines() if line["host"] == "probe"]
