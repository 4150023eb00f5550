"""The access log as monitoring reads it, and the end of a task."""

from __future__ import annotations

import re
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tests.support.http_client import HEALTH, TRAFFIC, Answer, ask, connect, read, request
from tests.support.nginx_process import DEADLINE
from tests.support.proxy import Addresses, Proxy, environment, rendered

pytestmark = pytest.mark.nginx
ESTABLISHED = "01"  # as Linux writes it in /proc/net/tcp


def test_log_line_of_a_request(served: Proxy, net: Addresses) -> None:
    raw = request("partner.example.com", "/files/a?b=%2F", "User-Agent: partner/1", method="POST", body=b"hello")
    answer = ask(served.address, raw, source=net[90])
    line = served.log_line(answer.request_id)
    exact = {
        "client": net[90],
        "host": "partner.example.com",
        "method": "POST",
        "uri": "/files/a?b=%2F",
        "protocol": "HTTP/1.1",
        "status": 200,
        "bytes_in": len(raw),
        "route": "api.example.com/files/",
        "upstream_addr": f"{net[10]}:8443",
        "upstream_status": "200",
        "user_agent": "partner/1",
        "refused": "",
    }
    assert {key: line[key] for key in exact} == exact
    assert isinstance(line["bytes_out"], int)
    assert isinstance(line["request_time"], float)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", line["time"])
    for key in ("upstream_connect_time", "upstream_header_time", "upstream_response_time"):
        assert re.fullmatch(r"\d+\.\d{3}", line[key])


@pytest.mark.parametrize("agent", ['a"b', "a\\b", "a\tb", "a\u00ffb", '","status":200,"x":"', "{$.status = 500}", "${host}"])
def test_log_is_json_whatever_the_client_says(served: Proxy, agent: str) -> None:
    answer = ask(served.address, request("api.example.com", "/" + re.sub(r"\s", "", agent), f"User-Agent: {agent}"))
    line = served.log_line(answer.request_id)
    assert line["user_agent"] == agent.replace("\u00ff", "\ufffd")
    assert line["status"] == answer.status


def test_client_that_goes_away_is_logged_with_a_number(served: Proxy) -> None:
    with connect(served.address) as sock:
        sock.sendall(request("api.example.com", "/never?gone"))
    line = served.log_line_with("uri", "/never?gone")
    assert (line["status"], line["refused"]) == (499, "")


def test_log_line_of_a_request_without_a_head(served: Proxy) -> None:
    answer = ask(served.address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n")
    assert served.log_line(answer.request_id)["status"] == 400


StartProxy = Callable[..., AbstractContextManager[Proxy]]


def test_stop_finishes_requests_in_flight_and_loses_nothing_on_idle_connections(start_proxy: StartProxy, conf: str) -> None:
    answers: list[Answer] = []
    with start_proxy(conf, 2) as proxy, connect(proxy.address) as idle:
        idle.sendall(request("api.example.com"))
        assert read(idle).status == 200
        slow = [threading.Thread(target=lambda: answers.append(ask(proxy.address, request("api.example.com", "/slow")))) for _ in range(20)]
        for thread in slow:
            thread.start()
        _wait_until_in_flight(proxy, len(slow))
        proxy.nginx.process.send_signal(signal.SIGQUIT)
        for thread in slow:
            thread.join()
        # A request that was on its way on an idle connection while the stop began.
        idle.sendall(request("api.example.com"))
        assert read(idle).status == 200
        assert proxy.nginx.process.wait(DEADLINE) == 0
    assert [answer.text for answer in answers] == ["slow\n"] * 20


def _wait_until_in_flight(proxy: Proxy, count: int) -> None:
    """All requests are with the proxy: it has connections open for each, and answers nothing to them yet."""
    for _ in range(DEADLINE * 20):
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()]
        established = sum(1 for row in rows if row[1] == _hex(proxy.address, TRAFFIC) and row[3] == ESTABLISHED)
        if established > count:
            return
        threading.Event().wait(0.05)
    raise AssertionError(f"less than {count} connections")


def _hex(address: str, port: int) -> str:
    return f"{socket.inet_aton(address)[::-1].hex().upper()}:{port:04X}"


def test_stop_ends_what_never_ends_and_logs_it_as_json(start_proxy: StartProxy, conf: str) -> None:
    assert "worker_shutdown_timeout 55s" in conf
    with start_proxy(conf.replace("worker_shutdown_timeout 55s", "worker_shutdown_timeout 1s"), 3) as proxy, connect(proxy.address) as sock:
        sock.sendall(request("api.example.com", "/never"))
        sock.settimeout(1)
        with pytest.raises(TimeoutError):
            sock.recv(1)
        assert proxy.nginx.finish() == 0
        assert isinstance(proxy.log_line_with("uri", "/never")["status"], int)


def test_two_workers_share_one_log_and_stay_whole_lines(start_proxy: StartProxy) -> None:
    env = environment([{"host": "api.example.com", "origin": "https://origin.example.net"}], cpu=2048, memory=4096)
    text = rendered(env)
    assert "worker_processes 2;" in text
    assert "buffer=4k" in text
    with start_proxy(text, 4) as proxy:
        for number in range(60):
            ask(proxy.address, request("unknown.example.com", f"/{number}?{'x' * 300}"))
        assert ask(proxy.address, b"GET /healthz HTTP/1.0\r\n\r\n", port=HEALTH).status == 200
        proxy.nginx.finish()
        assert len([line for line in proxy.log_lines() if line["refused"] == "unknown host"]) == 60
