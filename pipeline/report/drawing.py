"""A layout in numbers: where the boxes of stacks stand and how the lines between them run, from left to right or from top to bottom."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from pipeline.report.picture import Edge, Graph, Layout, Node
from pipeline.report.values import printable

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """`along` is the direction from source to target, `across` the other. A line of a box holds `letters`, its name `title`."""

    name: str
    upright: bool
    along: int
    across: int
    between_ranks: int
    between_boxes: int
    gap: int
    letters: int
    title: int


WIDE = Sizes(name="wide", upright=False, along=156, across=64, between_ranks=62, between_boxes=18, gap=10, letters=24, title=16)
NARROW = Sizes(name="narrow", upright=True, along=62, across=106, between_ranks=40, between_boxes=9, gap=5, letters=16, title=12)
EDGE_OF_PICTURE = 6


@dataclass(frozen=True, kw_only=True)
class Box:
    node: Node
    x: float
    y: float
    width: float
    height: float
    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Line:
    edge: Edge
    path: str


@dataclass(frozen=True, kw_only=True)
class Drawing:
    name: str
    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """Where each rank starts, and where in it each of its slots has its middle."""

    starts: Sequence[int]
    middles: Sequence[Sequence[float]]
    along: int


def draw(graph: Graph, layout: Layout, sizes: Sizes) -> Drawing:
    extents = [_extent(rank, sizes) for rank in layout.ranks]
    widest = max(extents, default=0)
    middles = [_middles(rank, (widest - extent) / 2, sizes) for rank, extent in zip(layout.ranks, extents, strict=True)]
    starts = [EDGE_OF_PICTURE + number * (sizes.along + sizes.between_ranks) for number in range(len(layout.ranks))]
    frame = _Frame(starts=starts, middles=middles, along=sizes.along)
    length = (starts[-1] + sizes.along if starts else 0) + EDGE_OF_PICTURE
    nodes = {node.stack: node for node in graph.nodes}
    boxes = tuple(
        _box(nodes[name], start, middle, sizes)
        for rank, start, places in zip(layout.ranks, starts, middles, strict=True)
        for name, middle in zip(rank, places, strict=True)
        if name is not None
    )
    ranks = {name: number for number, rank in enumerate(layout.ranks) for name in rank if name is not None}
    arrivals = _arrivals(layout, ranks, middles, sizes)
    edges = {(edge.source, edge.target): edge for edge in graph.edges}
    lines = tuple(
        Line(edge=edges[ends], path=_path(_points(ranks[ends[0]], way, arrivals[ends], frame=frame), sizes))
        for ends, way in layout.ways.items()
    )
    across = widest + 2 * EDGE_OF_PICTURE
    width, height = (across, length) if sizes.upright else (length, across)
    return Drawing(name=sizes.name, width=width, height=height, boxes=boxes, lines=lines)


def _size(name: str | None, sizes: Sizes) -> int:
    return sizes.gap if name is None else sizes.across


def _extent(rank: Sequence[str | None], sizes: Sizes) -> float:
    return sum(_size(name, sizes) for name in rank) + sizes.between_boxes * (len(rank) - 1)


def _middles(rank: Sequence[str | None], start: float, sizes: Sizes) -> list[float]:
    found, position = [], EDGE_OF_PICTURE + start
    for name in rank:
        found.append(position + _size(name, sizes) / 2)
        position += _size(name, sizes) + sizes.between_boxes
    return found


def _box(node: Node, along: float, middle: float, sizes: Sizes) -> Box:
    start = middle - sizes.across / 2
    x, y, width, height = (start, along, sizes.across, sizes.along) if sizes.upright else (along, start, sizes.along, sizes.across)
    return Box(
        node=node, x=x, y=y, width=width, height=height, title=_title(node.stack, sizes.title), lines=_wrapped(node.words, sizes.letters)
    )


def _title(name: str, room: int) -> str:
    """Letters of East Asia are twice as wide."""
    letters = printable(name)
    widths = [2 if unicodedata.east_asian_width(one) in "FW" else 1 for one in letters]
    if sum(widths) <= room:
        return letters
    fits = sum(taken < room for taken in accumulate(widths))
    return letters[:fits].rstrip() + "…"


def _wrapped(words: str, letters: int) -> tuple[str, ...]:
    """Two lines at most."""
    lines = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > letters:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return (lines[0], lines[1].rstrip(",") + " …") if len(lines) > 2 else tuple(lines)  # noqa: PLR2004 - what a box holds


def _arrivals(layout: Layout, ranks: Mapping[str, int], middles: Sequence[Sequence[float]], sizes: Sizes) -> dict[tuple[str, str], float]:
    """Where each edge meets its target: side by side, in the order in which they come."""
    found: dict[tuple[str, str], float] = {}
    for target in {target for _, target in layout.ways}:
        coming = {ends: way for ends, way in layout.ways.items() if ends[1] == target}
        ordered = sorted(coming, key=lambda ends: (middles[ranks[target] - 1][coming[ends][-2]], ends))
        for number, ends in enumerate(ordered):
            start = middles[ranks[target]][coming[ends][-1]] - sizes.across / 2
            found[ends] = start + sizes.across * (number + 1) / (len(ordered) + 1)
    return found


def _points(first: int, way: Sequence[int], arrival: float, *, frame: _Frame) -> list[Point]:
    """(along, across): leaves the source's box, runs straight through each gap, and ends at the target's box."""
    starts, middles, along = frame.starts, frame.middles, frame.along
    points: list[Point] = [(starts[first] + along, middles[first][way[0]])]
    for rank, place in enumerate(way[1:-1], first + 1):
        points += [(starts[rank], middles[rank][place]), (starts[rank] + along, middles[rank][place])]
    return [*points, (starts[first + len(way) - 1], arrival)]


def _path(points: Sequence[Point], sizes: Sizes) -> str:
    def at(along: float, across: float) -> str:
        return f"{across:g},{along:g}" if sizes.upright else f"{along:g},{across:g}"

    parts = [f"M{at(*points[0])}"]
    for number, ((along, across), (next_along, next_across)) in enumerate(pairwise(points)):
        if number % 2:
            parts.append(f"L{at(next_along, next_across)}")
        else:
            middle = (along + next_along) / 2
            parts.append(f"C{at(middle, across)} {at(middle, next_across)} {at(next_along, next_across)}")
    return " ".join(parts)
