"""The stacks of an owner as a graph, and where each of them stands in a picture. Pure data: the page draws it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from pipeline.report import words
from pipeline.review.model import OwnerReview, StackReview

State = Literal["created", "updated", "replaced", "removed", "untouched"]
STATES: dict[State, str] = {
    "created": "new",
    "updated": "updated in place",
    "replaced": "something in it is replaced or removed",
    "removed": "deployed no more",
    "untouched": "untouched",
}
# `SubnetA` and `SubnetC` are one thing to a reader.
ZONE = re.compile(r"(?<=[a-z])[A-Z]$")
# Stacks that nothing joins stand in columns of this height after the others.
COLUMN = 3


@dataclass(frozen=True, kw_only=True)
class Node:
    """`place` is its number in `OwnerReview.stacks`."""

    stack: str
    place: int
    state: State
    words: str


@dataclass(frozen=True, kw_only=True)
class Edge:
    """`carries` are the outputs that the target takes, in words; `new` the names of those with a new value."""

    source: str
    target: str
    carries: tuple[str, ...]
    new: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Graph:
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


@dataclass(frozen=True, kw_only=True)
class Layout:
    """`ranks` are the columns, from source to target, with gaps (None) for edges to pass; `ways` has each edge's places in them."""

    ranks: tuple[tuple[str | None, ...], ...]
    ways: Mapping[tuple[str, str], tuple[int, ...]]


def graph(owner: OwnerReview) -> Graph:
    nodes = tuple(
        Node(stack=stack.stack, place=place, state=_state(stack), words=words.count(stack.changes) or words.STACK_ACTION[stack.action])
        for place, stack in enumerate(owner.stacks)
    )
    return Graph(nodes=nodes, edges=tuple(_edges(owner.stacks)))


def _state(stack: StackReview) -> State:
    if stack.action == "update" and any(words.replaces(change) or change.action == "remove" for change in stack.changes):
        return "replaced"
    states: dict[str, State] = {"create": "created", "update": "updated", "remove": "removed", "none": "untouched"}
    return states[stack.action]


def _edges(stacks: Sequence[StackReview]) -> Iterable[Edge]:
    known = {stack.stack for stack in stacks}
    for target in stacks:
        for source, names in target.takes.items():
            if source in known and source != target.stack:
                yield Edge(
                    source=source,
                    target=target.stack,
                    carries=tuple(dict.fromkeys(ZONE.sub(" of each zone", name) for name in names)),
                    new=tuple(name for name in target.parameters if name in names),
                )


def layout(graph: Graph) -> Layout:
    """Each stack after those that it takes from, and as near as can be to those that take from it."""
    level = _levels(graph)
    # In a circle there is no order; an edge that would lead back is left out.
    graph = Graph(nodes=graph.nodes, edges=tuple(edge for edge in graph.edges if level[edge.source] < level[edge.target]))
    joined = {edge.source for edge in graph.edges} | {edge.target for edge in graph.edges}
    ranks: list[list[tuple[str, str]]] = [[] for _ in range(1 + max(level.values(), default=-1))]
    # A slot is (stack, "") or, for a gap, (source whose edges pass, its mark).
    for node in graph.nodes:
        if node.stack in joined:
            ranks[level[node.stack]].append((node.stack, ""))
    for source, last in _longest(graph, level).items():
        for number in range(level[source] + 1, last):
            ranks[number].append((source, "passes"))
    _ordered(ranks, graph)
    alone = [node.stack for node in graph.nodes if node.stack not in joined]
    ranks += [[(stack, "") for stack in alone[start : start + COLUMN]] for start in range(0, len(alone), COLUMN)]
    ways = {(edge.source, edge.target): _way(ranks, level, edge) for edge in graph.edges}
    return Layout(ranks=tuple(tuple(None if mark else stack for stack, mark in rank) for rank in ranks), ways=ways)


def _levels(graph: Graph) -> dict[str, int]:
    names = [node.stack for node in graph.nodes]
    level = dict.fromkeys((name for edge in graph.edges for name in (edge.source, edge.target)), 0)
    # As often as there are stacks is enough, and ends even in a circle.
    for _ in names:
        for edge in graph.edges:
            level[edge.target] = max(level[edge.target], min(level[edge.source] + 1, len(names) - 1))
    sources = level.keys() - {edge.target for edge in graph.edges}
    return level | {name: min(level[edge.target] for edge in graph.edges if edge.source == name) - 1 for name in sources}


def _longest(graph: Graph, level: Mapping[str, int]) -> dict[str, int]:
    """Source -> the level of the last stack that takes from it."""
    return {edge.source: max(level[one.target] for one in graph.edges if one.source == edge.source) for edge in graph.edges}


def _ordered(ranks: list[list[tuple[str, str]]], graph: Graph) -> None:
    """Each rank by the middle of what leads to it, so that few edges cross."""
    leads = {(edge.source, edge.target) for edge in graph.edges}
    for before, rank in pairwise(ranks):
        place = {name: number for number, (name, _) in enumerate(before)}

        def middle(slot: tuple[str, str], place: Mapping[str, int] = place, count: int = len(before)) -> float:
            name, mark = slot
            found = [place[name]] if mark and name in place else [place[one] for one in place if (one, name) in leads]
            return sum(found) / len(found) if found else count

        rank.sort(key=middle)


def _way(ranks: Sequence[Sequence[tuple[str, str]]], level: Mapping[str, int], edge: Edge) -> tuple[int, ...]:
    """The places of an edge in the ranks from its source to its target."""
    first, last = level[edge.source], level[edge.target]
    gaps = (ranks[number].index((edge.source, "passes")) for number in range(first + 1, last))
    return ranks[first].index((edge.source, "")), *gaps, ranks[last].index((edge.target, ""))
