"""The monthly estimate: one computation for `kotei cost` and for a review, from a dated price table."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline import cost
from pipeline.errors import PipelineError
from pipeline.review import capacity, costs
from pipeline.review.compare import compare
from pipeline.review.model import Cost, Side
from pipeline.review.sides import WORK_TREE, files, sides
from stacks import project
from tests.unit.review.edits import edited

ROOT = Path(__file__).resolve().parents[3]
MORE_TASKS = {"in": "production/service", "at": "Resources.ScalableTarget.Properties.MinCapacity", "put": 4}
OTHER_ALARM = {"in": "production/monitoring", "at": "Resources.Alarms.Properties.DisplayName", "put": "other"}


def _change(*edits: dict[str, Any], before: tuple[dict[str, Any], ...] = ()) -> Cost | None:
    old = edited(None, before)
    return costs.change(compare("production", old["production"], edited(old, edits)["production"]))


def test_kotei_cost_says_of_fresh_templates_what_a_review_says_of_rendered_ones() -> None:
    rendered = sides(files(ROOT, WORK_TREE))
    for env in project.load(ROOT).environments:
        ordered = capacity.of(rendered[env.name])
        assert ordered is not None
        assert cost.monthly(env) == cost.lines(ordered)


def test_a_new_environment_has_no_cost_before() -> None:
    found = costs.change(compare("production", Side(), edited(None, ())["production"]))
    assert found is not None
    assert (found.before, round(found.after or 0, 2)) == (None, 95.34)


def test_before_and_after_are_each_the_estimate_of_their_side() -> None:
    found = _change(MORE_TASKS)
    assert found is not None
    assert (round(found.before or 0, 2), round(found.after or 0, 2)) == (95.34, 116.98)
    assert (found.region, found.prices_of) == ("ap-northeast-1", "2026-11-22")


def test_what_the_pipeline_does_not_delete_stays_on_the_bill() -> None:
    leaves = (
        {"in": "production/addresses", "at": "Resources.EipC", "drop": True},
        {"in": "production/loadbalancer", "at": "Resources.LoadBalancer.Properties.SubnetMappings.1", "drop": True},
    )
    adopted = {"in": "production/addresses", "at": "Resources.EipC", "drop": True}
    forgotten = {"in": "production/service", "drop": True}
    for edits in (leaves, (adopted,), (forgotten, OTHER_ALARM)):
        found = _change(*edits)
        assert found is not None
        assert found.before == found.after


def test_there_is_no_cost_where_nothing_is_known() -> None:
    region = "Resources.TaskDefinition.Properties.ContainerDefinitions.0.LogConfiguration.Options.awslogs-region"
    elsewhere = {"in": "production/service", "at": region, "put": "eu-west-9"}
    nowhere = {"in": "production/service", "at": region, "put": {"Ref": "AWS::Region"}}
    unsized = {"in": "production/service", "at": "Resources.TaskDefinition.Properties.Memory", "put": {"Ref": "Size"}}
    assert _change(MORE_TASKS, before=(elsewhere,)) is None
    assert _change(MORE_TASKS, before=(nowhere,)) is None
    assert _change(MORE_TASKS, before=(unsized,)) is None
    assert _change() is None
    shared = edited(None, ())["shared"]
    assert costs.change(compare("shared", Side(), shared)) is None


def test_a_region_without_prices_is_an_error_with_the_way_on() -> None:
    with pytest.raises(PipelineError, match=r"prices\.toml: no prices for eu-west-9; add a \[eu-west-9\] table"):
        cost.price_table("eu-west-9")


def test_every_price_has_a_source_and_every_table_a_day() -> None:
    tables = tomllib.loads(cost.PRICES.read_text())
    assert {frozenset(table) for table in tables.values()} == {frozenset(tables["ap-northeast-1"])}
    assert all(isinstance(table["as_of"], date) for table in tables.values())
    source = ""
    for line in cost.PRICES.read_text().splitlines():
        if line.startswith("#"):
            source = line
        elif "=" in line and not line.startswith("as_of"):
            assert "aws.amazon.com/" in source or "the same page" in source, line


def test_an_estimate_of_a_review_costs_no_import_of_what_builds_templates() -> None:
    code = "import sys, pipeline.review.costs, pipeline.review.timing; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert "pipeline.cost" in imported
    assert not {"pydantic", "troposphere", "awacs", "boto3"} & {*imported}
