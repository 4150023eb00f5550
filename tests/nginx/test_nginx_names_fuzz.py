"""The filter of DNS answers against nginx's own reader of them: no packet, however it is made, has an internal address believed.

A filter that reads a packet in another way than nginx does is none. So nginx itself tells what it believed: it tries to connect there.
"""

from __future__ import annotations

import itertools
import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

import pytest
import trustme
from dnslib import DNSRecord
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pipeline.nginx_config import INTERNAL_NETWORKS
from tests.support.http_client import HEALTH, ask, request
from tests.support.name_server import NameServer, name_of, name_server
from tests.support.nginx_process import nginx
from tests.support.proxy import NAME_SERVER_PORT, Addresses, Proxy, addresses, environment, rendered, translated_for

pytestmark = pytest.mark.nginx

TRUSTED = "trusted.example.net"
# What else a resolver of nginx would do is left out: each request asks for one name, and its answer says what was believed.
# proxy_bind: nothing but this computer can be reached from a loopback address, whatever a packet names.
BARE = """
worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events { worker_connections 512; }
http {
    client_body_temp_path /tmp/b; proxy_temp_path /tmp/p; fastcgi_temp_path /tmp/f; scgi_temp_path /tmp/s; uwsgi_temp_path /tmp/u;
    access_log off;
    resolver 127.0.0.1:8053 valid=1s ipv6=off;
    resolver_timeout 50ms;
    server { listen 8081; }
    server {
        listen 8080;
        location / {
            add_header X-Believed "$upstream_addr" always;
            add_header X-Worker $pid always;
            proxy_bind 127.0.0.1;
            proxy_connect_timeout 100ms;
            proxy_pass http://$arg_name:9;
        }
    }
}
STREAM
"""
GOOD = ("192.0.2.1", "192.0.2.2")
INTERNAL = [str(network[place]) for network in map(IPv4Network, INTERNAL_NETWORKS) for place in (0, 1, -1)]


@dataclass
class Reader:
    """The running filter and, behind it, nginx's resolver."""

    proxy: Proxy
    server: NameServer = field(repr=False)
    serial: Iterator[int] = field(default_factory=itertools.count)
    workers: set[str] = field(default_factory=set)

    def believed(self, packet: bytes, *, name: str = "") -> list[str]:
        """The addresses that nginx takes from a packet. Its id, and a place for the name of the question, are filled in."""
        asked = name or f"n{next(self.serial):06}.example.net"
        self.server.scripts[asked] = lambda question: (_filled(packet, question),)
        answer = ask(self.proxy.address, request("any.example.com", f"/?name={asked}"))
        self.workers.add(answer.headers["X-Worker"])
        return re.findall(r"([\d.]+):9", answer.headers["X-Believed"] or "")


NAME = b"\x07n000000\x07example\x03net\x00"


def _filled(packet: bytes, question: DNSRecord) -> bytes:
    asked = b"".join(bytes([len(label)]) + label.encode() for label in name_of(question).split(".")) + b"\0"
    return struct.pack("!H", question.header.id) + packet.replace(NAME, asked)[2:]


@pytest.fixture(scope="module")
def net() -> Addresses:
    return addresses(190)


@pytest.fixture(scope="module")
def reader(net: Addresses, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    sites = [{"host": "api.example.com", "origin": f"https://{TRUSTED}"}]
    whole = rendered(environment(sites, origins=[{"url": f"https://{TRUSTED}", "internal": True}]))
    text = BARE.replace("STREAM", whole[whole.index("\nstream {") :])
    folder = tmp_path_factory.mktemp("fuzz")
    with name_server(net[54], NAME_SERVER_PORT) as server:
        local = translated_for(text, folder, net[2], server, trustme.CA())
        nothing = 'js_var $internal_networks ""'
        assert nothing in local
        local = local.replace(nothing, f'js_var $internal_networks "{" ".join(INTERNAL_NETWORKS)}"')
        with nginx(local, folder, net[2], HEALTH) as process:
            yield Reader(Proxy(process), server)


def header(*, answers: int, flags: int = 0x8180, questions: int = 1) -> bytes:
    return struct.pack("!HHHHHH", 0, flags, questions, answers, 0, 0)


def asked(kind: int = 1, name: bytes = NAME) -> bytes:
    return name + struct.pack("!HH", kind, 1)


def record(data: bytes, *, owner: bytes = b"\xc0\x0c", kind: int = 1, group: int = 1, length: int | None = None) -> bytes:
    return owner + struct.pack("!HHIH", kind, group, 1, len(data) if length is None else length) + data


def packet(*ips: str) -> bytes:
    return header(answers=len(ips)) + asked() + b"".join(record(IPv4Address(ip).packed) for ip in ips)


def test_addresses_of_the_internet_are_believed(reader: Reader) -> None:
    """The filter's other half: what refuses everything would pass all that follows."""
    assert set(reader.believed(packet(*GOOD))) == set(GOOD)


@pytest.mark.parametrize("network", INTERNAL_NETWORKS)
def test_internal_networks_end_where_they_are_said_to(reader: Reader, network: str) -> None:
    whole = IPv4Network(network)
    assert [reader.believed(packet(str(whole[place]))) for place in (0, 1, -2, -1)] == [[], [], [], []]
    for number in (int(whole[0]) - 1, int(whole[-1]) + 1):
        if 0 < number < 2**32 and not any(IPv4Address(number) in IPv4Network(other) for other in INTERNAL_NETWORKS):
            assert reader.believed(packet(str(IPv4Address(number)))) == [str(IPv4Address(number))]


@pytest.mark.parametrize(
    ("address", "what"),
    [
        ("169.254.169.254", "credentials of EC2"),
        ("169.254.170.2", "credentials of ECS"),
        ("169.254.169.253", "the VPC's name server"),
        ("127.0.0.1", "the task itself"),
        ("0.0.0.0", "the task itself, as Linux takes it"),
        ("10.0.0.1", "RFC 1918"),
        ("172.31.255.254", "RFC 1918"),
        ("192.168.0.1", "RFC 1918"),
        ("100.127.255.254", "RFC 6598, which VPCs use too"),
        ("255.255.255.255", "everybody here"),
    ],
)
def test_address_that_would_lead_inside_is_not_believed(reader: Reader, address: str, what: str) -> None:
    assert reader.believed(packet(address)) == [], what


@pytest.mark.parametrize("place", range(3))
def test_one_internal_address_among_others_is_seen_at_every_place(reader: Reader, place: int) -> None:
    ips = list(GOOD)
    ips.insert(place, "10.0.0.1")
    assert reader.believed(packet(*ips)) == []


def test_origin_that_may_be_internal_is_believed(reader: Reader) -> None:
    assert reader.believed(packet("10.0.0.1"), name=TRUSTED) == ["10.0.0.1"]


names = st.sampled_from(
    [
        NAME,
        NAME.upper(),
        b"\0",
        b"\xc0\x0c",
        b"\xc0\xff",
        b"\xff\xff",
        b"\x41\x00",
        b"\x80\x00",
        b"\x3f" + b"a" * 63 + b"\0",
        b"\x41" + b"a" * 65 + b"\0",
        b"\x01a\xc0\x0c",
        b"\x01\n\0",
    ]
)
ips = st.sampled_from([*GOOD, *INTERNAL]).map(lambda ip: IPv4Address(ip).packed)
records = st.builds(
    record,
    st.one_of(ips, ips, st.just(NAME), st.binary(max_size=20)),
    owner=names,
    kind=st.sampled_from([1, 1, 1, 5, 28, 39, 16]),
    group=st.sampled_from([1, 1, 1, 3]),
    length=st.sampled_from([None, None, None, 0, 3, 4, 5, 16, 65535]),
)
questions = st.one_of(
    st.just(asked()), st.just(asked(28)), names.map(lambda name: asked(name=name)), st.just(b"\xc0\x14\x00\x10\x00\x01\0\0" + asked())
)
heads = st.builds(
    header,
    answers=st.integers(0, 6),
    flags=st.sampled_from([0x8180, 0x8180, 0x8380, 0x8181, 0x8183, 0x0100]),
    questions=st.sampled_from([1, 1, 1, 0, 2]),
)
packets = st.builds(
    lambda head, question, parts, tail, cut: (head + question + b"".join(parts) + tail)[: cut or None],
    heads,
    questions,
    st.lists(records, max_size=5),
    st.binary(max_size=8),
    st.integers(-6, 0),
)

# nginx reads any length from 64 on as a pointer of two bytes; read as a label, it would lead to another, harmless record.
LONG_LABEL = (
    header(answers=1)
    + asked()
    + (record(IPv4Address("10.0.0.1").packed, owner=b"\x41\x00").ljust(66, b"a"))
    + record(IPv4Address(GOOD[0]).packed, owner=b"\0")
)
# A question whose name is a pointer to the name, and a second reading of it that asks for something else.
POINTED = (
    header(answers=1)
    + (b"\xc0\x14\x00\x10\x00\x01\0\0" + NAME).ljust(193, b"a")
    + b"\0"
    + struct.pack("!HH", 1, 1)
    + record(IPv4Address("10.0.0.1").packed)
)


@example(LONG_LABEL)
@example(POINTED)
@settings(max_examples=150, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(packets)
def test_no_packet_has_an_internal_address_believed(reader: Reader, packet: bytes) -> None:
    found = [ip for ip in reader.believed(packet) if any(IPv4Address(ip) in IPv4Network(network) for network in INTERNAL_NETWORKS)]
    assert not found, packet


def test_no_packet_ends_a_worker(reader: Reader) -> None:
    for length in range(0, 75, 2):
        reader.believed(packet(*GOOD)[:length])
    assert len(reader.workers) == 1
    assert "exited on signal" not in reader.proxy.errors()
