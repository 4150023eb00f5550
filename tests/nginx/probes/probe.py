"""What one probe is: bytes to send, what must come of them, and why."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Protocol

HOST = b"api.example.com"
SECOND_HOST = b"partner.example.com"
WEBSOCKET_HOST = b"stream.example.com"
IMPATIENT_HOST = b"impatient.example.com"
ORIGIN_HOST = b"origin.example.net"
# Linux takes any address of 127.0.0.0/8; a fixed one can be named in an expectation.
CLIENT = b"127.0.0.1"
# Asked for this, the origin tells what it got since it was last asked.
SEEN = b"/-/seen"


@dataclass(frozen=True)
class Wait:
    """Seconds between two pieces, in which a client that is not `reading` takes nothing."""

    seconds: float
    reading: bool = True


@dataclass(frozen=True)
class Until:
    """The next piece is sent when this has come."""

    seen: bytes


Step = bytes | Wait | Until


class Then(enum.Enum):
    KEEP = "waits for the next request"
    CLOSE = "closes the connection"
    RESET = "resets the connection"
    HANG = "says nothing more"


@dataclass(frozen=True)
class Says:
    """What the origin answers to /says/<name of the probe>, byte for byte."""

    steps: tuple[bytes | Wait, ...]
    then: Then = Then.KEEP


@dataclass(frozen=True)
class Answer:
    """`status` 0 is something that is not an answer: for HTTP/2 a reset stream or a GOAWAY, else bytes without a status line."""

    status: int
    head: bytes = b""
    body: bytes = b""
    complete: bool = True


@dataclass(frozen=True, kw_only=True)
class Outcome:
    answers: tuple[Answer, ...]
    """What the client got, answers of 1xx included."""
    closed: bool
    """The proxy ended the connection."""
    at_origin: tuple[bytes, ...]
    """The requests that the origin got, byte for byte."""
    next_is_its_own: bool
    """The next request, another client's, got the answer that was meant for it."""
    rest: bytes = b""
    """What came in place of answers once the connection was not HTTP any more."""

    @property
    def final(self) -> tuple[Answer, ...]:
        return tuple(answer for answer in self.answers if not 100 <= answer.status < 200 or answer.status == 101)

    def __str__(self) -> str:
        said = [f"{answer.status or 'no status'}{'' if answer.complete else ', cut off'}" for answer in self.answers]
        lines = [request.split(b"\r\n")[0][:60].decode("latin-1") for request in self.at_origin]
        parts = [" ".join(said) or "no answer", *(["closed"] if self.closed else []), *(f"origin got `{line}`" for line in lines)]
        return "; ".join(parts if self.next_is_its_own else [*parts, "the next client got a wrong answer"])


class Expectation(Protocol):
    def unmet(self, outcome: Outcome) -> str:
        """What is missing, or nothing."""

    def __str__(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Probe:
    name: str
    send: bytes | tuple[Step, ...]
    expect: Expectation
    why: str
    says: Says | None = None
    http2: bool = False
    patience: float = 5
    """Seconds after which a connection counts as kept open."""
    answers: int = 1
    """How many answers to wait for; more may come."""
    missing: str = ""
    """Why the expectation is not met yet."""

    @property
    def steps(self) -> tuple[Step, ...]:
        return (self.send,) if isinstance(self.send, bytes) else self.send


def head(first: bytes, *lines: bytes, host: bytes = HOST) -> bytes:
    """The head of a request after which the connection is closed."""
    return b"\r\n".join([first, b"Host: " + host, b"Connection: close", *lines, b"", b""])


def kept(first: bytes, *lines: bytes, host: bytes = HOST) -> bytes:
    """The head of a request after which another may follow."""
    return b"\r\n".join([first, b"Host: " + host, *lines, b"", b""])
