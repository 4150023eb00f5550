"""The rendered proxy beside a baseline in one run; prints a Markdown table. Figures of different runs are not to be compared."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path

import trustme

from tests.bench.load import Load, load
from tests.support.name_server import name_server
from tests.support.nginx_process import Nginx, nginx
from tests.support.proxy import NAME_SERVER_PORT, ORIGIN_PORT, Addresses, addresses, environment, origin_text, proxy, rendered

ROUNDS = 3
SECONDS = 1.5
SIZES = {"1 KiB": 2**10, "100 KiB": 100 * 2**10}
CONNECTIONS = (1, 16, 64)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, _subjects(Path(folder), addresses(200)) as subjects:
        _tell("| body, connections | baseline r/s · µs CPU | kotei r/s · µs CPU | CPU, baseline ÷ kotei |")
        _tell("|---|---|---|---|")
        for name, size in SIZES.items():
            for connections in CONNECTIONS:
                _row(f"{name}, {connections}", subjects, size, connections)


def _row(title: str, subjects: dict[str, Nginx], size: int, connections: int) -> None:
    rounds: dict[str, list[Load]] = {name: [] for name in subjects}
    for _ in range(ROUNDS):
        for name, subject in subjects.items():
            measured = load(
                subject.address,
                f"/size/{size}",
                answer_bytes=size,
                connections=connections,
                seconds=SECONDS,
                master=subject.process.pid,
            )
            rounds[name].append(measured)
    cells = {name: _median(loads) for name, loads in rounds.items()}
    shown = " | ".join(f"{cell.requests_per_second:,.0f} · {cell.cpu_microseconds:,.0f}" for cell in cells.values())
    ratio = cells["baseline"].cpu_microseconds / cells["kotei"].cpu_microseconds
    _tell(f"| {title} | {shown} | {ratio:.1f} |")


def _tell(line: str) -> None:
    print(line, flush=True)  # noqa: T201 # the table is the result


def _median(loads: list[Load]) -> Load:
    return Load(
        statistics.median(one.requests_per_second for one in loads),
        statistics.median(one.cpu_microseconds for one in loads),
    )


@contextlib.contextmanager
def _subjects(folder: Path, net: Addresses) -> Iterator[dict[str, Nginx]]:
    authority = trustme.CA()
    certificate = {"origin.example.net": authority.issue_cert("origin.example.net")}
    origin = origin_text(folder / "origin", [f"{net[10]}:{ORIGIN_PORT}"], certificate)
    baseline = (Path(__file__).parent / "baseline.conf").read_text()
    baseline = baseline.replace("@address@", net[2]).replace("@resolver@", f"{net[53]}:{NAME_SERVER_PORT}")
    text = rendered(environment([{"host": "api.example.com", "origin": "https://origin.example.net"}]))
    with (
        name_server(net[53], NAME_SERVER_PORT) as names,
        nginx(origin, folder / "origin", net[10], ORIGIN_PORT),
        nginx(baseline, folder / "baseline", net[2], 8080) as plain,
        contextlib.ExitStack() as stack,
    ):
        names.addresses["origin.example.net"] = [net[10]]
        kotei = stack.enter_context(proxy(text, folder / "kotei", net[1], names, authority))
        yield {"baseline": plain, "kotei": kotei.nginx}


if __name__ == "__main__":
    main()
