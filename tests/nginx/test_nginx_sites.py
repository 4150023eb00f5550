"""What a site may say about its requests and answers, seen in what arrives at the origin and at the client."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from tests.nginx.conftest import StartProxy
from tests.support.http_client import Answer, ask, connect, read, request
from tests.support.name_server import NameServer
from tests.support.proxy import Addresses, Proxy, environment, rendered
from tests.support.scripted_origin import ScriptedOrigin, reply, scripted_origin

pytestmark = pytest.mark.nginx
ORIGIN = "https://first.example.net"
OTHER = "https://second.example.net:8443"


def sites(net: Addresses) -> list[dict[str, Any]]:
    return [
        {"host": "plain.example.com", "origin": ORIGIN},
        {
            "host": "methods.example.com",
            "origin": ORIGIN,
            "methods": ["GET", "POST"],
            "paths": [
                {"path": "/wide/", "methods": ["GET", "POST", "DELETE"]},
                {"path": "/narrow", "methods": ["PUT"]},
                {"path": "/fixed", "answer": {"status": 200, "body": "fixed"}},
            ],
        },
        {
            "host": "headers.example.com",
            "origin": ORIGIN,
            "request_headers": {"X-Api-Key": "k 1;{}'#", "user-agent": "kotei", "Accept-Language": "", "x-client-IP": "ours"},
            "response_headers": {"X-Frame-Options": "DENY", "cache-control": "no-store", "X-Powered-By": ""},
            "paths": [{"path": "/denied/", "deny": True}, {"path": "/post", "methods": ["POST"]}],
        },
        {
            "host": "rewrite.example.com",
            "origin": ORIGIN,
            "paths": [
                {"path": "/api/", "rewrite": "/v2/deep/"},
                {"path": "/api/old/", "rewrite": "/"},
                {"path": "/one", "rewrite": "/two"},
                {"path": "/a.b+(c)/", "rewrite": "/plus+/", "origin": OTHER},
            ],
        },
        {
            "host": "answers.example.com",
            "origin": ORIGIN,
            "paths": [
                {"path": "/json", "answer": {"status": 200, "body": "{'a': 1}; #", "content_type": "application/json; charset=utf-8"}},
                {"path": "/none", "answer": {"status": 204}},
                *(
                    {"path": f"/{status}/", "answer": {"status": status, "location": "https://www.example.com/new?a=%20&b#c"}}
                    for status in (301, 302, 303, 307, 308)
                ),
                {"path": "/near", "answer": {"status": 302, "location": "/further"}},
                *({"path": f"/{status}", "answer": {"status": status}} for status in (400, 403, 404, 405, 408, 429, 494, 503)),
                {"path": "/gone", "answer": {"status": 410, "body": "gone", "content_type": "text/html"}},
            ],
        },
        {
            "host": "hosts.example.com",
            "origin": ORIGIN,
            "host_header": "site.example.org",
            "paths": [
                {"path": "/other", "origin": OTHER},
                {"path": "/named", "origin": OTHER, "host_header": "path.example.org:8080"},
                {"path": "/same", "origin": ORIGIN},
            ],
        },
        {
            "host": "private.example.com",
            "origin": ORIGIN,
            "allow": [f"{net[90]}/32", f"{net[96]}/28"],
            "paths": [{"path": "/fixed", "answer": {"status": 200, "body": "fixed"}}],
        },
        {
            "host": "maintenance.example.com",
            "origin": ORIGIN,
            "maintenance": {"message": "<h1>Back at 9:00</h1>", "content_type": "text/html", "retry_after": 1234},
            "paths": [{"path": "/admin/", "deny": True}, {"path": "/put", "methods": ["PUT"]}],
        },
    ]


@pytest.fixture(scope="module")
def origin(net: Addresses, dns: NameServer, authority: trustme.CA) -> Iterator[ScriptedOrigin]:
    dns.addresses |= {"first.example.net": [net[20]], "second.example.net": [net[20]]}
    with scripted_origin(net[20], authority.issue_cert("first.example.net", "second.example.net")) as running:
        yield running


@pytest.fixture(scope="module")
def proxied(start_proxy: StartProxy, origin: ScriptedOrigin, net: Addresses) -> Iterator[Proxy]:  # noqa: ARG001 # wanted for being there
    text = rendered(environment(sites(net))).replace("flush=1s", "flush=100ms")
    with start_proxy(text, 21, ["plain.example.com/", "hosts.example.com/other"]) as running:
        yield running


def asked(proxied: Proxy, name: str, uri: str = "/", *headers: str, **more: Any) -> Answer:
    source = more.pop("source", "")
    return ask(proxied.address, request(f"{name}.example.com", uri, *headers, **more), source=source)


def head(proxied: Proxy, uri: str) -> Answer:
    with connect(proxied.address) as sock:
        sock.sendall(request("methods.example.com", uri, method="HEAD"))
        return read(sock, "HEAD")


@pytest.mark.parametrize(
    ("uri", "method", "served"),
    [
        *(("/", method, True) for method in ("GET", "POST")),
        *(("/", method, False) for method in ("PUT", "DELETE", "OPTIONS", "PROPFIND", "get", "GETX", "XGET")),
        *(("/wide/x", method, True) for method in ("GET", "POST", "DELETE")),
        *(("/wide", method, False) for method in ("PUT", "PATCH")),
        *(("/narrow", method, method == "PUT") for method in ("PUT", "GET", "POST")),
    ],
)
def test_methods(proxied: Proxy, uri: str, method: str, *, served: bool) -> None:
    answer = asked(proxied, "methods", uri, method=method)
    if served:
        assert (answer.status, answer.headers["Allow"]) == (200, None)
        assert answer.text.startswith(f"{method} {uri} ")
        return
    allowed = {"/": "GET, HEAD, POST", "/narrow": "PUT"}.get(uri, "GET, HEAD, POST, DELETE")
    assert (answer.status, answer.headers["Allow"]) == ((400, None) if method == "get" else (405, allowed))


def test_head_goes_with_get(proxied: Proxy, origin: ScriptedOrigin) -> None:
    assert head(proxied, "/head").status == 200
    assert origin.asked("/head")[-1].head.startswith("HEAD /head ")
    assert head(proxied, "/narrow").status == 405


def test_refused_method_is_logged_with_its_route_and_asks_nobody(proxied: Proxy, origin: ScriptedOrigin) -> None:
    line = proxied.log_line(asked(proxied, "methods", "/wide/refused", method="PUT").request_id)
    assert (line["refused"], line["route"]) == ("method not allowed", "methods.example.com/wide/")
    assert not origin.asked("/wide/refused")


def test_fixed_answer_is_for_every_method(proxied: Proxy) -> None:
    assert asked(proxied, "methods", "/fixed", method="DELETE").text == "fixed"


def test_request_headers_take_the_place_of_the_clients(proxied: Proxy, origin: ScriptedOrigin) -> None:
    sent = ("User-Agent: the client's", "Accept-Language: ja", "X-Api-Key: stolen", "X-CLIENT-ip: 1.2.3.4", "X-Kept: kept")
    assert asked(proxied, "headers", "/set", *sent).status == 200
    assert asked(proxied, "plain", "/unset", *sent).status == 200
    changed, plain = origin.asked("/set")[-1], origin.asked("/unset")[-1]
    assert changed.header("X-Api-Key") == ["k 1;{}'#"]
    assert changed.header("User-Agent") == ["kotei"]
    assert changed.header("X-Client-IP") == ["ours"]
    assert changed.header("Accept-Language") == []
    # Everything that the proxy says by itself is still there.
    assert changed.header_names == plain.header_names - {"accept-language"} | {"x-client-ip"}
    for name in ("Host", "X-Forwarded-For", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Kept"):
        assert changed.header(name) == plain.header(name) != []
    assert changed.header("X-Forwarded-Host") == ["headers.example.com"]


def test_response_headers_take_the_place_of_the_origins(proxied: Proxy, origin: ScriptedOrigin) -> None:
    said = ("X-Frame-Options: ALLOW", "Cache-Control: max-age=1", "X-Powered-By: old", "X-Kept: kept", "X-Request-ID: theirs")
    origin.replies["/headers"] = reply(b"x", *said)
    headers = asked(proxied, "headers", "/headers").headers
    assert headers.get_all("X-Frame-Options") == ["DENY"]
    assert headers.get_all("Cache-Control") == ["no-store"]
    assert headers.get_all("X-Powered-By") is None
    assert headers.get_all("X-Kept") == ["kept"]
    (request_id,) = headers.get_all("X-Request-ID") or []
    assert request_id == origin.asked("/headers")[-1].header("X-Request-ID")[0]


@pytest.mark.parametrize(("uri", "status"), [("/denied/", 403), ("/post", 405), ("/%zz", 400)])
def test_response_headers_are_on_refusals_too(proxied: Proxy, uri: str, status: int) -> None:
    answer = asked(proxied, "headers", uri)
    # A request line that cannot be read belongs to no site yet.
    wanted = None if status == 400 else ["DENY"]
    assert (answer.status, answer.headers.get_all("X-Frame-Options")) == (status, wanted)
    assert len(answer.headers.get_all("X-Request-ID") or []) == 1


@pytest.mark.parametrize(
    ("uri", "arrives"),
    [
        ("/api/", "/v2/deep/"),
        ("/api", "/v2/deep"),
        ("/api?q=/../", "/v2/deep?q=/../"),
        ("/api/users?a=%20&b=//", "/v2/deep/users?a=%20&b=//"),
        ("/api/%2F%2e%41+%E3%81%82?%zz", "/v2/deep/%2F%2e%41+%E3%81%82?%zz"),
        ("/api//a///b", "/v2/deep//a///b"),
        ("/api/.hidden/..a/...", "/v2/deep/.hidden/..a/..."),
        ("/api/a;b='$1\\1$host", "/v2/deep/a;b='$1\\1$host"),
        ("/api/old/x?y", "/x?y"),
        ("/api/old", "/"),
        ("/api/old?y", "/?y"),
        ("/one", "/two"),
        ("/one?x=1", "/two?x=1"),
        ("/one/", "/one/"),
        ("/ones", "/ones"),
        ("/API/x", "/API/x"),
        ("/a.b+(c)/d", "/plus+/d"),
        ("/aXb+(c)/d", "/aXb+(c)/d"),
    ],
)
def test_rewrite_keeps_what_follows_byte_for_byte(proxied: Proxy, uri: str, arrives: str) -> None:
    answer = asked(proxied, "rewrite", uri)
    assert answer.text.startswith(f"GET {arrives} HTTP/1.1\r\n")
    wanted = "second.example.net:8443" if "plus" in arrives else "first.example.net"
    assert f"\r\nHost: {wanted}\r\n" in answer.text


@pytest.mark.parametrize(
    "uri",
    [
        *("//api/x", "/%61pi/x", "/api%2Fx", "/./api/x", "/y/../api/x", "/api/./x", "/api/a/../x", "/api/a/..", "/api/."),
        *("/api/%2e/x", "/api/a/%2E%2e/x", "/api/a/.%2e/x", "/api/a%2f..%2fx", "/api/a/..?x", "/api/..%2Fapi/x", "/%6fne", "//one"),
        # What some origins read as dot segments.
        *("/api/..;/x", "/api/..;a=b/x", "/api/a/.%3b", "/api/..%5cx", "/api/%5c../x", "/api/..%5C", "/api/.;/x"),
    ],
)
def test_path_to_rewrite_that_is_written_otherwise_is_refused(proxied: Proxy, origin: ScriptedOrigin, uri: str) -> None:
    before = len(origin.requests)
    answer = asked(proxied, "rewrite", uri)
    assert (answer.status, len(origin.requests)) == (400, before)
    assert proxied.log_line(answer.request_id)["refused"] == "malformed request"


def test_fixed_answer_with_a_body(proxied: Proxy) -> None:
    answer = asked(proxied, "answers", "/json?x")
    assert (answer.status, answer.text) == (200, "{'a': 1}; #")
    assert answer.headers.get_all("Content-Type") == ["application/json; charset=utf-8"]
    assert proxied.log_line(answer.request_id)["refused"] == "fixed answer"
    gone = asked(proxied, "answers", "/gone")
    assert (gone.status, gone.text, gone.headers["Content-Type"]) == (410, "gone", "text/html")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_fixed_redirect(proxied: Proxy, status: int) -> None:
    for uri in (f"/{status}", f"/{status}/any?thing"):
        answer = asked(proxied, "answers", uri)
        assert (answer.status, answer.headers.get_all("Location")) == (status, ["https://www.example.com/new?a=%20&b#c"])


def test_redirect_to_a_path_stays_on_the_clients_scheme_and_port(proxied: Proxy) -> None:
    assert asked(proxied, "answers", "/near").headers.get_all("Location") == ["/further"]


@pytest.mark.parametrize("status", [400, 403, 404, 405, 408, 429, 494, 503])
def test_fixed_answer_without_a_body_has_none(proxied: Proxy, status: int) -> None:
    answer = asked(proxied, "answers", f"/{status}")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (status, b"", "0")


def test_no_content(proxied: Proxy) -> None:
    answer = asked(proxied, "answers", "/none")
    assert (answer.status, answer.body, answer.headers["Content-Length"]) == (204, b"", None)


@pytest.mark.parametrize(
    ("uri", "host"),
    [("/", "site.example.org"), ("/other", "second.example.net:8443"), ("/named", "path.example.org:8080"), ("/same", "site.example.org")],
)
def test_host_header_of_a_path(proxied: Proxy, uri: str, host: str) -> None:
    assert f"\r\nHost: {host}\r\n" in asked(proxied, "hosts", uri).text


@pytest.mark.parametrize("last", [90, 96, 111])
def test_clients_of_a_site(proxied: Proxy, net: Addresses, last: int) -> None:
    assert asked(proxied, "private", "/any", source=net[last]).status == 200
    assert asked(proxied, "private", "/fixed", source=net[last]).text == "fixed"


@pytest.mark.parametrize("last", [91, 95, 112])
@pytest.mark.parametrize("uri", ["/any", "/fixed"])
def test_nobody_else_gets_into_a_site(proxied: Proxy, origin: ScriptedOrigin, net: Addresses, uri: str, last: int) -> None:
    before, allowed = len(origin.requests), net[90]
    answer = asked(proxied, "private", uri, f"X-Forwarded-For: {allowed}", f"X-Real-IP: {allowed}", source=net[last])
    assert (answer.status, len(origin.requests)) == (403, before)
    assert proxied.log_line(answer.request_id)["refused"] == "client not allowed"


def test_other_sites_are_for_everybody(proxied: Proxy, net: Addresses) -> None:
    assert asked(proxied, "plain", "/", source=net[91]).status == 200


@pytest.mark.parametrize(("uri", "method"), [("/", "GET"), ("/any?thing", "POST"), ("/admin/", "GET"), ("/put", "GET")])
def test_maintenance_answers_everything(proxied: Proxy, origin: ScriptedOrigin, uri: str, method: str) -> None:
    before = len(origin.requests)
    answer = asked(proxied, "maintenance", uri, method=method)
    assert (answer.status, answer.text, len(origin.requests)) == (503, "<h1>Back at 9:00</h1>", before)
    assert (answer.headers.get_all("Retry-After"), answer.headers.get_all("Content-Type")) == (["1234"], ["text/html"])
    assert proxied.log_line(answer.request_id)["refused"] == "maintenance"
