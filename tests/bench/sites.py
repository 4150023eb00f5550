"""What a site costs: rendering, start-up, memory and latency with 1 to 1,000 of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from tests.bench import open_loop, os_facts, subjects
from tests.bench.lab import Place, Subject, nginx_command, started, wait_until_it_listens
from tests.bench.open_loop import Level
from tests.support.http_client import HEALTH
from tests.support.proxy import environment, rendered, translated_for

LEVEL = Level("1 KiB", 500, 16)
ONE, OWN = "one for all", "one each"
SHARED_ORIGIN, OWN_ORIGIN = "origin.sites.example.net", "origin-{}.sites.example.net"
CERTIFICATE = "*.sites.example.net"


@dataclass(frozen=True, kw_only=True)
class Sites:
    """`memory_mib` is that of all processes after every site has been asked once."""

    sites: int
    origins: str
    render_cpu_seconds: float
    start_seconds: float
    memory_mib: float
    p50: float
    p99: float


def measure(place: Place, count: int, origins: str, seconds: float) -> Sites:
    hosts = [f"site-{number}.example.com" for number in range(count)]
    names = [OWN_ORIGIN.format(number) if origins == OWN else SHARED_ORIGIN for number in range(count)]
    place.names.addresses.update({name: [place.origin] for name in names})
    place = replace(place, folder=place.folder / f"{count}-{'own' if origins == OWN else 'one'}")
    (place.folder / "tmp").mkdir(parents=True)
    sites = [{"host": host, "origin": f"https://{name}"} for host, name in zip(hosts, names, strict=True)]
    begin = time.process_time()
    text = rendered(environment(sites))
    render_cpu_seconds = time.process_time() - begin
    conf = place.folder / "nginx.conf"
    conf.write_text(translated_for(text, place.folder, place.address, place.names, place.authority))
    begin = time.monotonic()
    with os_facts.on(os_facts.SUBJECT), started(nginx_command(place.folder, conf), place.folder) as process:
        wait_until_it_listens(place.address, HEALTH, process, place.folder)
        start_seconds = time.monotonic() - begin
        with os_facts.on(os_facts.REST):
            for host in hosts:
                subjects.wait_until_it_answers(place, host)
            subject = Subject(name=place.folder.name, place=place, process=process.pid)
            measured = open_loop.measure(subject, LEVEL, 0, seconds, hosts[-1])
            memory = os_facts.memory_mib(process.pid)
    return Sites(
        sites=count,
        origins=origins,
        render_cpu_seconds=render_cpu_seconds,
        start_seconds=start_seconds,
        memory_mib=memory,
        p50=measured.p50,
        p99=measured.p99,
    )
