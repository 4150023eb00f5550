"""The results as pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter

from tests.bench import subjects
from tests.bench.closed_loop import Closed, Row
from tests.bench.lab import BODIES
from tests.bench.open_loop import Open
from tests.bench.results import Results
from tests.bench.sites import ONE, OWN, Sites

# Ours stands out, the floor and the origin step back.
COLORS = {
    "kotei": "#d62728",
    "baseline": "#7f7f7f",
    "relay": "#bcbd22",
    "haproxy": "#1f77b4",
    "haproxy-h2": "#17becf",
    "envoy": "#9467bd",
    "caddy": "#2ca02c",
    subjects.DIRECT: "#c7c7c7",
}
WIDTH, HEIGHT = 8, 4.5


def draw(results: Results, folder: Path) -> list[str]:
    """Names of the files."""
    mpl.use("Agg")
    pictures = {
        "throughput.png": _throughput,
        "cpu-by-connections.png": _cpu_by_connections,
        "cpu-by-body.png": _cpu_by_body,
        "latency.png": _latency,
        "sites.png": _sites,
    }
    for name, picture in pictures.items():
        figure = picture(results)
        figure.savefig(folder / name, dpi=110, bbox_inches="tight", metadata={"Software": None})
        plt.close(figure)
    return list(pictures)


def _lines(axes: Axes, names: list[str], points: Callable[[str], list[tuple[float, float]]]) -> None:
    for name in names:
        line = points(name)
        if line:
            width = 2.6 if name == "kotei" else 1.4
            axes.plot(*zip(*line, strict=True), marker="o", markersize=4, linewidth=width, color=COLORS[name], label=name)
    axes.grid(visible=True, which="major", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)


def _axis(axes: Axes, ticks: list[float], names: list[str], label: str) -> None:
    axes.set_xscale("log")
    axes.set_xticks(ticks, names)
    axes.set_xticks([], minor=True)
    axes.set_xlabel(label)


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))


def _logarithmic(axes: Axes) -> None:
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))


def _small(results: Results) -> list[Row]:
    return [row for row in results.rows() if row.body == "1 KiB"]


def _against(
    results: Results, rows: list[Row], value: Callable[[Closed], float | None], x: Callable[[Row], int]
) -> Callable[[str], list[tuple[float, float]]]:
    def points(name: str) -> list[tuple[float, float]]:
        return [(x(row), found) for row in rows if (found := results.closed_median(row, name, value)) is not None]

    return points


def _throughput(results: Results) -> Figure:
    figure, axes = plt.subplots(figsize=(WIDTH, HEIGHT))
    rows = _small(results)
    _lines(axes, results.subjects(), _against(results, rows, lambda one: one.requests_per_second, lambda row: row.connections))
    _axis(axes, [row.connections for row in rows], [str(row.connections) for row in rows], "connections")
    axes.set_ylim(bottom=0)
    axes.set_title("Requests per second, 1 KiB")
    _legend(axes)
    return figure


def _cpu_by_connections(results: Results) -> Figure:
    figure, axes = plt.subplots(figsize=(WIDTH, HEIGHT))
    rows = _small(results)
    _lines(axes, results.subjects(), _against(results, rows, lambda one: one.cpu_microseconds, lambda row: row.connections))
    _axis(axes, [row.connections for row in rows], [str(row.connections) for row in rows], "connections")
    _logarithmic(axes)
    axes.set_title("CPU of the proxy per request in µs, 1 KiB")
    _legend(axes)
    return figure


def _cpu_by_body(results: Results) -> Figure:
    figure, axes = plt.subplots(figsize=(WIDTH, HEIGHT))
    rows = [row for row in results.rows() if row.connections == 16]  # the one number of connections that every body has
    _lines(axes, results.subjects(), _against(results, rows, lambda one: one.cpu_microseconds, lambda row: BODIES[row.body]))
    _axis(axes, [BODIES[row.body] for row in rows], [row.body for row in rows], "body")
    _logarithmic(axes)
    axes.set_title("CPU of the proxy per request in µs, 16 connections")
    _legend(axes)
    return figure


def _latency(results: Results) -> Figure:
    figure, all_axes = plt.subplots(1, 3, figsize=(2 * WIDTH, HEIGHT), sharey=True)
    levels = [level for level in results.levels() if level.body == "1 KiB"]
    values: dict[str, Callable[[Open], float]] = {"p50": lambda one: one.p50, "p99": lambda one: one.p99, "p99.9": lambda one: one.p999}
    for axes, (title, value) in zip(all_axes, values.items(), strict=True):

        def points(name: str, value: Callable[[Open], float] = value) -> list[tuple[float, float]]:
            kept_up = [level for level in levels if not results.open_median(level, name, lambda one: one.lost)]
            return [(level.rate, found) for level in kept_up if (found := results.open_median(level, name, value)) is not None]

        _lines(axes, results.subjects(), points)
        _axis(axes, [level.rate for level in levels], [f"{level.rate:,}" for level in levels], "requests per second, open loop")
        _logarithmic(axes)
        axes.set_title(f"{title} in ms, 1 KiB, 256 connections")
    _legend(all_axes[-1])
    return figure


def _sites(results: Results) -> Figure:
    figure, all_axes = plt.subplots(1, 4, figsize=(2 * WIDTH, HEIGHT - 1))
    values: dict[str, Callable[[Sites], float]] = {
        "CPU of rendering, s": lambda one: one.render_cpu_seconds,
        "start of nginx, s": lambda one: one.start_seconds,
        "memory, MiB": lambda one: one.memory_mib,
        "p50, ms": lambda one: one.p50,
    }
    for axes, (title, value) in zip(all_axes, values.items(), strict=True):
        for origins, style in ((ONE, "-"), (OWN, "--")):
            chosen = [one for one in results.sites if one.origins == origins]
            axes.plot(
                [one.sites for one in chosen],
                [value(one) for one in chosen],
                style,
                marker="o",
                color=COLORS["kotei"],
                label=f"origins: {origins}",
            )
        counts = sorted({one.sites for one in results.sites})
        _axis(axes, [float(count) for count in counts], [f"{count:,}" for count in counts], "sites")
        axes.set_ylim(bottom=0)
        axes.set_title(title)
        axes.grid(visible=True, alpha=0.25)
    all_axes[0].legend(frameon=False)
    return figure
