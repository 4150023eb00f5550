"""Every rule of what a site asks of HTTP (methods, headers, answers, limits): what is written, and the sentence that its author reads."""
# ruff: noqa: E501 - each sentence is compared whole, and stands on one line so that it can be searched for

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

ROWS: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "method unknown",
        {"sites.0.methods": ["GET", "TRACE"]},
        [
            "sites[0].methods[1]: 'TRACE' is not allowed; choose 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK' or 'UNLOCK'"
        ],
    ),
    (
        "methods of a path",
        {"sites.0.paths.0.methods": ["get"]},
        [
            "sites[0].paths[0].methods[0]: 'get' is not allowed; choose 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'PROPPATCH', 'MKCOL', 'COPY', 'MOVE', 'LOCK' or 'UNLOCK'"
        ],
    ),
    (
        "header name",
        {"sites.0.request_headers": {"X Partner": "kotei"}},
        ["sites[0].request_headers: 'X Partner' is not a header name: 1 to 46 letters, digits and '-', beginning with a letter"],
    ),
    (
        "header name empty",
        {"sites.0.request_headers": {"": "kotei"}},
        ["sites[0].request_headers: '' is not a header name: 1 to 46 letters, digits and '-', beginning with a letter"],
    ),
    (
        "request header of our own",
        {"sites.0.request_headers": {"X-Forwarded-For": "192.0.2.1"}},
        ["sites[0].request_headers: 'X-Forwarded-For' is set by the proxy itself for each request; remove it"],
    ),
    (
        "hop by hop header",
        {"sites.0.request_headers": {"connection": "close"}},
        ["sites[0].request_headers: 'connection' is set by the proxy itself for each request; remove it"],
    ),
    (
        "response header of our own",
        {"sites.0.response_headers": {"Server": "kotei"}},
        ["sites[0].response_headers: 'Server' is set by the proxy itself for each request; remove it"],
    ),
    (
        "header in two spellings",
        {"sites.0.request_headers": {"X-Partner": "a", "x-partner": "b"}},
        ["sites[0].request_headers.x-partner: is X-Partner already; header names are the same in upper and lower case"],
    ),
    (
        "response header in two spellings",
        {"sites.0.response_headers": {"X-A": "a", "X-a": "b"}},
        ["sites[0].response_headers.X-a: is X-A already; header names are the same in upper and lower case"],
    ),
    (
        "header with a variable",
        {"sites.0.request_headers": {"X-Partner": "$host"}},
        [
            "sites[0].request_headers.X-Partner: '$host' holds '$'; allowed are ASCII letters, digits, spaces and signs, but not \", \\ and $"
        ],
    ),
    (
        "header with a quote",
        {"sites.0.response_headers": {"X-Partner": 'a"; return 200'}},
        [
            "sites[0].response_headers.X-Partner: 'a\"; return 200' holds '\"'; allowed are ASCII letters, digits, spaces and signs, but not \", \\ and $"
        ],
    ),
    (
        "header with a new line",
        {"sites.0.response_headers": {"X-Partner": "a\r\nSet-Cookie: b"}},
        [
            "sites[0].response_headers.X-Partner: 'a\\r\\nSet-Cookie: b' holds '\\r'; allowed are ASCII letters, digits, spaces and signs, but not \", \\ and $"
        ],
    ),
    (
        "header not in ASCII",
        {"sites.0.response_headers": {"X-Partner": "固定"}},
        [
            "sites[0].response_headers.X-Partner: '固定' holds '固'; allowed are ASCII letters, digits, spaces and signs, but not \", \\ and $"
        ],
    ),
    (
        "header with a space at its end",
        {"sites.0.request_headers": {"X-Partner": "kotei "}},
        ["sites[0].request_headers.X-Partner: 'kotei ' has a space at an end, which is no part of a header's value; write it without"],
    ),
    (
        "header long",
        {"sites.0.request_headers": {"X-Partner": "x" * 1025}},
        [
            "sites[0].request_headers.X-Partner: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... has 1025 characters; at most 1024 are allowed"
        ],
    ),
    ("header not a text", {"sites.0.request_headers": {"X-Partner": 1}}, ["sites[0].request_headers.X-Partner: 1 is not a text in quotes"]),
    (
        "rule of nothing",
        {"sites.0.paths.1.deny": False},
        ["sites[0].paths[1]: says nothing about its path; give it an origin, a rewrite, deny, an answer or a limit"],
    ),
    (
        "rule of an empty list",
        {"sites.0.paths.1": {"path": "/a", "methods": []}},
        ["sites[0].paths[1]: says nothing about its path; give it an origin, a rewrite, deny, an answer or a limit"],
    ),
    (
        "deny with an origin",
        {"sites.0.paths.1.origin": "https://files.example.net"},
        ["sites[0].paths[1]: says more than one thing: deny and answer each stand alone beside path"],
    ),
    (
        "deny with a limit",
        {"sites.0.paths.1.max_body": 5},
        ["sites[0].paths[1]: says more than one thing: deny and answer each stand alone beside path"],
    ),
    (
        "deny with an answer",
        {"sites.0.paths.1.answer": {"status": 404}},
        ["sites[0].paths[1]: says more than one thing: deny and answer each stand alone beside path"],
    ),
    (
        "answer with an origin",
        {"sites.0.paths.0.answer": {"status": 404}},
        ["sites[0].paths[0]: says more than one thing: deny and answer each stand alone beside path"],
    ),
    (
        "host header without an origin",
        {"sites.0.paths.0": {"path": "/files/", "host_header": "files.example.net", "read_timeout": 5}},
        ["sites[0].paths[0].host_header: belongs to an origin of the path's own; give one, or remove it"],
    ),
    (
        "rewrite of a prefix",
        {"sites.0.paths.0.rewrite": "/v2"},
        ["sites[0].paths[0].rewrite: '/v2' has to end in '/', as the path does: what follows is put behind it"],
    ),
    ("rewrite no path", {"sites.0.paths.0.rewrite": "v2/"}, ["sites[0].paths[0].rewrite: 'v2/' is not a path; it begins with '/'"]),
    (
        "long path",
        {"sites.0.paths.0.path": "/" + "a" * 1024},
        [
            "sites[0].paths[0].path: '/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa... has 1025 characters; at most 1024 are allowed"
        ],
    ),
    ("path read", {"sites.0.paths.0.read_timeout": 351}, ["sites[0].paths[0].read_timeout: 351 is too big; at most 350"]),
    ("path body", {"sites.0.paths.0.max_body": 10241}, ["sites[0].paths[0].max_body: 10241 is too big; at most 10240"]),
    (
        "status low",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 199}}},
        ["sites[0].paths[1].answer.status: 199 is too small; at least 200"],
    ),
    (
        "status high",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 600}}},
        ["sites[0].paths[1].answer.status: 600 is too big; at most 599"],
    ),
    (
        "status of nginx",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 444}}},
        [
            "sites[0].paths[1].answer.status: 444 is no answer by itself (304 answers a condition, 444 and 499 are nginx's own marks); choose another one"
        ],
    ),
    (
        "status of a cache",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 304}}},
        [
            "sites[0].paths[1].answer.status: 304 is no answer by itself (304 answers a condition, 444 and 499 are nginx's own marks); choose another one"
        ],
    ),
    (
        "redirection nowhere",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 301}}},
        ["sites[0].paths[1].answer.location: is missing: 301 sends the client somewhere; say where"],
    ),
    (
        "location without redirection",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 200, "location": "/b"}}},
        ["sites[0].paths[1].answer.location: is not sent with status 200; it goes with 301, 302, 303, 307, 308"],
    ),
    (
        "location http",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 302, "location": "http://www.example.com/"}}},
        ["sites[0].paths[1].answer.location: 'http://www.example.com/' is not an https URL or a path, like 'https://www.example.com/'"],
    ),
    (
        "body with redirection",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 302, "location": "/b", "body": "moved"}}},
        ["sites[0].paths[1].answer.body: is not sent with status 302; remove it"],
    ),
    (
        "body of 204",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 204, "body": "none"}}},
        ["sites[0].paths[1].answer.body: is not sent with status 204; remove it"],
    ),
    (
        "body not in ASCII",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 200, "body": "固定"}}},
        ["sites[0].paths[1].answer.body: '固定' holds '固'; allowed are ASCII letters, digits, spaces and signs, but not \", \\ and $"],
    ),
    (
        "body with a variable",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 200, "body": "$host"}}},
        ["sites[0].paths[1].answer.body: '$host' holds '$'; allowed are ASCII letters, digits, spaces and signs, but not \", \\ and $"],
    ),
    (
        "body long",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 200, "body": "x" * 4001}}},
        ["sites[0].paths[1].answer.body: has 4001 characters; nginx takes at most 4000"],
    ),
    (
        "media type",
        {"sites.0.paths.1": {"path": "/a", "answer": {"status": 200, "content_type": "json"}}},
        ["sites[0].paths[1].answer.content_type: 'json' is not a media type, like 'application/json'"],
    ),
    (
        "maintenance without a message",
        {"sites.0.maintenance": {"retry_after": 60}},
        ["sites[0].maintenance.message: is missing: What clients read"],
    ),
    (
        "maintenance message",
        {"sites.0.maintenance": {"message": "a\\b"}},
        ["sites[0].maintenance.message: 'a\\\\b' holds '\\\\'; allowed are ASCII letters, digits, spaces and signs, but not \", \\ and $"],
    ),
    (
        "retry",
        {"sites.0.maintenance": {"message": "Back at nine", "retry_after": 0}},
        ["sites[0].maintenance.retry_after: 0 is too small; at least 1"],
    ),
    ("connections", {"sites.0.connection_limit": 0}, ["sites[0].connection_limit: 0 is too small; at least 1"]),
    ("connections many", {"sites.0.connection_limit": 65536}, ["sites[0].connection_limit: 65536 is too big; at most 65535"]),
    ("burst", {"sites.0.rate_limit.burst": -1}, ["sites[0].rate_limit.burst: -1 is too small; at least 0"]),
    (
        "client of a site",
        {"sites.0.allow": ["203.0.113.7"]},
        ["sites[0].allow[0]: '203.0.113.7' is not an IP network; the one address is '203.0.113.7/32'"],
    ),
    (
        "client of a site, host bits",
        {"sites.0.allow": ["203.0.113.7/28"]},
        ["sites[0].allow[0]: '203.0.113.7/28' has host bits set; the network is '203.0.113.0/28', the one address '203.0.113.7/32'"],
    ),
    (
        "limits blind",
        {"loadbalancer.preserve_client_ip": False, "sites.0.connection_limit": 5, "sites.1.allow": ["203.0.113.0/28"]},
        [
            "sites[0].rate_limit: would take all clients for one, since the proxy does not see their addresses; set loadbalancer.preserve_client_ip or loadbalancer.proxy_protocol to true",
            "sites[0].connection_limit: would take all clients for one, since the proxy does not see their addresses; set loadbalancer.preserve_client_ip or loadbalancer.proxy_protocol to true",
            "sites[1].allow: would take all clients for one, since the proxy does not see their addresses; set loadbalancer.preserve_client_ip or loadbalancer.proxy_protocol to true",
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
        pytest.param(
            {
                "sites.0": {
                    "host": "api.example.com",
                    "origin": "https://origin.example.net",
                    "methods": ["GET", "PROPFIND"],
                    "request_headers": {"X-Partner": "kotei; v=1", "Cookie": ""},
                    "response_headers": {"Strict-Transport-Security": "max-age=31536000"},
                    "connection_limit": 65535,
                    "allow": ["203.0.113.0/28"],
                    "cache": True,
                    "streaming": True,
                    "maintenance": {"message": "Back at nine", "content_type": "text/html; charset=utf-8", "retry_after": 86400},
                }
            },
            id="every key of a site",
        ),
        pytest.param(
            {
                "sites.0.paths.1": {
                    "path": "/upload/",
                    "max_body": 1024,
                    "read_timeout": 350,
                    "websocket": False,
                    "streaming": True,
                    "cache": False,
                    "methods": ["PUT"],
                }
            },
            id="a limit of a path",
        ),
        pytest.param(
            {"sites.0.paths.1": {"path": "/robots.txt", "answer": {"status": 200, "body": "User-agent: *", "content_type": "text/plain"}}},
            id="answers",
        ),
        pytest.param({"sites.0.paths.1": {"path": "/old/", "answer": {"status": 308, "location": "/new/?a=b#c"}}}, id="a redirection"),
        pytest.param({"sites.0.request_headers": {"X-Partner": "x" * 1024}}, id="the longest header"),
        pytest.param(
            {"loadbalancer.preserve_client_ip": False, "loadbalancer.proxy_protocol": True, "sites.0.connection_limit": 5},
            id="limits by PROXY protocol",
        ),
    ],
)
def test_takes(edits: dict[str, Any], judge: Callable[[dict[str, Any]], list[str]]) -> None:
    assert judge(edits) == []
