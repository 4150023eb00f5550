"""Every rule of a further port: what is written, and the sentence that its author reads."""
# ruff: noqa: E501 - each sentence is compared whole, and stands on one line so that it can be searched for

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

DATABASE = {"port": 5432, "origin": "db.example.net:5432"}
CLIENTS = [{"cidr": f"198.51.100.{number}/32", "note": "One of many"} for number in range(31)]

ROWS: list[tuple[str, dict[str, Any], list[str]]] = [
    ("port of the sites", {"ports": [{**DATABASE, "port": 443}]}, ["ports[0].port: 443 is the port of the sites; choose another one"]),
    ("port twice", {"ports": [DATABASE, DATABASE]}, ["ports[1].port: 5432 is in ports[0] already; remove one"]),
    ("port range", {"ports": [{**DATABASE, "port": 65536}]}, ["ports[0].port: 65536 is too big; at most 65535"]),
    ("port zero", {"ports": [{**DATABASE, "port": 0}]}, ["ports[0].port: 0 is too small; at least 1"]),
    (
        "same place in a task",
        {"ports": [{**DATABASE, "port": 22}, {**DATABASE, "port": 20022}]},
        ["ports[1].port: 20022 and ports[0], 22, would both be 20022 in a task; choose another one"],
    ),
    (
        "too many",
        {
            "ports": [
                {**DATABASE, "port": 5000},
                {**DATABASE, "port": 5001},
                {**DATABASE, "port": 5002},
                {**DATABASE, "port": 5003},
                {**DATABASE, "port": 5004},
            ]
        },
        ["ports: has 5 entries; a service of ECS has room for 4 beside the sites"],
    ),
    (
        "origin without port",
        {"ports": [{"port": 5432, "origin": "db.example.net"}]},
        ["ports[0].origin: 'db.example.net' has no port; write host:port, like 'db.example.net:5432'"],
    ),
    (
        "origin is an address",
        {"ports": [{"port": 5432, "origin": "10.0.0.1:5432"}]},
        [
            "ports[0].origin: '10.0.0.1' is not a host name: it has to end in a top-level domain, like 'api.example.com'; an IP address is no name"
        ],
    ),
    (
        "origin port",
        {"ports": [{"port": 5432, "origin": "db.example.net:0"}]},
        ["ports[0].origin: 'db.example.net:0' has no valid port; ports are 1 to 65535"],
    ),
    ("neither", {"ports": [{"port": 5432}]}, ["ports[0]: needs exactly one of origin and names; given: none"]),
    (
        "both",
        {"ports": [{"port": 5432, "origin": "db.example.net:5432", "names": {"db.example.com": "db.example.net:5432"}}]},
        ["ports[0]: needs exactly one of origin and names; given: origin and names"],
    ),
    ("no names", {"ports": [{"port": 5432, "names": {}}]}, ["ports[0].names: is empty; name a host and where it goes"]),
    (
        "name",
        {"ports": [{"port": 5432, "names": {"*.example.com": "db.example.net:5432"}}]},
        ["ports[0].names: '*.example.com' is not a host name: the part '*' has to be 1 to 63 of a-z, 0-9 and '-', with no '-' at its ends"],
    ),
    ("idle short", {"ports": [{**DATABASE, "idle_timeout": 59}]}, ["ports[0].idle_timeout: 59 is too small; at least 60"]),
    ("idle long", {"ports": [{**DATABASE, "idle_timeout": 6001}]}, ["ports[0].idle_timeout: 6001 is too big; at most 6000"]),
    (
        "too many rules",
        {"ports": [DATABASE], "access.allow": CLIENTS},
        [
            "ports: let each of the 31 entries of access.allow in on 2 ports, 62 rules; a security group takes 60, so join neighbouring networks or remove a port"
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
        pytest.param({"ports": [DATABASE]}, id="plain"),
        pytest.param(
            {"ports": [{"port": 8443, "names": {"a.example.com": "a.example.net:443", "b.example.com": "a.example.net:443"}}]}, id="by name"
        ),
        pytest.param(
            {
                "ports": [{**DATABASE, "port": 1}, {**DATABASE, "port": 22}, {**DATABASE, "port": 1024}, {**DATABASE, "port": 65535}],
                "access.allow": CLIENTS[:12],
            },
            id="as many as ECS takes",
        ),
        pytest.param(
            {"ports": [{**DATABASE, "port": 8080}, {**DATABASE, "port": 8081}, {**DATABASE, "port": 8082}, {**DATABASE, "port": 8053}]},
            id="ports that a task has itself",
        ),
        pytest.param({"ports": [{**DATABASE, "idle_timeout": 60}, {**DATABASE, "port": 5433, "idle_timeout": 6000}]}, id="idle"),
        pytest.param({"access": {"open": True, "reason": "A public service"}, "ports": [DATABASE]}, id="the last port of everybody"),
    ],
)
def test_takes(edits: dict[str, Any], judge: Callable[[dict[str, Any]], list[str]]) -> None:
    assert judge(edits) == []
