"""Every rule of a site's hosts, origin and paths: what is written, and the sentence that its author reads."""
# ruff: noqa: E501 - each sentence is compared whole, and stands on one line so that it can be searched for

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

ROWS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("no sites", {"sites": []}, ["sites: [] is empty; at least 1 is needed"]),
    (
        "upper",
        {"sites.0.host": "API.example.com"},
        ["sites[0].host: 'API.example.com' is not a host name: write it in lower case: 'api.example.com'"],
    ),
    (
        "idn",
        {"sites.0.host": "bücher.example.com"},
        ["sites[0].host: 'bücher.example.com' is not a host name: write it in its ASCII form: 'xn--bcher-kva.example.com'"],
    ),
    (
        "one label",
        {"sites.0.host": "localhost"},
        ["sites[0].host: 'localhost' is not a host name: it needs a domain, like 'api.example.com'"],
    ),
    (
        "underscore",
        {"sites.0.host": "my_api.example.com"},
        [
            "sites[0].host: 'my_api.example.com' is not a host name: the part 'my_api' has to be 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends"
        ],
    ),
    (
        "wildcard host",
        {"sites.0.host": "*.example.com"},
        ["sites[0].host: '*.example.com' is not a host name: the part '*' has to be 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends"],
    ),
    (
        "ip host",
        {"sites.0.host": "203.0.113.9"},
        [
            "sites[0].host: '203.0.113.9' is not a host name: it has to end in a top-level domain, like 'api.example.com'; an IP address is no name"
        ],
    ),
    (
        "trailing dot",
        {"sites.0.host": "api.example.com."},
        [
            "sites[0].host: 'api.example.com.' is not a host name: the part '' has to be 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends"
        ],
    ),
    (
        "long host",
        {"sites.0.host": ".".join(["a" * 50] * 6)},
        [
            "sites[0].host: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.aaaaaaaaaaaaaaaaaaaaaaaaa... is not a host name: it has 305 characters, at most 253 are allowed"
        ],
    ),
    (
        "inject",
        {"sites.0.host": "a.example.com;return 200"},
        [
            "sites[0].host: 'a.example.com;return 200' is not a host name: the part 'com;return 200' has to be 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends"
        ],
    ),
    (
        "same host",
        {"sites.1.host": "api.example.com"},
        ["sites[1].host: 'api.example.com' is sites[0].host already; a host belongs to one site"],
    ),
    (
        "same alias",
        {"sites.1.aliases": ["partner.example.com"]},
        ["sites[1].aliases[0]: 'partner.example.com' is sites[0].aliases[0] already; a host belongs to one site"],
    ),
    (
        "own alias",
        {"sites.0.aliases": ["api.example.com"]},
        ["sites[0].aliases[0]: 'api.example.com' is sites[0].host already; a host belongs to one site"],
    ),
    (
        "http",
        {"sites.0.origin": "http://origin.example.net"},
        ["sites[0].origin: 'http://origin.example.net' is not encrypted; an origin is reached by https, like 'https://origin.example.net'"],
    ),
    (
        "no scheme",
        {"sites.0.origin": "origin.example.net"},
        ["sites[0].origin: 'origin.example.net' is not an https address; write it like 'https://origin.example.net'"],
    ),
    (
        "path",
        {"sites.0.origin": "https://origin.example.net/v1"},
        [
            "sites[0].origin: 'https://origin.example.net/v1' has a path or query; an origin is only https://host or https://host:port: 'https://origin.example.net'"
        ],
    ),
    (
        "slash",
        {"sites.0.origin": "https://origin.example.net/"},
        [
            "sites[0].origin: 'https://origin.example.net/' has a path or query; an origin is only https://host or https://host:port: 'https://origin.example.net'"
        ],
    ),
    (
        "user",
        {"sites.0.origin": "https://user:secret@origin.example.net"},  # pragma: allowlist secret
        ["sites[0].origin: holds a user name or password; an origin is only https://host or https://host:port"],
    ),
    (
        "port",
        {"sites.0.origin": "https://origin.example.net:65536"},
        ["sites[0].origin: 'origin.example.net:65536' has no valid port; ports are 1 to 65535"],
    ),
    (
        "ip",
        {"sites.0.origin": "https://10.0.0.1"},
        [
            "sites[0].origin: '10.0.0.1' is not a host name: it has to end in a top-level domain, like 'api.example.com'; an IP address is no name"
        ],
    ),
    (
        "metadata",
        {"sites.0.origin": "https://169.254.169.254"},
        [
            "sites[0].origin: '169.254.169.254' is not a host name: it has to end in a top-level domain, like 'api.example.com'; an IP address is no name"
        ],
    ),
    (
        "newline",
        {"sites.0.origin": "https://origin.example.net\n.evil.example"},
        [
            "sites[0].origin: 'origin.example.net\\n.evil.example' is not a host name: the part 'net\\n' has to be 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends"
        ],
    ),
    (
        "circle",
        {"sites.0.paths.0.origin": "https://stream.example.com"},
        ["sites[0].paths[0].origin: 'https://stream.example.com' is a host of this proxy itself; its requests would go in a circle"],
    ),
    (
        "host header",
        {"sites.0.host_header": "origin.example.net\r\nX-Evil: 1"},
        [
            "sites[0].host_header: 'origin.example.net\\r\\nX-Evil' is not a host name: write it in lower case: 'origin.example.net\\r\\nx-evil'"
        ],
    ),
    ("path start", {"sites.0.paths.0.path": "files/"}, ["sites[0].paths[0].path: 'files/' is not a path; it begins with '/'"]),
    (
        "path meta",
        {"sites.0.paths.0.path": "/a;b"},
        ["sites[0].paths[0].path: '/a;b' is not a path: ';' is not allowed; use A-Z a-z 0-9 / . _ ~ ! ( ) * + , = : @ & -"],
    ),
    (
        "path space",
        {"sites.0.paths.0.path": "/a b"},
        ["sites[0].paths[0].path: '/a b' is not a path: ' ' is not allowed; use A-Z a-z 0-9 / . _ ~ ! ( ) * + , = : @ & -"],
    ),
    (
        "path query",
        {"sites.0.paths.0.path": "/a?b=1"},
        ["sites[0].paths[0].path: '/a?b=1' is not a path: '?' is not allowed; use A-Z a-z 0-9 / . _ ~ ! ( ) * + , = : @ & -"],
    ),
    (
        "path dots",
        {"sites.0.paths.0.path": "/a/../b"},
        ["sites[0].paths[0].path: '/a/../b' never matches: requests are cleaned of '//', '/./' and '/../' before they are compared"],
    ),
    (
        "path root",
        {"sites.0.paths.0.path": "/"},
        ["sites[0].paths[0].path: '/' is every path, and those go to the site's own origin; name a path below it"],
    ),
    ("path twice", {"sites.0.paths.1.path": "/files/"}, ["sites[0].paths[1].path: '/files/' is in paths[0] already; remove one"]),
    ("connect", {"sites.0.connect_timeout": 76}, ["sites[0].connect_timeout: 76 is too big; at most 75"]),
    ("read", {"sites.0.read_timeout": 351}, ["sites[0].read_timeout: 351 is too big; at most 350"]),
    ("body", {"sites.0.max_body": 0}, ["sites[0].max_body: 0 is too small; at least 1"]),
    ("rate", {"sites.0.rate_limit.requests_per_second": 0}, ["sites[0].rate_limit.requests_per_second: 0 is too small; at least 1"]),
    (
        "rate blind",
        {"loadbalancer.preserve_client_ip": False},
        [
            "sites[0].rate_limit: would take all clients for one, since the proxy does not see their addresses; set loadbalancer.preserve_client_ip or loadbalancer.proxy_protocol to true"
        ],
    ),
]


@pytest.mark.parametrize(("edits", "problems"), [pytest.param(edits, problems, id=name) for name, edits, problems in ROWS])
def test_says_what_is_wrong_and_what_would_be_right(
    edits: dict[str, Any], problems: list[str], judge: Callable[[dict[str, Any]], list[str]]
) -> None:
    assert judge(edits) == problems


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param({"sites.0.origin": "https://xn--bcher-kva.example.net:1"}, id="international origin"),
        pytest.param({"sites.0.paths.0.path": "/v1/items(1)/a~b@c:d=e&f*!+,"}, id="every character of a path"),
        pytest.param({"sites.0.paths.1": {"path": "/files", "rewrite": "/v2/files"}}, id="an exact path and a prefix"),
        pytest.param({"sites.0.paths.1": {"path": "/start", "rewrite": "/v2/"}}, id="an exact path into a folder"),
    ],
)
def test_takes(edits: dict[str, Any], judge: Callable[[dict[str, Any]], list[str]]) -> None:
    assert judge(edits) == []
