"""Which TCP connections to a target are open, as the kernel tells."""

from __future__ import annotations

import ipaddress
import struct
from pathlib import Path

_ESTABLISHED = "01"


def established(address: str, port: int) -> int:
    """Connections accepted at the address; what the balancer still holds open to a target that is being drained."""
    # proc(5): the address is written as one number in this computer's byte order.
    number = struct.unpack("=I", ipaddress.IPv4Address(address).packed)[0]
    local = f"{number:08X}:{port:04X}"
    count = 0
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        count += fields[1] == local and fields[3] == _ESTABLISHED
    return count
