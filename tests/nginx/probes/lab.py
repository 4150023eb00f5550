"""The sites that the probes ask, and the running proxy with its origin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from tests.nginx.probes.origin_server import origin_server
from tests.nginx.probes.probe import HOST, IMPATIENT_HOST, ORIGIN_HOST, SECOND_HOST, WEBSOCKET_HOST, Says
from tests.support.name_server import NameServer, name_server
from tests.support.proxy import NAME_SERVER_PORT, Addresses, environment, rendered

ORIGIN = f"https://{ORIGIN_HOST.decode()}"
MAX_BODY = 1
SITES: list[dict[str, Any]] = [
    {
        "host": HOST.decode(),
        "aliases": [SECOND_HOST.decode()],
        "origin": ORIGIN,
        "max_body": MAX_BODY,
        "paths": [{"path": "/admin/", "deny": True}, {"path": "/secret", "deny": True}],
    },
    {"host": WEBSOCKET_HOST.decode(), "origin": ORIGIN, "websocket": True, "paths": [{"path": "/admin/", "deny": True}]},
    {"host": IMPATIENT_HOST.decode(), "origin": ORIGIN, "read_timeout": 1},
]
# Waiting for these takes a test nowhere. What is shortened must be there, so that a change of a name is noticed.
HASTENED = {
    "client_header_timeout 10s": "client_header_timeout 1s",
    "client_body_timeout 30s": "client_body_timeout 1s",
    "send_timeout 30s": "send_timeout 1s",
    "flush=1s": "flush=100ms",
}


@dataclass(frozen=True)
class Lab:
    net: Addresses
    names: NameServer
    authority: trustme.CA
    folder: Path


def configuration() -> str:
    """The rendered nginx.conf of SITES, with some waits shortened."""
    text = rendered(environment(SITES))
    for long, short in HASTENED.items():
        assert long in text
        text = text.replace(long, short)
    return text


@contextmanager
def lab(net: Addresses, folder: Path, says: Mapping[str, Says]) -> Iterator[Lab]:
    """The origin at .10 and a name server at .53; the proxies that are probed take other addresses of `net`."""
    authority = trustme.CA()
    with name_server(net[53], NAME_SERVER_PORT) as names, origin_server(net[10], authority, says):
        names.addresses[ORIGIN_HOST.decode()] = [net[10]]
        yield Lab(net, names, authority, folder)
