"""Every rule of [network] and [addresses]: what is written, and the sentence that its author reads."""
# ruff: noqa: E501 - each sentence is compared whole, and stands on one line so that it can be searched for

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

EXISTING = {"vpc": "vpc-0123456789abcdef0", "zones": {"a": "subnet-0123456789abcdef0", "c": "subnet-0123456789abcdef1"}}

ROWS: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "list for table",
        {"addresses.adopt": ["eipalloc-0123456789abcdef0"]},
        ["addresses.adopt: ['eipalloc-0123456789abcdef0'] is not a table of keys and values"],
    ),
    (
        "vpc prefix",
        {"network.create.cidr": "10.0.0.0/33"},
        ["network.create.cidr: '10.0.0.0/33' is not an IP network; write it like '203.0.113.0/28' (IPv4)"],
    ),
    ("vpc size", {"network.create.cidr": "10.0.0.0/8"}, ["network.create.cidr: '10.0.0.0/8' is no size for a VPC; AWS allows /16 to /28"]),
    (
        "vpc host bits",
        {"network.create.cidr": "10.1.0.1/16"},
        ["network.create.cidr: '10.1.0.1/16' has host bits set; the network is '10.1.0.0/16', the one address '10.1.0.1/32'"],
    ),
    (
        "netmask",
        {"network.create.cidr": "10.1.0.0/255.255.0.0"},
        ["network.create.cidr: '10.1.0.0/255.255.0.0' is not an IP network; write it as '10.1.0.0/16'"],
    ),
    (
        "reserved",
        {"network.create.cidr": "127.0.0.0/16"},
        ["network.create.cidr: '127.0.0.0/16' is reserved (loopback, link-local, multicast or future use); nobody has an address there"],
    ),
    (
        "ipv6",
        {"network.create.zones.a": "2001:db8::/64"},
        ["network.create.zones.a: '2001:db8::/64' is not an IP network; write it like '203.0.113.0/28' (IPv4)"],
    ),
    (
        "subnet outside",
        {"network.create.zones.c": "10.2.1.0/24"},
        ["network.create.zones.c: '10.2.1.0/24' is not inside the VPC, network.create.cidr = '10.1.0.0/16'"],
    ),
    (
        "subnet overlap",
        {"network.create.zones.c": "10.1.0.128/25"},
        ["network.create.zones.c: '10.1.0.128/25' overlaps '10.1.0.0/24' of zone 'a'; each zone needs a network of its own"],
    ),
    (
        "subnet tiny",
        {"network.create.zones.c": "10.1.1.0/29"},
        ["network.create.zones.c: '10.1.1.0/29' is too small for a subnet; AWS allows /28 and larger"],
    ),
    (
        "subnet no room",
        {"network.create.zones.c": "10.1.1.0/28"},
        [
            "network.create.zones.c: '10.1.1.0/28' has 11 usable addresses, but needs 12: 4 for tasks during a deployment (2 x service.max_tasks over 2 zones) and 8 for the load balancer; use /27"
        ],
    ),
    (
        "one zone",
        {"network.create.zones.c": None},
        ["network.create.zones: needs at least two zones; with one, its failure is the proxy's failure"],
    ),
    (
        "zone letter",
        {"network.create.zones.A": "10.1.2.0/24"},
        ["network.create.zones: 'A' is not a zone letter, like 'a' for ap-northeast-1a"],
    ),
    (
        "one existing zone",
        {"network.create": None, "network.existing": {**EXISTING, "zones": {"a": "subnet-0123456789abcdef0"}}},
        ["network.existing.zones: needs at least two zones; with one, its failure is the proxy's failure"],
    ),
    ("neither network", {"network.create": None}, ["network: needs exactly one of create and existing; given: none"]),
    ("both networks", {"network.existing": EXISTING}, ["network: needs exactly one of create and existing; given: create and existing"]),
    (
        "vpc id",
        {"network.create": None, "network.existing": {**EXISTING, "vpc": "vpc-12"}},
        ["network.existing.vpc: 'vpc-12' is not the id of a VPC: vpc- and 8 or 17 hexadecimal digits"],
    ),
    (
        "subnet id",
        {"network.create": None, "network.existing": {**EXISTING, "zones": {"a": "subnet-0123456789abcdef0", "c": "sub"}}},
        ["network.existing.zones.c: 'sub' is not the id of a subnet: subnet- and 8 or 17 hexadecimal digits"],
    ),
    (
        "same subnet",
        {
            "network.create": None,
            "network.existing": {**EXISTING, "zones": {"a": "subnet-0123456789abcdef0", "c": "subnet-0123456789abcdef0"}},
        },
        ["network.existing.zones.c: 'subnet-0123456789abcdef0' is given for zone 'a' already; each zone needs a subnet of its own"],
    ),
    (
        "allocation id",
        {"addresses.adopt": {"a": "eip-1", "c": "eipalloc-0123456789abcdef0"}},
        ["addresses.adopt.a: 'eip-1' is not the allocation id of an Elastic IP: eipalloc- and 8 or 17 hexadecimal digits"],
    ),
    (
        "adopt some",
        {"addresses.adopt": {"a": "eipalloc-0123456789abcdef0"}},
        ["addresses.adopt.c: is missing: name the allocation id of every zone, or of none"],
    ),
    (
        "adopt other zone",
        {"addresses.adopt": {"a": "eipalloc-0123456789abcdef0", "c": "eipalloc-0123456789abcdef1", "d": "eipalloc-0123456789abcdef2"}},
        ["addresses.adopt.d: is no zone of the network; its zones are a, c"],
    ),
    (
        "adopt same",
        {"addresses.adopt": {"a": "eipalloc-0123456789abcdef0", "c": "eipalloc-0123456789abcdef0"}},
        ["addresses.adopt.c: 'eipalloc-0123456789abcdef0' is given for zone 'a' already; each zone needs an address of its own"],
    ),
    ("keep one", {"addresses.keep": "d"}, ["addresses.keep: 'd' is not a list in square brackets"]),
    (
        "keep no zone letter",
        {"addresses.keep": ["d", "ap-northeast-1e"]},
        ["addresses.keep[1]: 'ap-northeast-1e' is not a zone letter, like 'a' for ap-northeast-1a"],
    ),
    ("keep twice", {"addresses.keep": ["d", "e", "d"]}, ["addresses.keep[2]: 'd' is in keep[0] already; remove one"]),
    (
        "keep what serves",
        {"addresses.keep": ["d", "c"]},
        [
            "addresses.keep[1]: 'c' is a zone of the network, whose address is kept anyway; remove it here, or take the zone from the network"
        ],
    ),
    (
        "keep what is adopted",
        {"addresses": {"adopt": {"a": "eipalloc-0123456789abcdef0", "c": "eipalloc-0123456789abcdef1"}, "keep": ["d"]}},
        ["addresses.keep: is for addresses that are made here; adopted ones stay where they were made, whatever stands here"],
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
        pytest.param({"network.create": None, "network.existing": EXISTING}, id="existing network"),
        pytest.param({"addresses.adopt": {"a": "eipalloc-0123456789abcdef0", "c": "eipalloc-01234567"}}, id="adopted addresses"),
        pytest.param({"addresses.keep": ["d", "b"]}, id="kept addresses"),
    ],
)
def test_takes(edits: dict[str, Any], judge: Callable[[dict[str, Any]], list[str]]) -> None:
    assert judge(edits) == []
