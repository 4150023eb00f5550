"""The graph of stacks: true to the rendered files, and drawn so that nothing covers anything."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings

from pipeline.report.drawing import NARROW, WIDE, Drawing, Sizes, draw
from pipeline.report.picture import graph, layout
from pipeline.review.compare import compare
from pipeline.review.judge import judge
from pipeline.review.model import OwnerReview, Review, Side, StackReview
from pipeline.review.sides import files, sides
from tests.support.reviews_strategy import reviews
from tests.unit.report.samples import sample
from tests.unit.review.edits import base_files

ROOT = Path(__file__).parents[3]
SIDES = {**{f"base {name}": side for name, side in sides(base_files()).items()}, **sides(files(ROOT, ""))}


def links(side: Side) -> set[tuple[str, str]]:
    """(from, to) where an output has the name of a parameter."""
    return {
        (source, target)
        for source, one in side.stacks.items()
        for target, other in side.stacks.items()
        if source != target and {*(one.template.get("Outputs") or ())} & {*(other.template.get("Parameters") or ())}
    }


@pytest.mark.parametrize("owner", SIDES)
def test_the_edges_are_what_is_rendered(owner: str) -> None:
    review = judge(compare(owner, Side(), SIDES[owner]), (), date(2026, 11, 22))
    assert {(edge.source, edge.target) for edge in graph(review).edges} == links(SIDES[owner])


def test_an_edge_carries_the_outputs_of_all_zones_as_one() -> None:
    edges = {(edge.source, edge.target): edge for edge in graph(production()).edges}
    assert edges["network", "loadbalancer"].carries == ("Subnet of each zone", "VpcId")


def production() -> OwnerReview:
    return sample("risky").owners[0]


def test_a_stack_is_coloured_by_the_worst_that_happens_in_it() -> None:
    states = {node.stack: node.state for node in graph(production()).nodes}
    assert states == {
        "addresses": "untouched",
        "certificate": "replaced",
        "edge": "created",
        "loadbalancer": "updated",
        "monitoring": "replaced",
        "network": "replaced",
        "security": "updated",
        "service": "updated",
    }
    left = next(node for node in graph(sample("blocked").owners[0]).nodes if node.stack == "monitoring")
    assert left.state == "removed"


def test_an_edge_tells_which_outputs_are_new() -> None:
    edges = {(edge.source, edge.target): edge for edge in graph(production()).edges}
    assert edges["certificate", "loadbalancer"].new == ("CertificateArn",)
    assert edges["addresses", "loadbalancer"].new == ()


def test_stacks_stand_after_those_that_they_take_from() -> None:
    ranks = layout(graph(production())).ranks
    rank = {name: number for number, names in enumerate(ranks) for name in names if name}
    assert [rank[name] for name in ("network", "security", "loadbalancer", "service", "monitoring")] == [0, 1, 2, 3, 4]
    assert rank["addresses"] == rank["certificate"] == 1
    assert rank["edge"] == 5


def drawings(review: Review) -> list[tuple[Drawing, Sizes, int]]:
    graphs = [(graph(owner), len(owner.stacks)) for owner in review.owners]
    return [(draw(one, layout(one), sizes), sizes, count) for one, count in graphs for sizes in (WIDE, NARROW)]


@given(reviews())
@settings(max_examples=30, deadline=None)
def test_every_stack_has_a_box_of_its_own_inside_the_picture(review: Review) -> None:
    for drawing, _, count in drawings(review):
        assert len(drawing.boxes) == count
        for box in drawing.boxes:
            assert box.x >= 0 <= box.y
            assert box.x + box.width <= drawing.width
            assert box.y + box.height <= drawing.height
        for one, other in combinations(drawing.boxes, 2):
            beside = one.x + one.width <= other.x or other.x + other.width <= one.x
            assert beside or one.y + one.height <= other.y or other.y + other.height <= one.y


@given(reviews())
@settings(max_examples=30, deadline=None)
def test_no_line_runs_through_a_box(review: Review) -> None:
    for drawing, sizes, _ in drawings(review):
        for line in drawing.lines:
            for x1, y1, x2, y2 in straight(line.path):
                inside = [box for box in drawing.boxes if within(box.x, x1, x2, box.width) and within(box.y, y1, y2, box.height)]
                assert not inside, (line.path, sizes.name)


def straight(path: str) -> list[tuple[float, ...]]:
    """The parts that pass a rank; the curves run between ranks, where no box is."""
    return [tuple(float(one) for one in found) for found in re.findall(r"([-\d.e+]+),([-\d.e+]+) L([-\d.e+]+),([-\d.e+]+)", path)]


def within(start: float, one: float, other: float, size: float) -> bool:
    return max(one, other) > start and min(one, other) < start + size


@pytest.mark.parametrize(
    ("name", "wide", "narrow"),
    [
        ("loadbalancer", "loadbalancer", "loadbalancer"),
        ("a-very-long-name-of-a-stack", "a-very-long-nam…", "a-very-long…"),
        ("固定アドレス一覧表示盤", "固定アドレス一…", "固定アドレ…"),
        ("\x1b[31m", "\\u001b[31m", "\\u001b[31m"),
    ],
)
def test_a_name_fits_its_box(name: str, wide: str, narrow: str) -> None:
    one = graph(replace(production(), stacks=(StackReview(stack=name, name="", action="create", changes=(), parameters=()),)))
    assert [draw(one, layout(one), sizes).boxes[0].title for sizes in (WIDE, NARROW)] == [wide, narrow]


def test_the_picture_of_production_fits_a_phone() -> None:
    one = graph(production())
    assert draw(one, layout(one), NARROW).width <= 366
    assert draw(one, layout(one), WIDE).width <= 1310
