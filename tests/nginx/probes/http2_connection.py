"""HTTP/2 below the request: frames that break the rules, and floods. All bounded; a correct proxy ends the stream or the connection."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.nginx.probes.expect import NO_ANSWER, refused
from tests.nginx.probes.http2_frames import (
    BEGIN,
    END_HEADERS,
    END_STREAM,
    PREFACE,
    SETTINGS,
    WHOLE,
    continuation,
    data,
    frame,
    headers_frame,
    pseudo,
    reset,
)
from tests.nginx.probes.probe import HOST, Expectation, Outcome, Probe

GET = pseudo(HOST)
RESETS = 2_000
PIECES = 100
REFUSED = refused(400, NO_ANSWER)


@dataclass(frozen=True)
class FewerAtOrigin:
    """The connection is ended before all of these came to the origin."""

    most: int

    def unmet(self, outcome: Outcome) -> str:
        if not outcome.closed:
            return "the connection is still open"
        if len(outcome.at_origin) > self.most:
            return f"{len(outcome.at_origin)} requests at the origin"
        return "" if outcome.next_is_its_own else "the next request got another one's answer"

    def __str__(self) -> str:
        return f"the connection is ended with at most {self.most} requests at the origin"


BOUNDED = "what one connection can make the proxy do is bounded"
PROBES_OF_FRAMES: tuple[tuple[str, bytes, Expectation, str], ...] = (
    ("no preface after PRI", b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n" + SETTINGS, REFUSED, "not HTTP/2 after all"),
    ("SETTINGS that are no multiple of six", PREFACE + frame(4, 0, 0, b"\x00" * 5), REFUSED, "a frame of the wrong size"),
    ("SETTINGS on a stream", PREFACE + frame(4, 0, 1), REFUSED, "a frame where it does not belong"),
    ("window of 2^31", PREFACE + frame(4, 0, 0, struct.pack(">HI", 4, 2**31)), REFUSED, "windows have 31 bits"),
    ("window increment of 0", BEGIN + frame(8, 0, 0, struct.pack(">I", 0)), REFUSED, "an increment of nothing is an error"),
    ("window that overflows", BEGIN + frame(8, 0, 0, struct.pack(">I", 2**31 - 1)) * 2, REFUSED, "windows have 31 bits"),
    ("frame larger than allowed", BEGIN + b"\x01\x00\x01\x00\x04\x00\x00\x00\x01" + b"x" * 65_537, REFUSED, "16,384 bytes are allowed"),
    ("even stream", BEGIN + headers_frame(*GET, stream=2), REFUSED, "clients open odd streams"),
    ("stream 0", BEGIN + headers_frame(*GET, stream=0), REFUSED, "stream 0 is the connection"),
    ("DATA without HEADERS", BEGIN + data(b"hello"), REFUSED, "a stream begins with HEADERS"),
    ("CONTINUATION without HEADERS", BEGIN + continuation(*GET), REFUSED, "it continues nothing"),
    (
        "another frame inside a header block",
        BEGIN + headers_frame(*GET, flags=END_STREAM) + frame(6, 0, 0, b"\x00" * 8) + continuation((b"x-a", b"1")),
        REFUSED,
        "a header block is one piece",
    ),
    (
        "padding longer than the frame",
        BEGIN + frame(1, WHOLE | 0x8, 1, b"\xff" + b"\x00" * 10),
        REFUSED,
        "padding is a part of the frame",
    ),
    ("stream that depends on itself", BEGIN + frame(1, WHOLE | 0x20, 1, struct.pack(">IB", 1, 0)), REFUSED, "a loop of priorities"),
    ("PUSH_PROMISE", BEGIN + frame(5, END_HEADERS, 1, struct.pack(">I", 2)), REFUSED, "clients do not push"),
    ("PING of the wrong size", BEGIN + frame(6, 0, 0, b"\x00"), REFUSED, "a frame of the wrong size"),
    ("HPACK index out of the table", BEGIN + frame(1, WHOLE, 1, b"\xff\xff\x7f"), REFUSED, "nothing stands there"),
    ("HPACK index 0", BEGIN + frame(1, WHOLE, 1, b"\x80"), REFUSED, "nothing stands there"),
    ("HPACK integer without an end", BEGIN + frame(1, WHOLE, 1, b"\xff" + b"\xff" * 20), REFUSED, "numbers are bounded"),
    ("HPACK string longer than the block", BEGIN + frame(1, WHOLE, 1, b"\x00\x7f\x7f"), REFUSED, "the text ends before its length"),
    (
        "HPACK table larger than allowed",
        BEGIN + frame(1, WHOLE, 1, b"\x3f\xe1\xff\x03\x82"),
        REFUSED,
        "the table's size is the proxy's to say",
    ),
    ("HPACK Huffman with a wrong end", BEGIN + frame(1, WHOLE, 1, b"\x00\x81\x00\x81\x00"), REFUSED, "padding is ones"),
    (
        "HPACK bomb",
        # One entry of 4,000 bytes, referred to 4,000 times: 16 MB from 8 kB.
        BEGIN + frame(1, WHOLE, 1, b"\x82\x87\x84\x40\x01a\x7f\xa1\x1e" + b"x" * 4_000 + b"\xbe" * 4_000),
        REFUSED,
        "a header list is bounded by its size when unpacked",
    ),
    (
        "header list of 200,000 bytes",
        BEGIN + headers_frame(*GET, flags=END_STREAM) + continuation((b"x-a", b"x" * 10_000), flags=0) * 20 + continuation(),
        REFUSED,
        BOUNDED,
    ),
    (
        "CONTINUATION flood",
        BEGIN + headers_frame(*GET, flags=END_STREAM) + continuation((b"x-a", b"1"), flags=0) * 20_000,
        REFUSED,
        BOUNDED,
    ),
)
PROBES = (
    *(Probe(name=f"http2 frames: {n}", send=send, expect=expect, why=why, http2=True) for n, send, expect, why in PROBES_OF_FRAMES),
    Probe(
        name="http2 flood: streams that are reset at once",
        send=BEGIN + b"".join(headers_frame(*GET, stream=number) + reset(number) for number in range(1, 2 * RESETS, 2)),
        expect=FewerAtOrigin(RESETS // 2),
        why=f"rapid reset: each reset frees a place for the next request; {BOUNDED}",
        http2=True,
        patience=8,
    ),
    *(
        Probe(
            name=f"http2 flood: {n}",
            send=(BEGIN, *[piece * 2_000] * PIECES),
            expect=FewerAtOrigin(0),
            why=f"an answer or some work for each of 200,000 frames that mean nothing; {BOUNDED}",
            http2=True,
            patience=8,
        )
        for n, piece in (
            ("PING", frame(6, 0, 0, b"\x00" * 8)),
            ("SETTINGS", frame(4, 0, 0)),
            ("PRIORITY", frame(2, 0, 1, struct.pack(">IB", 0, 0))),
        )
    ),
    Probe(
        name="http2 flood: empty DATA",
        send=(BEGIN + headers_frame(*pseudo(HOST, method=b"POST"), flags=END_HEADERS), *[data(b"", flags=0) * 2_000] * 5 * PIECES),
        expect=FewerAtOrigin(1),
        why=f"frames that carry nothing keep a request open; {BOUNDED}",
        http2=True,
        patience=8,
    ),
)
