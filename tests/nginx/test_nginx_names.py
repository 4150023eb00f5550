"""What the proxy makes of DNS: it follows addresses that change, and nothing that goes wrong with DNS takes a known address away.

All origins live through the same phases at once, since each phase lasts a few turns of the resolver.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import trustme

from tests.support import dns_packets
from tests.support.http_client import HEALTH, Answer, ask, request
from tests.support.name_server import NameServer, Script, listening
from tests.support.nginx_process import DEADLINE, nginx
from tests.support.proxy import (
    NAME_SERVER_PORT,
    ORIGIN_PORT,
    Addresses,
    Proxy,
    addresses,
    environment,
    origin_text,
    rendered,
    translated_for,
)

pytestmark = pytest.mark.nginx

HASTENED = {"valid=5s": "valid=1s", "resolver_timeout 5s": "resolver_timeout 1s", "flush=1s": "flush=100ms"}
# A question that is not answered is asked again after a second; three turns are enough to notice, and to forget, an answer.
TURNS = 3


@dataclass(frozen=True)
class Fault:
    """What happens to an origin's name, why it happens, and what the filter says about it (nothing where nginx itself copes)."""

    script: Script
    why: str
    said: str = ""


def faults(internal: str, good: str) -> dict[str, Fault]:
    return {
        "nxdomain": Fault(dns_packets.failure("NXDOMAIN"), "a zone that is being edited, or a delegation that lapsed", "does not exist"),
        "nodata": Fault(dns_packets.no_data, "the record was removed before the new one was made", "has no address"),
        "alias": Fault(dns_packets.alias_of_nothing, "the load balancer behind an alias was replaced", "has no address"),
        "servfail": Fault(dns_packets.failure("SERVFAIL"), "the origin's name servers are away"),
        "refused": Fault(dns_packets.failure("REFUSED"), "the origin's name servers forgot the zone"),
        "notimp": Fault(dns_packets.failure("NOTIMP"), "a middle box does not know the question"),
        "formerr": Fault(dns_packets.failure("FORMERR"), "a middle box does not understand the question"),
        "silence": Fault(dns_packets.silence, "packets are lost"),
        "empty": Fault(dns_packets.shortened(0), "a packet without a byte", "an answer without a header"),
        "short": Fault(dns_packets.shortened(11), "a packet that ends in its header", "an answer without a header"),
        "headless": Fault(dns_packets.shortened(20), "a packet that ends in its question", "an answer without its question"),
        "cut": Fault(dns_packets.shortened(-1, good), "a packet that ends in its last address", "an answer that ends too early"),
        "guess": Fault(dns_packets.of_another_question(internal), "somebody guesses the id of a question"),
        "internal": Fault(dns_packets.addresses(internal), "an origin's owner points its name into this network", internal),
        "mixed": Fault(dns_packets.addresses(good, internal), "an internal address hides behind a good one", internal),
        "hidden": Fault(dns_packets.chain(internal), "an internal address hides behind aliases", internal),
        "capitals": Fault(dns_packets.in_capitals(internal), "an internal address hides behind another spelling", internal),
    }


def ways(internal: str, good: str) -> dict[str, Script]:
    """How DNS may say where an origin is now."""
    return {
        "plain": dns_packets.addresses(good),
        "aliases": dns_packets.chain(good),
        # A UDP packet without EDNS holds 512 bytes: 29 addresses of a name as short as these.
        "many": dns_packets.addresses(*[good] * 28),
        "truncated": dns_packets.truncated(good),
        "trusted": dns_packets.addresses(internal),
        "spelled": dns_packets.in_capitals(internal),
    }


# These two may be internal: `internal = true` is set for their origins.
TRUSTED = ("trusted", "spelled")
NOTHING_INTERNAL = 'js_var $internal_networks ""'
# Last numbers of addresses. The half from 128 on counts as internal.
PROXY, OLD, NEW, NAMES, INTERNAL = 1, 10, 11, 53, 200


@dataclass
class Story:
    """What clients were answered, by a name and a phase."""

    net: Addresses
    proxy: Proxy
    server: NameServer
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)

    def ask(self, name: str) -> Answer:
        return ask(self.proxy.address, request(f"{name}.example.com"))

    def note(self, phase: str, names: Iterable[str]) -> None:
        self.answers |= {(name, phase): self.ask(name) for name in names}

    def origin(self, name: str, phase: str) -> str:
        answer = self.answers[name, phase]
        return answer.headers["X-Origin-Address"] if answer.status == 200 else f"none: {answer.status}"

    def served_by(self, last: int, names: Iterable[str]) -> None:
        for name in names:
            self.wait(partial(self._is_served_by, self.net[last], name), f"{name} is served by {last}")

    def _is_served_by(self, origin: str, name: str) -> bool:
        return self.ask(name).headers["X-Origin-Address"] == origin

    def turns(self, names: Iterable[str]) -> None:
        before = {name: self.server.asked[f"{name}.example.net"] for name in names}
        for name, count in before.items():
            self.wait(partial(self._was_asked, name, count + TURNS), f"{name} is looked up")

    def _was_asked(self, name: str, times: int) -> bool:
        return self.server.asked[f"{name}.example.net"] >= times

    def wait(self, predicate: Callable[[], bool], what: str) -> None:
        end = time.monotonic() + DEADLINE
        while not predicate():
            assert time.monotonic() < end, f"waited in vain: {what}; {self.server.asked}; {self.proxy.errors()[-2000:]}"
            time.sleep(0.05)


def _configuration(names: Iterable[str]) -> str:
    sites = [{"host": f"{name}.example.com", "origin": f"https://{name}.example.net", "connect_timeout": 1} for name in names]
    text = rendered(environment(sites, origins=[{"url": f"https://{name}.example.net", "internal": True} for name in TRUSTED]))
    for long, short in HASTENED.items():
        assert long in text
        text = text.replace(long, short)
    return text


@contextmanager
def _proxy(net: Addresses, folder: Path, server: NameServer, names: Iterable[str]) -> Iterator[Proxy]:
    """The proxy, and an origin at all three addresses."""
    authority = trustme.CA()
    listen = [f"{net[last]}:{ORIGIN_PORT}" for last in (OLD, NEW, INTERNAL)]
    origin = origin_text(folder / "origin", listen, {"*.example.net": authority.issue_cert("*.example.net")})
    text = translated_for(_configuration(names), folder, net[PROXY], server, authority)
    # Elsewhere in the tests no network is internal, since all of them are on loopback.
    assert text.count(NOTHING_INTERNAL) == 1
    text = text.replace(NOTHING_INTERNAL, f'js_var $internal_networks "10.0.0.0/8 {net[128]}/25"')
    with nginx(origin, folder / "origin", net[OLD], ORIGIN_PORT), nginx(text, folder, net[PROXY], HEALTH) as process:
        yield Proxy(process)


def _scripts(told: dict[str, Script]) -> dict[str, Script]:
    return {f"{name}.example.net": script for name, script in told.items()}


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    net = addresses(190)
    failing = {name: fault.script for name, fault in faults(net[INTERNAL], net[NEW]).items()}
    moving = ways(net[INTERNAL], net[NEW])
    known, unknown = [*failing, *moving], ["late", "planted"]
    server = NameServer(net[NAMES], NAME_SERVER_PORT, {f"{name}.example.net": [net[OLD]] for name in known})
    server.scripts["planted.example.net"] = dns_packets.addresses(net[INTERNAL])
    with _proxy(net, tmp_path_factory.mktemp("names"), server, [*known, *unknown]) as proxy:
        told = Story(net, proxy, server)
        with listening(server):
            told.served_by(OLD, known)
            told.turns(unknown)
            told.note("start", unknown)
            server.scripts = _scripts(failing | moving)
            told.turns(known)
            told.note("told", known)
            server.scripts.clear()
            server.addresses = {f"{name}.example.net": [net[NEW]] for name in (*known, *unknown)}
            told.served_by(NEW, [*known, *unknown])
            told.note("healed", [*known, *unknown])
        # Nobody listens at the name server's address now: what is sent there comes back as an error.
        before = _refusals(proxy)
        told.wait(lambda: _refusals(proxy) >= before + TURNS, "the name server's port is closed")
        told.note("gone", [*known, *unknown])
        with listening(server):
            server.addresses = {f"{name}.example.net": [net[OLD]] for name in known}
            told.served_by(OLD, known)
            yield told


def _refusals(proxy: Proxy) -> int:
    return proxy.errors().count("111: Connection refused) while proxying and reading from upstream, udp client")


@pytest.mark.parametrize("name", faults("", ""))
def test_known_address_is_kept_when_dns_is_wrong(story: Story, name: str) -> None:
    net = story.net
    fault = faults(net[INTERNAL], net[NEW])[name]
    assert story.origin(name, "told") == net[OLD], fault.why
    assert story.origin(name, "healed") == net[NEW], "the fault is over, and the origin has moved meanwhile"
    assert not fault.said or any(fault.said in line and "DNS: " in line for line in story.proxy.errors().splitlines())


@pytest.mark.parametrize("name", ["nxdomain", "nodata", "alias", "cut", "internal", "mixed", "hidden", "capitals"])
def test_log_names_what_dns_is_wrong_about(story: Story, name: str) -> None:
    """Whoever is woken by it reads which origin's owner to call."""
    said = faults(story.net[INTERNAL], story.net[NEW])[name].said
    assert any(f"DNS: {name}.example.net" in line and said in line and "[warn]" in line for line in story.proxy.errors().splitlines())


@pytest.mark.parametrize("name", ways("", ""))
def test_origin_that_moves_is_followed_in_whatever_way_dns_says_it(story: Story, name: str) -> None:
    assert story.origin(name, "told") == story.net[INTERNAL if name in TRUSTED else NEW]
    assert story.origin(name, "healed") == story.net[NEW]


@pytest.mark.parametrize("name", [*faults("", ""), *ways("", ""), "late", "planted"])
def test_no_address_is_lost_while_nobody_answers_for_dns(story: Story, name: str) -> None:
    assert story.origin(name, "gone") == story.net[NEW]


def test_origin_without_a_name_at_the_start_is_served_once_it_has_one(story: Story) -> None:
    assert story.answers["late", "start"].status == 502
    # Where there is no address, nginx logs the name of the upstream.
    assert story.proxy.log_line(story.answers["late", "start"].request_id)["upstream_addr"].startswith("origin_late_")
    assert story.origin("late", "healed") == story.net[NEW]


def test_internal_address_is_not_believed_even_when_it_is_the_only_one_ever_heard(story: Story) -> None:
    assert story.origin("planted", "start") == "none: 502"
    assert story.origin("planted", "healed") == story.net[NEW]


def test_no_packet_has_ended_a_worker(story: Story) -> None:
    assert "exited on signal" not in story.proxy.errors()
    assert "[alert]" not in story.proxy.errors()


def test_requests_cost_no_questions(story: Story) -> None:
    """The filter has work once a turn of the resolver, whatever the clients do."""
    before, turns = story.server.asked["plain.example.net"], time.monotonic()
    asked = 500
    for _ in range(asked):
        assert story.ask("plain").status == 200
    most = (time.monotonic() - turns) / 1 + 2
    assert story.server.asked["plain.example.net"] - before <= most
