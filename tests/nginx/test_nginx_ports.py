"""Further ports, plain and by the name in TLS; and every port with PROXY protocol before the client's own bytes."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
import trustme

from stacks.ports import CONTAINER_HEALTH_PORT
from tests.support import proxy_header
from tests.support.http_client import HEALTH, PATIENCE, TRAFFIC, Answer, ask, connect, request
from tests.support.name_server import NameServer
from tests.support.nginx_process import DEADLINE, nginx
from tests.support.proxy import Addresses, Proxy, environment, rendered, translated_for
from tests.support.scripted_origin import scripted_origin
from tests.support.tcp_origin import tcp_origin

pytestmark = pytest.mark.nginx
PLAIN, NAMED, BROKEN = 5432, 20_993, 5433
SITES: list[dict[str, Any]] = [
    {"host": "web.example.com", "origin": "https://web.example.net"},
    {"host": "private.example.com", "origin": "https://web.example.net", "allow": ["198.51.100.0/24"]},
]
PORTS: list[dict[str, Any]] = [
    {"port": PLAIN, "origin": "db.example.net:5432"},
    {"port": 993, "names": {"imap.example.com": "imap.example.net:9993", "mail.example.com": "mail.example.net:9993"}},
    {"port": BROKEN, "origin": "nobody.example.net:5432"},
]
CLIENT = "198.51.100.7"


@dataclass(frozen=True)
class Lab:
    proxy: Proxy
    authority: trustme.CA
    header: bytes
    client: str

    @contextmanager
    def connected(self, port: int) -> Iterator[socket.socket]:
        with connect(self.proxy.address, port, self.client if not self.header else "") as sock:
            sock.sendall(self.header)
            yield sock

    @contextmanager
    def encrypted(self, name: str | None) -> Iterator[ssl.SSLSocket]:
        context = ssl.create_default_context()
        self.authority.configure_trust(context)
        context.check_hostname = name is not None
        with self.connected(NAMED) as sock, context.wrap_socket(sock, server_hostname=name) as tls:
            yield tls

    def asked(self, host: str) -> Answer:
        return ask(self.proxy.address, self.header + request(host), source=self.client if not self.header else "")

    def line(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            for line in self.proxy.log_lines():
                if wanted(line):
                    return line
            time.sleep(0.05)
        raise AssertionError(self.proxy.log_lines())


@pytest.fixture(scope="module")
def origins(net: Addresses, dns: NameServer, authority: trustme.CA) -> Iterator[None]:
    dns.addresses |= {f"{name}.example.net": [net[50]] for name in ("web", "db", "mail", "nobody")} | {"imap.example.net": [net[51]]}
    dns.addresses["nobody.example.net"] = [net[52]]
    with ExitStack() as stack:
        stack.enter_context(scripted_origin(net[50], authority.issue_cert("web.example.net")))
        stack.enter_context(tcp_origin(net[50], 5432, "db"))
        for name, address in (("mail", net[50]), ("imap", net[51])):
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(f"{name}.example.com").configure_cert(context)
            stack.enter_context(tcp_origin(address, 9993, name, context))
        yield


@pytest.fixture(scope="module")
def start(
    net: Addresses,
    dns: NameServer,
    authority: trustme.CA,
    origins: None,  # noqa: ARG001 # wanted for being there
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., AbstractContextManager[Lab]]:
    @contextmanager
    def start(last: int, balancer: dict[str, Any], header: bytes, client: str) -> Iterator[Lab]:
        text = rendered(environment(SITES, ports=PORTS, loadbalancer=balancer)).replace("flush=1s", "flush=100ms")
        prefix = tmp_path_factory.mktemp("proxy")
        with nginx(translated_for(text, prefix, net[last], dns, authority), prefix, net[last], TRAFFIC) as running:
            lab = Lab(Proxy(running), authority, header, client)
            _wait_for_origins(lab)
            yield lab

    return start


@pytest.fixture(scope="module")
def bare(start: Callable[..., AbstractContextManager[Lab]], net: Addresses) -> Iterator[Lab]:
    with start(54, {}, b"", net[97]) as lab:
        yield lab


@pytest.fixture(scope="module")
def headed(start: Callable[..., AbstractContextManager[Lab]]) -> Iterator[Lab]:
    with start(55, {"preserve_client_ip": False, "proxy_protocol": True}, proxy_header.of_client(CLIENT), CLIENT) as lab:
        yield lab


@pytest.fixture(scope="module", params=["bare", "headed"])
def lab(request: pytest.FixtureRequest) -> Lab:
    found: Lab = request.getfixturevalue(request.param)
    return found


def _wait_for_origins(lab: Lab) -> None:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        with suppress(OSError), lab.encrypted("imap.example.com"), lab.encrypted("mail.example.com"):
            if exchanged(lab, b"") == b"db:" and lab.asked("web.example.com").status == 200:
                return
        time.sleep(0.05)
    raise AssertionError(lab.proxy.errors())


def exchanged(lab: Lab, data: bytes) -> bytes:
    """Everything is sent and said to be all before anything is read."""
    with lab.connected(PLAIN) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        return rest(sock)


def rest(sock: socket.socket) -> bytes:
    sock.settimeout(PATIENCE)
    got = b""
    with suppress(ConnectionResetError):
        while part := sock.recv(1 << 16):
            got += part
    return got


def test_plain_port_reaches_its_origin_with_any_bytes(lab: Lab) -> None:
    assert exchanged(lab, b"\x00\xff\r\n\r\nGET / HTTP/1.1\r\n") == b"db:\x00\xff\r\n\r\nGET / HTTP/1.1\r\n"


def test_origin_may_speak_first_and_after_the_client_has_said_all(lab: Lab) -> None:
    with lab.connected(PLAIN) as sock:
        assert sock.recv(3) == b"db:"
        sock.sendall(b"question")
        sock.shutdown(socket.SHUT_WR)
        assert rest(sock) == b"question"


def test_large_transfer_both_ways(lab: Lab) -> None:
    data = os.urandom(8 * 2**20)
    assert exchanged(lab, data) == b"db:" + data


@pytest.mark.parametrize("name", ["imap", "mail"])
def test_name_in_tls_chooses_the_origin(lab: Lab, name: str) -> None:
    with lab.encrypted(f"{name}.example.com") as tls:
        tls.sendall(b"hello\n")
        # The certificate is the origin's own: nothing in between has read a byte.
        assert rest(tls) == f"{name}:hello\n".encode()


def test_capitals_in_the_name(lab: Lab) -> None:
    with lab.encrypted("IMAP.example.com") as tls:
        assert tls.recv(5) == b"imap:"


@pytest.mark.parametrize("name", ["other.example.com", "example.com", "x.imap.example.com", "imap.example.net", None])
def test_unknown_or_missing_name_is_refused(lab: Lab, name: str | None) -> None:
    with pytest.raises(OSError, match=r"EOF|reset"), lab.encrypted(name):
        pass
    line = lab.line(lambda line: line.get("tls", "") != "" and line["host"] == (name or ""))
    assert (line["port"], line["upstream_addr"], line["refused"]) == (993, "", "no origin for this TLS name")


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\xff\xff\x01", b"\x80\x2e\x01\x03\x01\x00\x15\x00\x00\x00\x10"])
def test_what_is_not_tls_reaches_nobody(lab: Lab, data: bytes) -> None:
    with lab.connected(NAMED) as sock:
        sock.sendall(data)
        with suppress(OSError):  # the proxy may have closed it already
            sock.shutdown(socket.SHUT_WR)
        assert rest(sock) == b""


def test_connection_is_logged_with_who_what_and_how_much(lab: Lab) -> None:
    exchanged(lab, b"x" * 12_345)
    line = lab.line(lambda line: line["bytes_in"] == 12_345)
    assert (line["client"], line["port"], line["protocol"], line["status"]) == (lab.client, PLAIN, "TCP", 200)
    assert (line["bytes_out"], line["upstream_addr"].rpartition(":")[2], line["refused"]) == (12_348, "5432", "")
    with lab.encrypted("mail.example.com") as tls:
        tls.sendall(b"hello\n")
        rest(tls)
    line = lab.line(lambda line: line["host"] == "mail.example.com" and line["bytes_in"] > 0)
    assert (line["client"], line["port"], line["tls"], line["status"], line["refused"]) == (lab.client, 993, "TLSv1.3", 200, "")


def test_origin_that_is_away_closes_the_connection_and_is_logged(lab: Lab) -> None:
    with lab.connected(BROKEN) as sock:
        assert rest(sock) == b""
    line = lab.line(lambda line: line.get("port") == BROKEN)
    assert (line["status"], line["refused"]) == (502, "no origin answered")


def test_only_connections_and_requests_are_logged(lab: Lab) -> None:
    assert {line["protocol"] for line in lab.proxy.log_lines()} <= {"TCP", "HTTP/1.1", "HTTP/1.0", ""}


def test_site_sees_the_client(lab: Lab) -> None:
    answer = lab.asked("web.example.com")
    assert f"\r\nX-Forwarded-For: {lab.client}\r\n" in answer.text
    assert f"\r\nX-Real-IP: {lab.client}\r\n" in answer.text
    assert lab.line(lambda line: line.get("request_id") == answer.request_id)["client"] == lab.client
    assert lab.asked("private.example.com").status == (200 if lab.header else 403)


def test_health_of_a_task_and_of_its_container(lab: Lab) -> None:
    raw, address = b"GET /healthz HTTP/1.0\r\n\r\n", lab.proxy.address
    said = proxy_header.of_health_check() if lab.header else b""
    assert ask(address, said + raw, port=HEALTH).text == "ok\n"
    assert ask(address, raw, port=CONTAINER_HEALTH_PORT).text == "ok\n"


GARBAGE = {
    "none": b"",
    "another signature": b"\r\n\r\n\x00\r\nQUIT\r" + proxy_header.of_client(CLIENT)[12:],
    "another version": proxy_header.SIGNATURE + b"\x11\x11\x00\x0c" + bytes(12),
    "too short for its addresses": proxy_header.SIGNATURE + b"\x21\x11\x00\x04" + bytes(4),
}


@pytest.mark.parametrize("port", [TRAFFIC, HEALTH, PLAIN, NAMED])
@pytest.mark.parametrize("kind", GARBAGE)
def test_connection_without_a_sound_header_is_refused(headed: Lab, port: int, kind: str) -> None:
    assert answered(headed.proxy.address, port, GARBAGE[kind] + request("web.example.com", "/healthz")) == b""


def test_client_with_ipv6_behind_the_load_balancer(headed: Lab) -> None:
    answer = ask(headed.proxy.address, proxy_header.of_client("2001:db8::7") + request("web.example.com"))
    assert "\r\nX-Forwarded-For: 2001:db8::7\r\n" in answer.text


@pytest.mark.parametrize("port", [TRAFFIC, HEALTH])
def test_header_is_not_believed_where_none_is_expected(bare: Lab, port: int) -> None:
    assert b"400 Bad Request" in answered(bare.proxy.address, port, proxy_header.of_client(CLIENT) + request("web.example.com"))


def answered(address: str, port: int, data: bytes) -> bytes:
    with connect(address, port) as sock:
        sock.sendall(data)
        return rest(sock)
