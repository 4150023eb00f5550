"""Whom the proxy trusts as an origin, and what happens when one is away, silent, or somewhere else."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.http_client import Answer, ask, connect, read, request
from tests.support.name_server import NameServer
from tests.support.nginx_process import DEADLINE
from tests.support.proxy import Addresses, Proxy

pytestmark = pytest.mark.nginx


@pytest.mark.parametrize(
    ("host", "reason"),
    [
        ("strange.example.com", "upstream SSL certificate verify error"),
        ("misnamed.example.com", 'upstream SSL certificate does not match "misnamed.example.net"'),
    ],
)
def test_origin_that_cannot_prove_its_name_gets_no_request(served: Proxy, host: str, reason: str) -> None:
    assert ask(served.address, request(host)).status == 502
    assert any(reason in line and f'host: "{host}"' in line for line in served.errors().splitlines())


@pytest.mark.parametrize(
    ("host", "status", "refused"),
    [
        ("down.example.com", 502, ""),
        ("hangs.example.com", 504, ""),
        ("nowhere.example.com", 502, "no address of the origin is known"),
    ],
)
def test_origin_that_is_away_is_said_so_within_the_clients_patience(served: Proxy, host: str, status: int, refused: str) -> None:
    answer = ask(served.address, request(host))
    assert answer.status == status
    line = served.log_line(answer.request_id)
    assert (line["status"], line["refused"]) == (status, refused)


def asked_until(address: str, raw: bytes, origin: str) -> Answer:
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        answer = ask(address, raw)
        if answer.headers["X-Origin-Address"] == origin:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"no answer from {origin}")


def test_origin_that_moves_is_followed_there_and_back(served: Proxy, dns: NameServer, net: Addresses) -> None:
    raw = request("moving.example.com")
    assert ask(served.address, raw).headers["X-Origin-Address"] == net[10]
    dns.addresses["moving.example.net"] = [net[11]]
    asked_until(served.address, raw, net[11])
    dns.addresses["moving.example.net"] = [net[10]]
    asked_until(served.address, raw, net[10])


def test_second_address_takes_what_the_first_did_not(served: Proxy, net: Addresses) -> None:
    both = [ask(served.address, request("spare.example.com")) for _ in range(4)]
    assert [answer.status for answer in both] == [200] * 4
    tried = {served.log_line(answer.request_id)["upstream_addr"] for answer in both}
    assert f"{net[14]}:8443, {net[10]}:8443" in tried


def test_requests_at_the_same_time_avoid_an_address_that_hangs(served: Proxy, net: Addresses) -> None:
    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda _: ask(served.address, request("crowded.example.com")), range(64)))
    assert {answer.status for answer in answers} == {200}
    first_tried = [served.log_line(answer.request_id)["upstream_addr"].partition(":")[0] for answer in answers]
    # In turn it would be every second one.
    assert first_tried.count(net[15]) < len(answers) / 4


def test_clients_share_few_connections_to_the_origin(served: Proxy) -> None:
    used = {ask(served.address, request("api.example.com")).headers["X-Origin-Connection"] for _ in range(20)}
    assert len(used) == 1


def test_requests_of_one_client_connection(served: Proxy) -> None:
    with connect(served.address) as sock:
        for uri in ("/one", "/files/two", "/admin/", "/three"):
            sock.sendall(request("api.example.com", uri))
            assert read(sock).status == (403 if uri == "/admin/" else 200)
