"""The two rules of translation."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.local import translate


@pytest.mark.parametrize(
    ("real", "local"),
    [("10.20.0.7", "127.20.0.7"), ("169.254.169.253", "127.254.169.253"), ("203.0.113.5", "127.0.113.5"), ("127.38.9.1", "127.38.9.1")],
)
def test_an_address_moves_into_127(real: str, local: str) -> None:
    assert translate.address(real) == local


@pytest.mark.parametrize(
    ("real", "local"),
    [
        ("203.0.113.0/28", "127.0.113.0/28"),
        ("10.0.0.0/8", "127.0.0.0/8"),
        ("0.0.0.0/0", "127.0.0.0/8"),
        ("128.0.0.0/1", "127.0.0.0/8"),
        ("198.51.100.7/32", "127.51.100.7/32"),
    ],
)
def test_a_network_keeps_its_length(real: str, local: str) -> None:
    assert translate.network(real) == local


@pytest.mark.parametrize(("real", "local"), [(443, 8443), (53, 8053), (1023, 9023), (1024, 1024), (8080, 8080), (8443, 8443)])
def test_a_privileged_port_moves_up(real: int, local: int) -> None:
    assert translate.port(real) == local


@given(st.ip_addresses(v=4), st.integers(0, 32))
def test_membership_survives(ip: ipaddress.IPv4Address, length: int) -> None:
    around = ipaddress.IPv4Network((ip, length), strict=False)
    assert ipaddress.IPv4Address(translate.address(str(ip))) in ipaddress.IPv4Network(translate.network(str(around)))


@given(st.ip_addresses(v=4))
def test_translating_twice_changes_nothing(ip: ipaddress.IPv4Address) -> None:
    once = translate.address(str(ip))
    assert translate.address(once) == once
