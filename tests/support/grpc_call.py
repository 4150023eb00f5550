"""A gRPC-like call over HTTP/2, and an origin that answers it with trailers."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.support.http_client import TRAFFIC, connect

# Listens for the sites whose origins speak HTTP/2. What it got is in the body, so that HTTP/1.1 clients can read it too.
ORIGIN = """
worker_processes 1;
error_log stderr warn;
pid origin.pid;
events { worker_connections 256; }
http {
    access_log off;
    client_body_temp_path tmp/body; proxy_temp_path tmp/proxy; fastcgi_temp_path tmp/f; scgi_temp_path tmp/s; uwsgi_temp_path tmp/u;
    default_type application/grpc;
    client_body_buffer_size 1m;
    server {
        listen %(address)s:8443 ssl;
        http2 on;
        ssl_certificate origin.pem;
        ssl_certificate_key origin.pem;
        ssl_verify_client optional_no_ca;
        ssl_client_certificate clients.pem;
        add_header X-Request-ID the-origins-own always;
        add_header X-Origin-Connection $connection always;
        add_header X-Origin-Upgrade $http_upgrade always;
        add_trailer grpc-status 0;
        add_trailer grpc-message "all is well";
        location / {
            echo_read_request_body;
            echo -n "$server_protocol $request_method $request_uri $host te=$http_te key=$http_x_key cert=$ssl_client_verify ";
            echo -n $request_body;
        }
        location = /steer { add_header X-Accel-Redirect /elsewhere; add_header X-Request-ID the-origins-own; return 200 steered; }
    }
}
"""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS = 0, 1, 4
END_STREAM, END_HEADERS = 0x1, 0x4

# The codes of RFC 7541, appendix B, for the characters that occur here.
_HUFFMAN = {
    **{f"{code:05b}": letter for code, letter in enumerate("012aceiost")},
    **{f"{code:06b}": letter for code, letter in enumerate(" %-./3456789=A_bdfghlmnpru", 0b010100)},
    **{f"{code:07b}": letter for code, letter in enumerate(":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz", 0b1011100)},
}


@dataclass(frozen=True)
class Call:
    """`kinds`: the frames of the answer as they came, H for headers and D for data, neighbouring data as one."""

    kinds: str
    body: bytes
    trailers: dict[str, str]


def call(address: str, host: str, path: str, message: bytes, *headers: tuple[str, str]) -> Call:
    fields = (
        *((":method", "POST"), (":scheme", "https"), (":authority", host), (":path", path)),
        ("content-type", "application/grpc"),
        *headers,
    )
    block = b"".join(b"\x00" + _string(name) + _string(value) for name, value in fields)
    with connect(address, TRAFFIC) as sock, sock.makefile("rb") as stream:
        sock.sendall(PREFACE + _frame(SETTINGS, 0, 0, b"") + _frame(HEADERS, END_HEADERS, 1, block) + _frame(DATA, END_STREAM, 1, message))
        kinds, body, last, flags = "", b"", b"", 0
        while not flags & END_STREAM:
            head = stream.read(9)
            payload = stream.read(int.from_bytes(head[:3], "big"))
            if head[3] not in (DATA, HEADERS):
                continue
            flags, last = head[4], payload
            kind = "D" if head[3] == DATA else "H"
            kinds += "" if kinds.endswith("D") and kind == "D" else kind
            body += payload if kind == "D" else b""
    return Call(kinds, body, _trailers(last) if kinds.count("H") > 1 else {})


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def _string(value: str) -> bytes:
    return bytes([len(value)]) + value.encode()


def _trailers(block: bytes) -> dict[str, str]:
    """Each is a literal with a new name, as nginx writes them."""
    found = {}
    while block:
        assert block[0] == 0, block
        name, block = _read(block[1:])
        found[name], block = _read(block)
    return found


def _read(block: bytes) -> tuple[str, bytes]:
    length, rest = block[0] & 0x7F, block[1:]
    text, rest = rest[:length], rest[length:]
    return (_plain(text) if block[0] & 0x80 else text.decode()), rest


def _plain(text: bytes) -> str:
    bits = "".join(f"{byte:08b}" for byte in text)
    plain = ""
    while bits:
        size = next((size for size in (5, 6, 7) if bits[:size] in _HUFFMAN), None)
        if size is None:  # what fills the last byte
            assert len(bits) < 8, bits
            assert set(bits) == {"1"}, bits
            break
        plain, bits = plain + _HUFFMAN[bits[:size]], bits[size:]
    return plain
