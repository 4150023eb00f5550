"""The two rules by which this computer stands for AWS's network: addresses live in 127/8, ports below 1024 are 8000 higher.

An address that is already in 127/8 is its own stand-in (moto hands out Elastic IPs there), so both rules may be applied twice.
"""

from __future__ import annotations

import ipaddress

_PRIVILEGED = 1024
_OFFSET = 8000
_LOOPBACK_BITS = 8
_LOW_BITS = (1 << 24) - 1
_LOOPBACK = 127 << 24


def address(ip: str) -> str:
    """a.b.c.d is stood for by 127.b.c.d."""
    return str(ipaddress.IPv4Address(_LOOPBACK | (int(ipaddress.IPv4Address(ip)) & _LOW_BITS)))


def network(cidr: str) -> str:
    """A network keeps its length; one wider than /8 holds every stand-in."""
    source = ipaddress.IPv4Network(cidr)
    if source.prefixlen < _LOOPBACK_BITS:
        return "127.0.0.0/8"
    return f"{address(str(source.network_address))}/{source.prefixlen}"


def port(number: int) -> int:
    """An ordinary user cannot bind a port below 1024."""
    return number + _OFFSET if number < _PRIVILEGED else number
