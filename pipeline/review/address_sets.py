"""Sets of IP addresses, of both versions, as sorted ranges of numbers: exact, and as small as what people wrote."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from itertools import pairwise

# First and last number of each range; they neither meet nor overlap. IPv6 begins where IPv4 can no longer be.
Addresses = tuple[tuple[int, int], ...]
IPV6 = 1 << 40
NOBODY: Addresses = ()


def network(text: object) -> tuple[int, int] | None:
    """The range of a network in CIDR notation, or of one address; None where it is something else."""
    if not isinstance(text, str):
        return None
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    first = int(found.network_address) + (IPV6 if found.version == 6 else 0)  # noqa: PLR2004 - IPv6
    return first, first + found.num_addresses - 1


def union(ranges: Iterable[tuple[int, int]]) -> Addresses:
    merged: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def minus(addresses: Addresses, others: Addresses) -> Addresses:
    """Those of the first that are not of the second."""
    edges = ((0, -1), *others, (IPV6 << 100, -1))
    return both(addresses, tuple((before[1] + 1, after[0] - 1) for before, after in pairwise(edges)))


def both(addresses: Addresses, others: Addresses) -> Addresses:
    found: list[tuple[int, int]] = []
    left, right = list(reversed(addresses)), list(reversed(others))
    while left and right:
        first, last = max(left[-1][0], right[-1][0]), min(left[-1][1], right[-1][1])
        if first <= last:
            found.append((first, last))
        (left if left[-1][1] < right[-1][1] else right).pop()
    return tuple(found)


def networks(addresses: Addresses) -> tuple[str, ...]:
    """In CIDR notation, as few as can be."""
    return tuple(str(one) for first, last in addresses for one in ipaddress.summarize_address_range(_address(first), _address(last)))


def _address(number: int) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    return ipaddress.IPv6Address(number - IPV6) if number >= IPV6 else ipaddress.IPv4Address(number)


EVERYBODY = union(one for one in (network("0.0.0.0/0"), network("::/0")) if one)
