"""The project's own targets beside what was measured. It says whether each is met; it never fails."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tests.bench import sites
from tests.bench.closed_loop import Closed, Row
from tests.bench.open_loop import Level
from tests.bench.results import Results

# Two measurements of the same thing differ by as much.
NOISE = 1.25
MANY = 256
SMALL, LARGE = "1 KiB", "100 KiB"


@dataclass(frozen=True)
class Target:
    what: str
    bound: str
    measured: str
    verdict: str


def cpu(one: Closed) -> float | None:
    return one.cpu_microseconds


def targets(results: Results) -> list[Target]:
    found = [*_cpu(results), *_flat(results), *_resources(results), *_latency(results), *_sites(results)]
    return [target for target in found if target]


# Row -> of whose CPU a request may cost us how much.
_SMALL_BOUNDS = {"baseline": 1 / 20, "haproxy": 1.0, "haproxy-h2": 1.0, "envoy": 0.5, "caddy": 0.25, "relay": 1.5}
_LARGE_BOUNDS = {"baseline": 1 / 5.5, "haproxy": NOISE, "haproxy-h2": NOISE, "envoy": NOISE, "caddy": NOISE}
_HUGE_BOUNDS = {"baseline": 0.65}
_BOUNDS = {
    **{Row(SMALL, connections): _SMALL_BOUNDS for connections in (16, 64, MANY)},
    **{Row(LARGE, connections): _LARGE_BOUNDS for connections in (16, 64, MANY)},
    Row("10 MiB", 16): _HUGE_BOUNDS,
}


def _cpu(results: Results) -> Iterator[Target | None]:
    for row, bounds in _BOUNDS.items():
        for other, bound in bounds.items():
            ratio = results.ratio(row, "kotei", other, cpu)
            yield _ratio(f"CPU per request, {row.title} connections, against {other}", ratio, bound)


def _flat(results: Results) -> Iterator[Target | None]:
    for body in (SMALL, LARGE):
        few, many = (results.closed_median(Row(body, connections), "kotei", cpu) for connections in (16, MANY))
        yield _ratio(f"CPU per request, {body}, {MANY} connections against 16", many / few if few and many else None, 1.5)


def _resources(results: Results) -> Iterator[Target | None]:
    ours = [one for one in results.closed if one.subject == "kotei"]
    memory = results.closed_median(Row(SMALL, MANY), "kotei", lambda one: one.memory_mib)
    yield _below(f"Memory, {SMALL}, {MANY} connections", memory, 32, "MiB")
    yield _below("Written to temporary files, most of all rows", max((one.temporary_mib or 0.0 for one in ours), default=None), 0.1, "MiB")
    yield _below("Sockets in TIME_WAIT to the origin, most of all rows", max((one.time_wait for one in ours), default=None), 16, "")
    yield _below("TLS handshakes while measured, most of all rows", max((one.handshakes for one in ours), default=None), MANY, "")


def _latency(results: Results) -> Iterator[Target | None]:
    slow, fast = Level(SMALL, 500), Level(SMALL, 5000)
    yield _ratio(f"p50, {slow.title}, against baseline", results.open_ratio(slow, "kotei", "baseline", lambda one: one.p50), 1 / 4)
    yield _ratio(f"p99, {slow.title}, against baseline", results.open_ratio(slow, "kotei", "baseline", lambda one: one.p99), 1 / 4)
    for other in ("haproxy", "haproxy-h2"):
        yield _ratio(f"p99, {fast.title}, against {other}", results.open_ratio(fast, "kotei", other, lambda one: one.p99), 1.0)


def _sites(results: Results) -> Iterator[Target | None]:
    for origins in (sites.ONE, sites.OWN):
        for one in results.sites:
            if one.sites == 1000 and one.origins == origins:
                yield _below(f"Rendering 1,000 sites, origins: {origins}", one.render_cpu_seconds, 1, "s of CPU")


def _ratio(what: str, ratio: float | None, bound: float) -> Target | None:
    if ratio is None:
        return None
    shown = f"≤ {bound:g}" if bound >= 0.25 else f"≤ 1/{1 / bound:g}"
    measured = f"{ratio:.2f}" if bound >= 0.25 else f"1/{1 / ratio:.1f}"
    return Target(what, shown, measured, _verdict(ratio, bound))


def _below(what: str, value: float | None, bound: float, unit: str) -> Target | None:
    if value is None:
        return None
    return Target(what, f"< {bound:g} {unit}".strip(), f"{value:,.3g} {unit}".strip(), "met" if value < bound else "missed")


def _verdict(ratio: float, bound: float) -> str:
    if ratio <= bound:
        return "met"
    return "equal within noise" if bound == 1 and ratio <= NOISE else "missed"
