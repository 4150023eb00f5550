"""What the origin is told, and what the client gets back."""

from __future__ import annotations

import pytest

from tests.support.http_client import ask, request
from tests.support.proxy import Addresses, Proxy

pytestmark = pytest.mark.nginx


def headers_at_origin(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.split("\r\n")[1:]:
        name, separator, value = line.partition(": ")
        if separator:
            found.setdefault(name.lower(), []).append(value)
    return found


def test_origin_sees_its_own_name_in_host_and_in_sni(served: Proxy) -> None:
    answer = ask(served.address, request("api.example.com"))
    assert answer.status == 200
    assert headers_at_origin(answer.text)["host"] == ["origin.example.net"]
    assert answer.headers["X-Origin-SNI"] == "origin.example.net"
    assert answer.headers["X-Origin-TLS"] == "TLSv1.3/TLS_AES_128_GCM_SHA256"


def test_configured_host_header_reaches_the_origin(served: Proxy) -> None:
    answer = ask(served.address, request("named.example.com"))
    assert headers_at_origin(answer.text)["host"] == ["www.example.org"]
    assert answer.headers["X-Origin-SNI"] == "origin.example.net"


@pytest.mark.parametrize("host", ["api.example.com", "partner.example.com", "API.Example.COM", "api.example.com:443", "api.example.com."])
def test_names_of_a_site(served: Proxy, host: str) -> None:
    assert ask(served.address, request(host)).status == 200


def test_client_is_told_as_the_connection_says_it(served: Proxy, net: Addresses) -> None:
    answer = ask(served.address, request("partner.example.com"), source=net[77])
    headers = headers_at_origin(answer.text)
    assert headers["x-forwarded-for"] == [net[77]]
    assert headers["x-real-ip"] == [net[77]]
    assert headers["x-forwarded-proto"] == ["https"]
    assert headers["x-forwarded-port"] == ["443"]
    assert headers["x-forwarded-host"] == ["partner.example.com"]


def test_what_the_client_claims_about_itself_is_not_passed_on(served: Proxy) -> None:
    names = [
        *("X-Forwarded-For", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Host", "Forwarded", "Proxy"),
        *("X-Client-IP", "True-Client-IP", "X-Cluster-Client-IP", "X-Forwarded-Server", "X-Forwarded-Prefix", "X-Forwarded-Scheme"),
        *("X-Forwarded-Ssl", "X-Original-URL", "X-Rewrite-URL", "X-Request-ID", "Proxy-Authorization", "Proxy-Connection", "TE"),
        *("HTTP2-Settings", "Keep-Alive", "X_Forwarded_For", "Upgrade"),
    ]
    answer = ask(served.address, request("api.example.com", "/", *(f"{name}: claimed" for name in names)))
    assert answer.status == 200
    assert "claimed" not in answer.text


def test_other_headers_arrive_unchanged(served: Proxy) -> None:
    sent = ["Authorization: Bearer a.b-c", "Accept: */*", "Cookie: a=1; b=2", "X-Api-Key: k", "Accept-Encoding: br", "Range: bytes=0-1"]
    answer = ask(served.address, request("api.example.com", "/", *sent, "User-Agent: partner/1"))
    for line in [*sent, "User-Agent: partner/1"]:
        assert f"\r\n{line}\r\n" in answer.text


def test_connection_to_the_origin_is_kept_and_client_cannot_close_it(served: Proxy) -> None:
    first, second = (ask(served.address, request("api.example.com", "/", "Connection: close")) for _ in range(2))
    assert first.headers["X-Origin-Connection"] == second.headers["X-Origin-Connection"]
    assert "connection" not in headers_at_origin(second.text)


def test_one_fresh_request_id_for_client_and_origin(served: Proxy) -> None:
    one, two = (ask(served.address, request("api.example.com", "/", "X-Request-ID: mine")) for _ in range(2))
    assert headers_at_origin(one.text)["x-request-id"] == [one.request_id]
    assert one.headers.get_all("X-Request-ID") == [one.request_id]
    assert len({one.request_id, two.request_id, "mine"}) == 3


def test_body_reaches_the_origin(served: Proxy) -> None:
    body = b"x" * 300_000
    answer = ask(served.address, request("api.example.com", "/upload", method="PUT", body=body))
    assert answer.body.endswith(b"\r\n\r\n" + body)


def test_large_answers_and_large_answer_headers(served: Proxy) -> None:
    assert len(ask(served.address, request("api.example.com", "/large-body")).body) == 4 * 2**20
    assert ask(served.address, request("api.example.com", "/large-header")).status == 200


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        ("https://origin.example.net/next?x=%2F", "https://api.example.com/next?x=%2F"),
        ("http://origin.example.net/next", "https://api.example.com/next"),
        ("https://ORIGIN.example.net:443/", "https://api.example.com/"),
        ("https://origin.example.net", "https://api.example.com/"),
        # Relative to the scheme would be another host.
        ("https://origin.example.net//elsewhere.example", "https://api.example.com//elsewhere.example"),
        ("https://origin.example.net.elsewhere.example/", "https://origin.example.net.elsewhere.example/"),
        ("https://originXexample.net/", "https://originXexample.net/"),
        ("https://elsewhere.example/?u=https://origin.example.net/", "https://elsewhere.example/?u=https://origin.example.net/"),
    ],
)
def test_redirect_to_the_origins_own_name(served: Proxy, said: str, heard: str) -> None:
    answer = ask(served.address, request("api.example.com", f"/redirect?to={said}"))
    assert answer.status == 302
    assert answer.headers["Location"] == heard


def test_redirect_keeps_the_port_that_the_client_used(served: Proxy) -> None:
    answer = ask(served.address, request("api.example.com:8443", "/redirect?to=https://origin.example.net/next"))
    assert answer.headers["Location"] == "https://api.example.com:8443/next"


def test_redirect_to_the_configured_host_header(served: Proxy) -> None:
    answer = ask(served.address, request("named.example.com", "/redirect?to=https://www.example.org/next"))
    assert answer.headers["Location"] == "https://named.example.com/next"


def test_origin_cannot_steer_the_proxy(served: Proxy) -> None:
    answer = ask(served.address, request("api.example.com", "/steer"))
    assert (answer.status, answer.text) == (200, "steered")


def test_versions_are_not_told(served: Proxy) -> None:
    for host in ("api.example.com", "unknown.example.com"):
        answer = ask(served.address, request(host))
        assert answer.headers["Server"] == "nginx"
