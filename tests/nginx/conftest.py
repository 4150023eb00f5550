"""One name server, TLS origins and one rendered proxy for the whole run; tests that stop or starve a proxy start their own."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any

import pytest
import trustme

from tests.support.name_server import NameServer, name_server
from tests.support.nginx_process import nginx
from tests.support.proxy import NAME_SERVER_PORT, ORIGIN_PORT, Addresses, Proxy, addresses, environment, origin_text, proxy, rendered

# Waiting for these takes a test nowhere. What is shortened must be there, so that a change of a name is noticed.
HASTENED = {
    "valid=5s": "valid=1s",
    "client_header_timeout 10s": "client_header_timeout 2s",
    "client_body_timeout 30s": "client_body_timeout 2s",
    "flush=1s": "flush=100ms",
}
SITES: list[dict[str, Any]] = [
    {
        "host": "api.example.com",
        "aliases": ["partner.example.com"],
        "origin": "https://origin.example.net",
        "max_body": 1,
        "paths": [
            {"path": "/files/", "origin": "https://files.example.net:8443"},
            {"path": "/exact", "origin": "https://files.example.net:8443"},
            {"path": "/admin/", "deny": True},
            {"path": "/secret", "deny": True},
        ],
    },
    {"host": "stream.example.com", "origin": "https://stream.example.net", "websocket": True},
    {"host": "plain.example.com", "origin": "https://stream.example.net"},
    {"host": "named.example.com", "origin": "https://origin.example.net", "host_header": "www.example.org"},
    {"host": "limited.example.com", "origin": "https://origin.example.net", "rate_limit": {"requests_per_second": 1, "burst": 2}},
    {"host": "misnamed.example.com", "origin": "https://misnamed.example.net"},
    {"host": "strange.example.com", "origin": "https://strange.example.net"},
    {"host": "down.example.com", "origin": "https://down.example.net", "connect_timeout": 1},
    {"host": "hangs.example.com", "origin": "https://hangs.example.net", "connect_timeout": 1},
    {"host": "moving.example.com", "origin": "https://moving.example.net"},
    {"host": "crowded.example.com", "origin": "https://crowded.example.net", "connect_timeout": 1},
    {"host": "spare.example.com", "origin": "https://spare.example.net", "connect_timeout": 1},
    {"host": "nowhere.example.com", "origin": "https://nowhere.example.net"},
]


@pytest.fixture(scope="session")
def net() -> Addresses:
    return addresses(150)


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def dns(net: Addresses) -> Iterator[NameServer]:
    with name_server(net[53], NAME_SERVER_PORT) as server:
        server.addresses = {
            "origin.example.net": [net[10]],
            "files.example.net": [net[10]],
            "moving.example.net": [net[10]],
            "misnamed.example.net": [net[10]],
            "strange.example.net": [net[12]],
            "stream.example.net": [net[13]],
            "down.example.net": [net[14]],
            "spare.example.net": [net[14], net[10]],
            "hangs.example.net": [net[15]],
            "crowded.example.net": [net[15], net[10]],
        }
        yield server


@pytest.fixture(scope="session")
def origins(net: Addresses, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """At 10 and 11 certificates of a known authority, at 12 of a strange one; misnamed.example.net gets another name's."""
    known = {
        f"{name}.example.net": authority.issue_cert(f"{name}.example.net") for name in ("origin", "files", "moving", "spare", "crowded")
    }
    strange = {"strange.example.net": trustme.CA().issue_cert("strange.example.net")}
    folder = tmp_path_factory.mktemp("origins")
    trusted = origin_text(folder / "known", [f"{net[10]}:{ORIGIN_PORT}", f"{net[11]}:{ORIGIN_PORT}"], known)
    untrusted = origin_text(folder / "strange", [f"{net[12]}:{ORIGIN_PORT}"], strange)
    with (
        nginx(trusted, folder / "known", net[10], ORIGIN_PORT),
        nginx(untrusted, folder / "strange", net[12], ORIGIN_PORT),
        socket.create_server((net[15], ORIGIN_PORT)),  # connections wait here; nobody ever speaks TLS
    ):
        yield


@pytest.fixture(scope="session")
def upgrading_origin(net: Addresses, authority: trustme.CA) -> Iterator[list[bytes]]:
    """Answers any Upgrade with 101 and then echoes; yields the requests that it got."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("stream.example.net").configure_cert(context)
    requests: list[bytes] = []
    with socket.create_server((net[13], ORIGIN_PORT)) as listener:
        accepting = threading.Thread(target=_accept, args=(listener, context, requests), daemon=True)
        accepting.start()
        yield requests
        listener.shutdown(socket.SHUT_RDWR)
        accepting.join()


def _accept(listener: socket.socket, context: ssl.SSLContext, requests: list[bytes]) -> None:
    while True:
        try:
            plain, _ = listener.accept()
        except OSError:  # shut down
            return
        threading.Thread(target=_speak, args=(plain, context, requests), daemon=True).start()


def _speak(plain: socket.socket, context: ssl.SSLContext, requests: list[bytes]) -> None:
    with plain, suppress(OSError), context.wrap_socket(plain, server_side=True) as tls:
        request = b""
        while not request.endswith(b"\r\n\r\n"):
            request += tls.recv(1)
        requests.append(request)
        if b"\r\nupgrade:" not in request.lower():
            tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nplain")
            return
        tls.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        while data := tls.recv(1000):
            tls.sendall(data)


StartProxy = Callable[..., AbstractContextManager[Proxy]]


@pytest.fixture(scope="session")
def conf() -> str:
    """The rendered nginx.conf, with some waits shortened."""
    text = rendered(environment(SITES))
    for long, short in HASTENED.items():
        assert long in text
        text = text.replace(long, short)
    return text


@pytest.fixture(scope="session")
def start_proxy(
    net: Addresses,
    dns: NameServer,
    authority: trustme.CA,
    origins: None,  # noqa: ARG001 # wanted for being there
    tmp_path_factory: pytest.TempPathFactory,
) -> StartProxy:
    """Text of a configuration and the last byte of an address -> a running proxy."""

    def start(text: str, last: int, urls: Sequence[str] = ("api.example.com/",)) -> AbstractContextManager[Proxy]:
        return proxy(text, tmp_path_factory.mktemp("proxy"), net[last], dns, authority, urls=urls)

    return start


@pytest.fixture(scope="session")
def served(
    start_proxy: StartProxy,
    conf: str,
    upgrading_origin: list[bytes],  # noqa: ARG001 # wanted for being there
) -> Iterator[Proxy]:
    # One without an address, and one whose rate limit a test counts.
    found = [f"{site['host']}/" for site in SITES if site["host"] not in {"nowhere.example.com", "limited.example.com"}]
    with start_proxy(conf, 1, [*found, "api.example.com/files/"]) as running:
        yield running
