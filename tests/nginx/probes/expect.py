"""What may be expected of a proxy. Each says what is missing, so that a report can print it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tests.nginx.probes.probe import Expectation, Outcome

# In place of a status: the connection or the HTTP/2 stream ended without an answer.
NO_ANSWER = 0


def _first_problem(*problems: tuple[bool, str]) -> str:
    return next((text for found, text in problems if found), "")


def _desync(outcome: Outcome) -> tuple[bool, str]:
    return not outcome.next_is_its_own, "the next request got another one's answer"


def lines_of(request: bytes) -> list[bytes]:
    return request.partition(b"\r\n\r\n")[0].split(b"\r\n")


def body_of(request: bytes) -> bytes:
    """The body without the framing that the proxy chose; with it, where that is none."""
    top, _, rest = request.partition(b"\r\n\r\n")
    if b"\r\ntransfer-encoding: chunked" not in top.lower():
        return rest
    body, framed = b"", rest
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        if not re.fullmatch(rb"[0-9A-Fa-f]{1,8}", size):
            return framed
        length = int(size, 16)
        body += rest[:length]
        rest = rest[length + 2 :]
    return body


@dataclass(frozen=True, kw_only=True)
class Arrives:
    """One request at the origin with exactly this first line and body, and one answer for the client."""

    line: bytes
    body: bytes = b""
    has: tuple[bytes, ...] = ()
    """Whole header lines, each exactly once."""
    lacks: tuple[bytes, ...] = ()
    """Text that is nowhere in the head, in upper or lower case."""
    names: frozenset[bytes] | None = None
    """All header names, in lower case."""
    status: int = 200

    def unmet(self, outcome: Outcome) -> str:
        if len(outcome.at_origin) != 1:
            return f"{len(outcome.at_origin)} requests at the origin"
        (request,) = outcome.at_origin
        lines = lines_of(request)
        top = request.partition(b"\r\n\r\n")[0].lower()
        names = frozenset(line.partition(b":")[0].lower() for line in lines[1:])
        wrong = [line for line in self.has if lines[1:].count(line) != 1]
        found = [text for text in self.lacks if text.lower() in top]
        return _first_problem(
            (lines[0] != self.line, f"the origin got {lines[0][:80]!r}"),
            (bool(wrong), f"not exactly once at the origin: {wrong}"),
            (bool(found), f"at the origin: {found}"),
            (self.names is not None and names != self.names, f"header names at the origin: {sorted(names ^ (self.names or names))} differ"),
            (body_of(request) != self.body, f"the origin got the body {body_of(request)[:80]!r}"),
            ([answer.status for answer in outcome.final] != [self.status], f"the client got {outcome}"),
            _desync(outcome),
        )

    def __str__(self) -> str:
        return f"reaches the origin as `{self.line.decode('latin-1')[:60]}`"


@dataclass(frozen=True)
class Refused:
    """At most one answer, with one of these statuses, and nothing at the origin."""

    statuses: tuple[int, ...]

    def unmet(self, outcome: Outcome) -> str:
        got = tuple(answer.status for answer in outcome.final) or (NO_ANSWER,)
        return _first_problem(
            (bool(outcome.at_origin), f"the origin got {[lines_of(request)[0][:80] for request in outcome.at_origin]}"),
            (len(got) != 1 or got[0] not in self.statuses, f"the client got {outcome}"),
            (got == (NO_ANSWER,) and not outcome.closed and not outcome.answers, "neither an answer nor an end"),
            _desync(outcome),
        )

    def __str__(self) -> str:
        return "refused with " + " or ".join("no answer" if status == NO_ANSWER else str(status) for status in self.statuses)


def refused(*statuses: int) -> Refused:
    return Refused(statuses)


@dataclass(frozen=True, kw_only=True)
class Answered:
    """The client gets these answers in this order and no other."""

    statuses: tuple[int, ...]
    has: tuple[bytes, ...] = ()
    """Whole header lines of the first answer, each exactly once."""
    lacks: tuple[bytes, ...] = ()
    """Text that is nowhere in the first answer's head, in upper or lower case."""
    bodies: tuple[bytes, ...] | None = None
    """What each body begins with."""
    exact: bytes | None = None
    """The whole body of the first answer."""
    at_origin: tuple[bytes, ...] | None = None
    """The first lines of all requests that the origin got."""
    cut_off: bool = False
    """The client can see that the last answer is not whole."""
    tunnel: bytes = b""
    """What comes after the connection has left HTTP."""

    def unmet(self, outcome: Outcome) -> str:
        got = outcome.final
        if tuple(answer.status for answer in got) != self.statuses:
            return f"the client got {outcome}"
        first = got[0].head.split(b"\r\n") if got else []
        wrong = [line for line in self.has if first.count(line) != 1]
        found = [text for text in self.lacks if got and text.lower() in got[0].head.lower()]
        bodies = self.bodies if self.bodies is not None else tuple(b"" for _ in got)
        arrived = tuple(lines_of(request)[0] for request in outcome.at_origin)
        whole = all(answer.complete for answer in got)
        return _first_problem(
            (bool(wrong), f"not exactly once in the answer: {wrong}"),
            (bool(found), f"in the answer: {found}"),
            (not all(a.body.startswith(b) for a, b in zip(got, bodies, strict=True)), f"bodies {[a.body[:60] for a in got]}"),
            (self.exact is not None and got[0].body != self.exact, f"the first body is {got[0].body[:80]!r}" if got else ""),
            (self.at_origin is not None and arrived != self.at_origin, f"the origin got {arrived}"),
            (whole == self.cut_off, "an answer looks whole" if whole else "an answer is cut off"),
            (self.cut_off and not outcome.closed, "the client still waits for the rest"),
            (outcome.rest != self.tunnel, f"the tunnel gave {outcome.rest[:80]!r}"),
            _desync(outcome),
        )

    def __str__(self) -> str:
        return "answered with " + ", ".join(map(str, self.statuses)) + (", cut off" if self.cut_off else "")


@dataclass(frozen=True)
class NotServed:
    """Uploads stream, so its begin may be at the origin; but no answer says that it was taken, and nothing behind it is read."""

    def unmet(self, outcome: Outcome) -> str:
        taken = [answer for answer in outcome.final if NO_ANSWER < answer.status < 400]
        return _first_problem(
            (len(outcome.at_origin) > 1, f"{len(outcome.at_origin)} requests at the origin"),
            (bool(taken) or len(outcome.final) > 1, f"the client got {outcome}"),
            (not outcome.final and not outcome.closed, "neither an answer nor an end"),
            _desync(outcome),
        )

    def __str__(self) -> str:
        return "refused, and nothing behind it is read"


@dataclass(frozen=True)
class LetGo:
    """The connection is ended while the client still holds it; at most an error is said."""

    def unmet(self, outcome: Outcome) -> str:
        served = [answer for answer in outcome.final if answer.complete and 200 <= answer.status < 300]
        return _first_problem((not outcome.closed, "the connection is still open"), (bool(served), "it was served"), _desync(outcome))

    def __str__(self) -> str:
        return "the connection is ended"


@dataclass(frozen=True)
class AnyOf:
    ways: tuple[Expectation, ...]

    def unmet(self, outcome: Outcome) -> str:
        problems = [way.unmet(outcome) for way in self.ways]
        return "" if "" in problems else "; or: ".join(problems)

    def __str__(self) -> str:
        return ", or ".join(map(str, self.ways))


def any_of(*ways: Expectation) -> AnyOf:
    return AnyOf(ways)
