"""The proxies that are compared, each with one worker on the same core, and the origin without any."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.bench import os_facts, programs
from tests.bench.lab import DEADLINE, HOST, PORT, Place, Subject, nginx_command, started, wait_until_it_listens
from tests.bench.programs import Program
from tests.support.http_client import ask, request
from tests.support.proxy import environment, rendered, translated_for

OK = 200
DIRECT = "direct"


@dataclass(frozen=True)
class Start:
    command: list[str]
    program: Program


@dataclass(frozen=True)
class Kind:
    what: str
    start: Callable[[Place], Start]
    version: Callable[[], str]


def kotei_text(place: Place, sites: list[dict[str, object]]) -> str:
    """What `kotei render` writes, told for this computer."""
    return translated_for(rendered(environment(sites)), place.folder, place.address, place.names, place.authority)


def _nginx(place: Place, text: str) -> Start:
    conf = place.folder / "nginx.conf"
    conf.write_text(text)
    return Start(nginx_command(place.folder, conf), programs.nginx())


def _kotei(place: Place) -> Start:
    return _nginx(place, kotei_text(place, [{"host": HOST, "origin": f"https://{place.origin_name}"}]))


def _baseline(place: Place) -> Start:
    (place.folder / "html").mkdir()
    (place.folder / "html" / "50x.html").write_text("An error occurred.\n")
    return _nginx(place, place.fill("baseline.conf"))


def _relay(place: Place) -> Start:
    return _nginx(place, place.fill("relay.conf"))


def _haproxy(place: Place, alpn: str) -> Start:
    conf = place.folder / "haproxy.cfg"
    conf.write_text(place.fill("haproxy.cfg", alpn=alpn))
    program = programs.from_debian("haproxy")
    return Start([str(program.path), "-f", str(conf)], program)


def _envoy(place: Place) -> Start:
    conf = place.folder / "envoy.yaml"
    conf.write_text(place.fill("envoy.yaml"))
    program = programs.envoy()
    return Start([str(program.path), "-c", str(conf), "--concurrency", "1", "--disable-hot-restart", "--log-level", "warn"], program)


def _caddy(place: Place) -> Start:
    conf = place.folder / "Caddyfile"
    conf.write_text(place.fill("Caddyfile"))
    program = Program(programs.caddy().path, {"GOMAXPROCS": "1", "HOME": str(place.folder)})
    return Start([str(program.path), "run", "--config", str(conf), "--adapter", "caddyfile"], program)


def _nginx_version() -> str:
    return programs.nginx().version("-v")


def _haproxy_version() -> str:
    return programs.from_debian("haproxy").version("-v")


# In this order in tables and pictures.
KINDS = {
    "kotei": Kind("nginx with what this project renders", _kotei, _nginx_version),
    "baseline": Kind("nginx with what most tutorials show (configs/baseline.conf)", _baseline, _nginx_version),
    "relay": Kind("nginx that only moves bytes through TLS: the floor (configs/relay.conf)", _relay, _nginx_version),
    "haproxy": Kind("HAProxy, HTTP/1.1 to the origin (configs/haproxy.cfg)", lambda place: _haproxy(place, "http/1.1"), _haproxy_version),
    "haproxy-h2": Kind("the same HAProxy, HTTP/2 to the origin", lambda place: _haproxy(place, "h2"), _haproxy_version),
    "envoy": Kind("Envoy (configs/envoy.yaml)", _envoy, lambda: programs.envoy().version("--version")),
    "caddy": Kind("Caddy (configs/Caddyfile)", _caddy, lambda: programs.caddy().version("version")),
}


@contextmanager
def running(name: str, place: Place) -> Iterator[Subject]:
    if name == DIRECT:
        yield Subject(name=name, place=place, process=None)
        return
    start = KINDS[name].start(place)
    with os_facts.on(os_facts.SUBJECT), started(start.command, place.folder, start.program.environment) as process:
        wait_until_it_listens(place.address, PORT, process, place.folder)
        wait_until_it_answers(place)
        yield Subject(name=name, place=place, process=process.pid)


def wait_until_it_answers(place: Place, host: str = HOST) -> None:
    """An nginx looks up names after it has begun to listen."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        answer = ask(place.address, request(host, "/size/1024"))
        if answer.status == OK:
            return
        time.sleep(0.02)
    raise RuntimeError(f"{place.folder.name}: status {answer.status} from {place.address}")
