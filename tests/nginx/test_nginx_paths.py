"""Which request goes where, and that its URI arrives as it was sent."""

from __future__ import annotations

import pytest

from tests.support.http_client import ask, request
from tests.support.proxy import Proxy

pytestmark = pytest.mark.nginx

RAW = [
    *("/", "/?", "/??", "/?a=1&b=%20", "/a?b?c", "/a%2Fb", "/a%2fb", "/a%3Fb", "/a%3fb=1", "/a%25b", "/a%2525b", "/%61"),
    *("//", "//a", "/a//b", "/a///", "/a/./b", "/a/../b", "/a/..", "/a/.", "/a/%2e%2e/b", "/a/%2E/b", "/a%5Cb", "/a\\b"),
    *("/a;b=1", "/a+b", "/a%20b", "/a%0d%0ab", "/a%0D%0AX-Injected:%201", "/a?x=%0d%0a", "/a%23b", "/~a", "/a'b", '/a"b', "/a|b", "/{a}"),
    *(
        "/a:b",
        "/@a",
        "/a,b",
        "/(a)",
        "/$host",
        "/${host}",
        "/a%c3%a9",
        "/a\xe9",
        "/a?x=/../",
        "/?u=https://elsewhere.example/",
        "/a%00b"[:2],
    ),
]


@pytest.mark.parametrize("uri", RAW)
def test_uri_arrives_byte_for_byte(served: Proxy, uri: str) -> None:
    answer = ask(served.address, request("api.example.com", uri))
    assert answer.text.split("\r\n")[0] == f"GET {uri} HTTP/1.1"


@pytest.mark.parametrize("uri", ["/..", "/a/../../b", "/%2e%2e/", "/a%00b", "/%zz", "a", "*"])
def test_uri_that_means_nothing_is_refused_here(served: Proxy, uri: str) -> None:
    answer = ask(served.address, request("api.example.com", uri))
    assert answer.status == 400


@pytest.mark.parametrize(
    ("uri", "origin"),
    [
        ("/", "origin.example.net"),
        ("/filesystem", "origin.example.net"),
        ("/files/", "files.example.net:8443"),
        ("/files/a/b?c", "files.example.net:8443"),
        ("/files", "files.example.net:8443"),
        ("/exact", "files.example.net:8443"),
        ("/exact?a", "files.example.net:8443"),
        ("/exact/", "origin.example.net"),
        ("/exactly", "origin.example.net"),
    ],
)
def test_path_rules(served: Proxy, uri: str, origin: str) -> None:
    answer = ask(served.address, request("api.example.com", uri))
    assert answer.status == 200
    assert f"\r\nHost: {origin}\r\n" in answer.text
    assert answer.text.startswith(f"GET {uri} ")
    assert answer.headers["X-Origin-SNI"] == origin.partition(":")[0]


@pytest.mark.parametrize(
    "uri",
    [
        *("/admin/", "/admin/x?y", "/admin", "/secret", "/secret?x", "//admin/", "/./admin/", "/a/../admin/", "/%61dmin/", "/admin%2F"),
        *("/files/../admin/", "/admin//", "/a/%2e%2e/admin/", "http://api.example.com/admin/"),
    ],
)
def test_denied_paths_however_they_are_written(served: Proxy, uri: str) -> None:
    answer = ask(served.address, request("api.example.com", uri))
    assert answer.status == 403
    assert served.log_line(answer.request_id)["refused"] == "path denied"


@pytest.mark.parametrize("uri", ["/secret/", "/secrets", "/administration", "/x/admin/"])
def test_neighbours_of_denied_paths_are_served(served: Proxy, uri: str) -> None:
    assert ask(served.address, request("api.example.com", uri)).status == 200


@pytest.mark.parametrize("host", ["unknown.example.com", "127.0.0.1", "origin.example.net", "example.com", "x.api.example.com"])
def test_unknown_host_is_refused(served: Proxy, host: str) -> None:
    answer = ask(served.address, request(host, "/some/path"))
    assert answer.status == 421
    line = served.log_line(answer.request_id)
    assert (line["refused"], line["host"], line["upstream_addr"]) == ("unknown host", host, "")


def test_host_in_the_request_line_wins(served: Proxy) -> None:
    inside = ask(served.address, b"GET http://api.example.com/a//b HTTP/1.1\r\nHost: unknown.example.com\r\n\r\n")
    assert inside.status == 200
    assert inside.text.startswith("GET /a//b HTTP/1.1\r\nHost: origin.example.net\r\n")
    outside = ask(served.address, b"GET http://169.254.170.2/v2/credentials HTTP/1.1\r\nHost: api.example.com\r\n\r\n")
    assert outside.status == 421


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: api.example.com\r\nHost: unknown.example.com\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: api.example.com/../x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: api.example.com\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: api.example.com\r\nX: a\x00b\r\n\r\n",
    ],
)
def test_malformed_requests_are_refused(served: Proxy, raw: bytes) -> None:
    answer = ask(served.address, raw)
    assert answer.status == 400
    assert served.log_line(answer.request_id)["refused"] == "malformed request"
