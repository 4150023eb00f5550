"""The results as one Markdown document."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from tests.bench import subjects
from tests.bench.behaviour import Compared
from tests.bench.closed_loop import Closed, Row
from tests.bench.open_loop import Level, Open
from tests.bench.results import Results
from tests.bench.targets import targets

NOTHING = "—"
TEXT = "---"
BEHAVIOUR = "behaviour.md"
METHOD = Path(__file__).with_name("method.md")
PICTURES = {
    "throughput.png": "Requests per second against connections",
    "cpu-by-connections.png": "CPU per request against connections",
    "cpu-by-body.png": "CPU per request against body size",
    "latency.png": "Latency against load",
    "sites.png": "What sites cost",
}


def markdown(results: Results, pictures: Iterable[str]) -> str:
    parts = [
        _HEAD.format(taken=results.taken, command=results.command),
        *_machine(results),
        *_targets(results),
        *_closed(results),
        *_resources(results),
        *_open(results),
        *_sites(results),
        *_behaviour(results),
        "## Pictures",
        *(f"![{PICTURES[name]}]({name})" for name in pictures),
        METHOD.read_text().rstrip(),
    ]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], align: str = "---:") -> str:
    aligned = ["---", *(align for _ in head[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, aligned, *rows))


def _machine(results: Results) -> Iterator[str]:
    facts = results.machine | {f"{name}": _version(name, version) for name, version in results.versions.items()}
    yield "## Machine and subjects"
    yield _table(["", "what"], list(facts.items()), TEXT)
    for name, why in results.skipped.items():
        yield f"**Left out: {name}.** {why}"


def _version(name: str, version: str) -> str:
    if name in subjects.KINDS:
        return f"{version}: {subjects.KINDS[name].what}"
    return f"{version}: the HTTPS origin itself, asked without a proxy" if name == subjects.DIRECT else version


def _targets(results: Results) -> Iterator[str]:
    yield "## Targets"
    yield _table(["target", "wanted", "measured", ""], [[one.what, one.bound, one.measured, one.verdict] for one in targets(results)], TEXT)


def _closed(results: Results) -> Iterator[str]:
    names = results.subjects()
    yield "## Closed loop"
    yield "Requests per second. A subject that does not use the whole of its core was held up by the origin and the client on the other."
    yield _by_row(results, names, lambda row, name: _number(results.closed_median(row, name, lambda one: one.requests_per_second)))
    proxies = [name for name in names if name != subjects.DIRECT]
    yield "CPU of the proxy for one request, in µs."
    yield _by_row(results, proxies, lambda row, name: _number(results.closed_median(row, name, _cpu)))
    yield "The same, in multiples of kotei's: the median of the rounds' own ratios."
    yield _by_row(results, proxies, lambda row, name: _times(results.ratio(row, name, "kotei", _cpu)))


def _by_row(results: Results, names: list[str], cell: Callable[[Row, str], str]) -> str:
    return _table(["body, connections", *names], [[row.title, *(cell(row, name) for name in names)] for row in results.rows()])


def _resources(results: Results) -> Iterator[str]:
    yield "## Memory, connections, files"
    yield "Memory is the median of the row; everything else is the most of any round of any row, counted while the load was steady."
    row = max(results.rows(), key=lambda row: (row.body == "1 KiB", row.connections))
    head = [f"memory at {row.title} connections, MiB", "TLS handshakes", "TIME_WAIT", "temporary files, MiB", "errors"]
    yield _table(["", *head], [[name, *_worst(results, row, name)] for name in results.subjects()])


def _worst(results: Results, row: Row, name: str) -> list[str]:
    own = [one for one in results.closed if one.subject == name]
    most: list[Callable[[Closed], float | None]] = [
        lambda one: one.handshakes,
        lambda one: one.time_wait,
        lambda one: one.temporary_mib,
        lambda one: one.errors,
    ]
    memory = results.closed_median(row, name, lambda one: one.memory_mib)
    return [_number(memory), *(_number(max((found for one in own if (found := value(one)) is not None), default=None)) for value in most)]


def _open(results: Results) -> Iterator[str]:
    names = results.subjects()
    yield "## Open loop"
    yield "p50 / p99 / p99.9 in ms from the moment when a request was due, over 256 connections. `direct` shows what the measuring adds."
    yield _table(["body, load", *names], [[level.title, *(_latency(results, level, name) for name in names)] for level in results.levels()])


def _latency(results: Results, level: Level, name: str) -> str:
    if results.open_median(level, name, lambda one: one.lost):
        return "does not keep up"
    values: list[Callable[[Open], float]] = [lambda one: one.p50, lambda one: one.p99, lambda one: one.p999]
    return " / ".join(_number(results.open_median(level, name, value)) for value in values)


def _sites(results: Results) -> Iterator[str]:
    yield "## Sites"
    yield (
        "kotei with many sites: rendering (CPU, validation included), from the start of nginx until it listens, memory of all its processes"
        " after each site was asked once, and latency of the last site at 500 requests per second."
    )
    head = ["sites", "origins", "rendering, s", "start, s", "memory, MiB", "p50, ms", "p99, ms"]
    yield _table(
        head,
        [
            [f"{one.sites:,}", one.origins, *map(_number, (one.render_cpu_seconds, one.start_seconds, one.memory_mib, one.p50, one.p99))]
            for one in results.sites
        ],
    )


def _behaviour(results: Results) -> Iterator[str]:
    if not results.behaviour:
        return
    groups: dict[str, list[Compared]] = {}
    for one in results.behaviour:
        # "Connection lists Host: ..." is a probe of Connection.
        groups.setdefault(one.probe.partition(":")[0].partition(" lists")[0], []).append(one)
    yield "## Behaviour"
    yield (
        f"{len(results.behaviour)} probes (tests/nginx/probes), and how many see what they should; [what the others see]({BEHAVIOUR})."
        " Denied paths, time limits and a list of hosts are of kotei's configuration alone; the baseline has nothing like it to configure."
    )
    rows = [(group, [one.kotei_unmet for one in found], [one.baseline_unmet for one in found]) for group, found in groups.items()]
    yield _table(
        ["probes of", "all", "kotei", "baseline"], [[name, str(len(ours)), *map(_met, (ours, theirs))] for name, ours, theirs in rows]
    )


def _met(unmet: list[str]) -> str:
    return str(unmet.count(""))


def unmet(results: Results) -> str:
    """The probes that kotei or the baseline does not meet."""
    rows = [one for one in results.behaviour if one.kotei_unmet or one.baseline_unmet]
    cells = [[_cell(text or "as it should") for text in (one.probe, one.why, one.kotei_unmet, one.baseline_unmet)] for one in rows]
    head = "# What probes see that they should not\n\nWritten with [the bench](README.md), from the same run."
    return f"{head}\n\n{_table(['probe', 'why', 'kotei', 'baseline'], cells, TEXT)}\n"


def _cell(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)
    return shown.replace("|", "\\|")


def _cpu(one: Closed) -> float | None:
    return one.cpu_microseconds


def _times(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _number(value: float | None) -> str:
    """Three digits that count."""
    if value is None:
        return NOTHING
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.3g}"


_HEAD = """# Bench

Written by `{command}` on {taken}; the raw numbers are in [results.json](results.json). Figures of different runs are not to be compared:
quote ratios of one run."""
