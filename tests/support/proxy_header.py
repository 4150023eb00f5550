"""The header that a load balancer writes before a connection: PROXY protocol, version 2."""

from __future__ import annotations

import ipaddress
import struct

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
LOCAL, PROXY = 0x20, 0x21
TCP_OVER_IPV4, TCP_OVER_IPV6 = 0x11, 0x21
# As AWS adds it for a connection that came through a VPC endpoint.
ENDPOINT = b"\xea\x00\x17\x01vpce-08d2bf15fac5001c9"


def of_client(client: str, port: int = 40_000, extra: bytes = ENDPOINT) -> bytes:
    source = ipaddress.ip_address(client)
    family, fixed = (TCP_OVER_IPV4, "192.0.2.1") if source.version == 4 else (TCP_OVER_IPV6, "2001:db8::1")
    body = source.packed + ipaddress.ip_address(fixed).packed + struct.pack(">HH", port, 443) + extra
    return SIGNATURE + struct.pack(">BBH", PROXY, family, len(body)) + body


def of_health_check() -> bytes:
    """From the load balancer itself, for no client."""
    return SIGNATURE + struct.pack(">BBH", LOCAL, 0, 0)
