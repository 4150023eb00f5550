"""The facts on which the rules about tasks rest, where something of ours or of AWS's says them, too. Their cases are in cases/."""

from __future__ import annotations

from pathlib import Path

import botocore.session

from pipeline.review import capacity, tasks
from pipeline.review.compare import compare
from pipeline.review.model import Side
from pipeline.review.rules import service
from pipeline.review.sides import WORK_TREE, files, sides
from stacks import drain, project
from tests.unit.review.edits import edited

ROOT = Path(__file__).resolve().parents[3]


def test_the_limits_are_those_by_which_the_templates_are_made() -> None:
    assert service.LAG == drain.LOAD_BALANCER_LAG
    assert max(service.STOP_TIMEOUTS) == drain.LONGEST_STOP


def test_what_starts_new_tasks_is_what_the_api_says() -> None:
    members = botocore.session.get_session().get_service_model("ecs").operation_model("UpdateService").input_shape.members
    triggers = {name[0].upper() + name[1:] for name, shape in members.items() if "triggers a new service deployment" in shape.documentation}
    assert {*tasks.TRIGGERS} - {"ForceNewDeployment"} == triggers


def test_our_own_environments_begin_without_a_risk_of_their_tasks() -> None:
    rendered = sides(files(ROOT, WORK_TREE))
    for env in project.load(ROOT).environments:
        first = compare(env.name, Side(), rendered[env.name])
        assert tasks.of(first.after) is not None
        assert [finding for rule in service.RULES for finding in rule.judge(first)] == []


def test_a_change_of_the_number_of_tasks_alone_replaces_none() -> None:
    """A scaled service is not deployed anew; with a commit of its own the image is another one."""
    running = {"live": "production/service", "put": {"parameters": {"ImageDigest": "sha256:1"}}}
    before = edited(None, [running])
    after = edited(before, [{"in": "production/service", "at": "Resources.ScalableTarget.Properties.MinCapacity", "put": 4}])
    comparison = compare("production", before["production"], after["production"])
    assert tasks.replaced_because(comparison) == ""
    assert capacity.of(comparison.after) != capacity.of(comparison.before)
