"""Every rule of an origin: what is written, and the sentence that its author reads."""
# ruff: noqa: E501 - each sentence is compared whole, and stands on one line so that it can be searched for

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

ORIGIN = "https://origin.example.net"
SECRET = "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:demo/origin-AbCdEf"

ROWS: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "not used",
        {"origins": [{"url": "https://other.example.net"}]},
        ["origins[0].url: 'https://other.example.net' is no origin of a site or a path; remove it, or name it there"],
    ),
    (
        "twice",
        {"origins": [{"url": ORIGIN}, {"url": "https://origin.example.net:443"}]},
        ["origins[1].url: 'https://origin.example.net:443' is in origins[0] already; remove one"],
    ),
    (
        "url http",
        {"origins": [{"url": "http://origin.example.net"}]},
        ["origins[0].url: 'http://origin.example.net' is not encrypted; an origin is reached by https, like 'https://origin.example.net'"],
    ),
    (
        "protocol",
        {"origins": [{"url": ORIGIN, "protocol": "h2"}]},
        ["origins[0].protocol: 'h2' is not allowed; choose 'http/1.1', 'http/2' or 'grpc'"],
    ),
    (
        "authority",
        {"origins": [{"url": ORIGIN, "ca": "../partner.pem"}]},
        ["origins[0].ca: '../partner.pem' is not the name of a file in docker/nginx/authorities, like 'partner.pem'"],
    ),
    (
        "tls name",
        {"origins": [{"url": ORIGIN, "tls_name": "10.0.0.1"}]},
        [
            "origins[0].tls_name: '10.0.0.1' is not a host name: it has to end in a top-level domain, like 'api.example.com'; an IP address is no name"
        ],
    ),
    ("idle", {"origins": [{"url": ORIGIN, "idle_timeout": 0}]}, ["origins[0].idle_timeout: 0 is too small; at least 1"]),
    (
        "secret",
        {"origins": [{"url": ORIGIN, "client_certificate": "demo/origin"}]},
        [
            "origins[0].client_certificate: 'demo/origin' is not a secret of AWS Secrets Manager: arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>"
        ],
    ),
    (
        "secret without its six characters",
        {"origins": [{"url": ORIGIN, "client_certificate": "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:demo/origin"}]},
        [
            "origins[0].client_certificate: 'arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:demo/origin' is not a secret of AWS Secrets Manager: arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>"
        ],
    ),
    (
        "secret elsewhere",
        {"origins": [{"url": ORIGIN, "client_certificate": SECRET.replace("ap-northeast-1", "eu-west-1")}]},
        [
            "origins[0].client_certificate: is in eu-west-1 of account 111122223333; a task reads secrets of its own account and region, 111122223333 and ap-northeast-1"
        ],
    ),
    (
        "secret of another account",
        {"origins": [{"url": ORIGIN, "client_certificate": SECRET.replace("111122223333", "444455556666")}]},
        [
            "origins[0].client_certificate: is in ap-northeast-1 of account 444455556666; a task reads secrets of its own account and region, 111122223333 and ap-northeast-1"
        ],
    ),
    (
        "websocket over http/2",
        {"origins": [{"url": "https://stream.example.net", "protocol": "http/2"}]},
        ["sites[1].websocket: needs an origin that speaks http/1.1; this one speaks http/2"],
    ),
    (
        "websocket of a path",
        {"origins": [{"url": "https://files.example.net:8443", "protocol": "grpc"}], "sites.0.paths.0.websocket": True},
        ["sites[0].paths[0].websocket: needs an origin that speaks http/1.1; this one speaks grpc"],
    ),
    (
        "cache of grpc",
        {"origins": [{"url": ORIGIN, "protocol": "grpc"}], "sites.0.cache": True},
        ["sites[0].cache: keeps no answers of a grpc origin; set it to false"],
    ),
    (
        "cache of a path",
        {"origins": [{"url": "https://files.example.net:8443", "protocol": "grpc"}], "sites.0.cache": True},
        ["sites[0].paths[0].cache: keeps no answers of a grpc origin; set it to false"],
    ),
    (
        "rewrite of grpc",
        {"origins": [{"url": ORIGIN, "protocol": "grpc"}], "sites.0.paths.1": {"path": "/a/", "rewrite": "/b/"}},
        ["sites[0].paths[1].rewrite: cannot change the path of a grpc call, which names its method"],
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
        pytest.param({"origins": [{"url": ORIGIN}]}, id="nothing differs"),
        pytest.param(
            {
                "origins": [
                    {
                        "url": "https://origin.example.net:443",
                        "protocol": "http/2",
                        "ca": "partner.pem",
                        "tls_name": "storage.example.net",
                        "client_certificate": SECRET,
                        "internal": True,
                        "idle_timeout": 3600,
                    }
                ]
            },
            id="everything differs",
        ),
        pytest.param({"origins": [{"url": "https://files.example.net:8443", "protocol": "grpc"}]}, id="the origin of a path"),
        pytest.param(
            {
                "origins": [{"url": "https://files.example.net:8443", "protocol": "http/2"}],
                "sites.0.websocket": True,
                "sites.0.paths.0.websocket": False,
            },
            id="WebSocket on another origin",
        ),
        pytest.param(
            {"origins": [{"url": ORIGIN, "protocol": "http/2"}], "sites.0.paths.1": {"path": "/a/", "rewrite": "/b/"}},
            id="rewrite over http/2",
        ),
    ],
)
def test_takes(edits: dict[str, Any], judge: Callable[[dict[str, Any]], list[str]]) -> None:
    assert judge(edits) == []
