"""Answers read leniently from what a client got, so that a wrong one is seen as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.nginx.probes.probe import Answer

STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?!\d)[^\n]*")
NO_BODY = (204, 304)
# The part of HPACK's static table that holds statuses.
STATUS_OF_INDEX = {8: 200, 9: 204, 10: 206, 11: 304, 12: 400, 13: 404, 14: 500}
FRAME_HEAD = 9
DATA, HEADERS, RST_STREAM, GOAWAY = 0, 1, 3, 7
END_STREAM = 0x1


def http1(raw: bytes, *, closed: bool, first_is_head: bool) -> tuple[tuple[Answer, ...], bytes]:
    """The answers, and what came after a 101, which is not HTTP any more."""
    found: list[Answer] = []
    while raw:
        bodiless = first_is_head and not any(answer.status >= 200 for answer in found)
        answer, raw = _one(raw, closed=closed, bodiless=bodiless)
        found.append(answer)
        if answer.status == 101:
            return tuple(found), raw
    return tuple(found), b""


def _one(raw: bytes, *, closed: bool, bodiless: bool) -> tuple[Answer, bytes]:
    head, end, rest = raw.partition(b"\r\n\r\n")
    match = STATUS_LINE.match(head)
    if not match:
        return Answer(0, body=raw, complete=closed), b""
    status = int(match.group(1))
    if not end:
        return Answer(status, head, complete=False), b""
    if bodiless or status in NO_BODY or status < 200:
        return Answer(status, head), rest
    lengths = _values(head, b"content-length")
    codings = _values(head, b"transfer-encoding")
    if codings == [b"chunked"] and not lengths:
        return _chunked(status, head, rest)
    if not codings and len(lengths) == 1 and lengths[0].isdigit():
        length = int(lengths[0])
        return Answer(status, head, rest[:length], len(rest) >= length), rest[length:]
    # Without framing the end of the connection is the end; with one that contradicts itself no client could tell the end.
    return Answer(status, head, rest, complete=closed and not codings and not lengths), b""


def _values(head: bytes, name: bytes) -> list[bytes]:
    return [value.strip() for value in re.findall(rb"\r\n" + name + rb" *:([^\r\n]*)", head.lower())]


def _chunked(status: int, head: bytes, rest: bytes) -> tuple[Answer, bytes]:
    body = b""
    while True:
        size, end, rest = rest.partition(b"\r\n")
        if not end:
            return Answer(status, head, body, complete=False), b""
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
            return Answer(status, head, body + rest, complete=False), b""
        length = int(size, 16)
        if length == 0:
            complete = rest.startswith(b"\r\n")
            return Answer(status, head, body, complete), rest[2:]
        if len(rest) < length + 2:
            return Answer(status, head, body + rest[:length], complete=False), b""
        body, rest = body + rest[:length], rest[length + 2 :]


def http2(raw: bytes) -> tuple[Answer, ...]:
    """One answer a stream, and one without a status for each RST_STREAM and GOAWAY."""
    if raw.startswith(b"HTTP/1."):
        return http1(raw, closed=True, first_is_head=False)[0]
    streams: dict[int, Answer] = {}
    ended: list[Answer] = []
    for kind, flags, stream, payload in _frames(raw):
        before = streams.get(stream)
        if kind == HEADERS and before is None:
            streams[stream] = Answer(_status(payload), payload, complete=bool(flags & END_STREAM))
        elif kind == DATA and before:
            streams[stream] = Answer(before.status, before.head, before.body + payload, bool(flags & END_STREAM))
        elif kind in {RST_STREAM, GOAWAY} and not (before and before.complete):
            error = payload[-4:] if kind == RST_STREAM else payload[4:8]
            ended.append(Answer(0, (b"RST_STREAM " if kind == RST_STREAM else b"GOAWAY ") + str(int.from_bytes(error, "big")).encode()))
    # After an error status, how the connection ends does not matter.
    found = tuple(streams[number] for number in sorted(streams))
    return found if found and found[-1].status >= 400 else found + tuple(ended)


def _frames(raw: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    while len(raw) >= FRAME_HEAD:
        length = int.from_bytes(raw[:3], "big")
        yield raw[3], raw[4], int.from_bytes(raw[5:9], "big") & 0x7FFFFFFF, raw[FRAME_HEAD : FRAME_HEAD + length]
        raw = raw[FRAME_HEAD + length :]


def _status(block: bytes) -> int:
    """:status comes first; nginx writes those outside of the static table as three plain digits."""
    while block and block[0] & 0xE0 == 0x20:  # a change of the table's size
        block = block[1:]
    if block[0] & 0x80:
        return STATUS_OF_INDEX.get(block[0] & 0x7F, 0)
    return int(block[2:5]) if block[1] == 3 and block[2:5].isdigit() else 0
