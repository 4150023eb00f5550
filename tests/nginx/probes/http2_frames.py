"""HTTP/2 frames as bytes; header fields as plain literals, so that any octets can be put into them."""

from __future__ import annotations

import struct

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
END_STREAM, END_HEADERS = 0x1, 0x4
WHOLE = END_STREAM | END_HEADERS
SEVEN_BITS = 0x7F

Field = tuple[bytes, bytes]


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


SETTINGS = frame(4, 0, 0)
BEGIN = PREFACE + SETTINGS


def literal(name: bytes, value: bytes) -> bytes:
    """Without indexing and without Huffman coding."""
    return b"\x00" + _text(name) + _text(value)


def _text(value: bytes) -> bytes:
    if len(value) < SEVEN_BITS:
        return bytes([len(value)]) + value
    rest, length = len(value) - SEVEN_BITS, bytearray([SEVEN_BITS])
    while rest > SEVEN_BITS:
        length.append(rest & SEVEN_BITS | 0x80)
        rest >>= 7
    return bytes([*length, rest]) + value


def headers_frame(*fields: Field, flags: int = WHOLE, stream: int = 1) -> bytes:
    return frame(1, flags, stream, b"".join(literal(name, value) for name, value in fields))


def continuation(*fields: Field, flags: int = END_HEADERS, stream: int = 1) -> bytes:
    return frame(9, flags, stream, b"".join(literal(name, value) for name, value in fields))


def data(payload: bytes, *, flags: int = END_STREAM, stream: int = 1) -> bytes:
    return frame(0, flags, stream, payload)


def reset(stream: int) -> bytes:
    return frame(3, 0, stream, struct.pack(">I", 8))


def pseudo(host: bytes, path: bytes = b"/", method: bytes = b"GET", scheme: bytes = b"https") -> tuple[Field, ...]:
    return ((b":method", method), (b":scheme", scheme), (b":authority", host), (b":path", path))
