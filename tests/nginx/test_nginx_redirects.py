"""Where an origin sends clients, and for which host its cookies are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import trustme

from tests.nginx.conftest import StartProxy
from tests.support.http_client import Answer, ask, request
from tests.support.name_server import NameServer
from tests.support.proxy import Addresses, Proxy, environment, rendered
from tests.support.scripted_origin import ScriptedOrigin, reply, scripted_origin

pytestmark = pytest.mark.nginx
SITES: list[dict[str, Any]] = [
    {
        "host": "shop.example.com",
        "aliases": ["store.example.com"],
        "origin": "https://first.example.org",
        "host_header": "www.example.org:8080",
        "paths": [
            {"path": "/other/", "origin": "https://other.example.org:8443"},
            {"path": "/v1/", "rewrite": "/api/2019/"},
            {"path": "/top/", "rewrite": "/"},
        ],
    },
]


@pytest.fixture(scope="module")
def origin(net: Addresses, dns: NameServer, authority: trustme.CA) -> Iterator[ScriptedOrigin]:
    dns.addresses |= {"first.example.org": [net[24]], "other.example.org": [net[24]]}
    with scripted_origin(net[24], authority.issue_cert("first.example.org", "other.example.org")) as running:
        yield running


@pytest.fixture(scope="module")
def proxied(start_proxy: StartProxy, origin: ScriptedOrigin) -> Iterator[Proxy]:  # noqa: ARG001 # wanted for being there
    with start_proxy(rendered(environment(SITES)), 25, ["shop.example.com/", "shop.example.com/other/"]) as running:
        yield running


def answered(proxied: Proxy, origin: ScriptedOrigin, header: str, uri: str = "/", host: str = "shop.example.com") -> Answer:
    origin.replies[uri] = reply(b"", header, status="302 Found")
    return ask(proxied.address, request(host, uri))


@pytest.mark.parametrize("host", ["shop.example.com", "store.example.com", "shop.example.com:8443"])
@pytest.mark.parametrize(
    ("location", "rest"),
    [
        ("https://first.example.org/a%2Fb?c=https://first.example.org/#d", "/a%2Fb?c=https://first.example.org/#d"),
        ("https://first.example.org", "/"),
        ("https://first.example.org:443/a", "/a"),
        ("http://first.example.org/a", "/a"),
        ("http://first.example.org:80/a", "/a"),
        ("HTTPS://First.Example.ORG/a", "/a"),
        ("https://www.example.org:8080/a", "/a"),
    ],
)
def test_redirect_of_an_origin_to_itself_leads_to_the_host_that_was_asked(
    proxied: Proxy, origin: ScriptedOrigin, location: str, rest: str, host: str
) -> None:
    assert answered(proxied, origin, f"Location: {location}", host=host).headers.get_all("Location") == [f"https://{host}{rest}"]


@pytest.mark.parametrize(
    "location",
    [
        *("https://elsewhere.example.org/a", "https://first.example.org.evil.example/", "https://first.example.org:8443/a"),
        *("https://x.first.example.org/", "/relative?a", "../up", "https://other.example.org:8443/", "https://www.example.org/"),
        *("https://firstxexample.org/", "https://first.example.org@evil.example/", "?https://first.example.org/"),
    ],
)
def test_other_redirects_stay_as_they_are(proxied: Proxy, origin: ScriptedOrigin, location: str) -> None:
    assert answered(proxied, origin, f"Location: {location}").headers.get_all("Location") == [location]


def test_path_with_an_origin_of_its_own(proxied: Proxy, origin: ScriptedOrigin) -> None:
    own, sites = "https://other.example.org:8443/a", "https://first.example.org/a"
    assert answered(proxied, origin, f"Location: {own}", "/other/").headers["Location"] == "https://shop.example.com/a"
    assert answered(proxied, origin, f"Location: {sites}", "/other/").headers["Location"] == sites


@pytest.mark.parametrize(
    ("uri", "location", "told"),
    [
        ("/v1/a", "https://first.example.org/api/2019/b?c", "https://shop.example.com/v1/b?c"),
        ("/v1/a", "https://www.example.org:8080/api/2019/", "https://shop.example.com/v1/"),
        ("/v1/a", "/api/2019/b%2Fc", "/v1/b%2Fc"),
        ("/v1/a", "/api/2018/b", "/api/2018/b"),
        ("/v1/a", "https://first.example.org/login", "https://shop.example.com/login"),
        ("/top/a", "/login", "/top/login"),
        ("/other/a", "/api/2019/b", "/api/2019/b"),
    ],
)
def test_redirect_to_a_path_that_clients_know_by_another_name(
    proxied: Proxy, origin: ScriptedOrigin, uri: str, location: str, told: str
) -> None:
    there = uri.replace("/v1/", "/api/2019/").replace("/top/", "/")
    origin.replies[there] = reply(b"", f"Location: {location}", status="302 Found")
    assert ask(proxied.address, request("shop.example.com", uri)).headers.get_all("Location") == [told]


@pytest.mark.parametrize(
    ("cookie", "told"),
    [
        ("a=b; Domain=first.example.org; Path=/; Secure", "a=b; Domain=store.example.com; Path=/; Secure"),
        ("a=b; domain=.first.example.org", "a=b; domain=.store.example.com"),
        ("a=b; Domain=www.example.org", "a=b; Domain=store.example.com"),
        ("a=b; Domain=example.org", "a=b; Domain=example.org"),
        ("a=b; Domain=elsewhere.example.org", "a=b; Domain=elsewhere.example.org"),
        ("a=first.example.org; Path=/first.example.org", "a=first.example.org; Path=/first.example.org"),
    ],
)
def test_cookie_domains(proxied: Proxy, origin: ScriptedOrigin, cookie: str, told: str) -> None:
    answer = answered(proxied, origin, f"Set-Cookie: {cookie}", host="store.example.com")
    assert answer.headers.get_all("Set-Cookie") == [told]
