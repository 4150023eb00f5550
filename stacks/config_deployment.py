"""How a new version takes the place of the old one, where that is more than one task after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from stacks.config_problems import Model, Problem

# ECS API, CanaryConfiguration and DeploymentConfiguration.
Minutes = Annotated[int, Field(ge=0, le=1440)]
# With a Network Load Balancer ECS waits so long at each shift of traffic (ECS developer guide, NLB resources for blue/green).
SHIFT_MINUTES = 10
# CloudFormation waits for a deployment for 36 hours (AWS::ECS::Service); the tasks' start and end have their share of that.
LONGEST_MINUTES = 34 * 60
# CodePipeline takes 1 KB of parameters, and each port has two target groups and a listener to tell (stacks/alternate.py).
MOST_SHIFTED_PORTS = 2


def ends_in_time(minutes: int, bake_minutes: int) -> Iterator[Problem]:
    together = minutes + bake_minutes + 2 * SHIFT_MINUTES
    if together > LONGEST_MINUTES:
        yield Problem(
            ("bake_minutes",),
            f"makes a deployment last {together} minutes with minutes = {minutes}; CloudFormation gives up after 36 hours: "
            f"at most {LONGEST_MINUTES - 2 * SHIFT_MINUTES} together",
        )


class Canary(Model):
    """Some of the new connections first, then all of them."""

    percent: Annotated[int, Field(ge=1, le=99)] = 10
    """The share of new connections that new tasks get first."""
    minutes: Minutes = 10
    """How long they have that share, before they get all of them."""
    bake_minutes: Minutes = 15
    """How long the old tasks are kept after that, so that a return needs no new ones."""

    RULES = ((("minutes", "bake_minutes"), ends_in_time),)


class BlueGreen(Model):
    """All new connections at once."""

    bake_minutes: Minutes = 15
    """How long the old tasks are kept after that, so that a return needs no new ones."""


def settings_are_of_strategy(strategy: str, canary: Canary | None, blue_green: BlueGreen | None) -> Iterator[Problem]:
    """With "rolling" they prepare: ECS wants the second target group deployed in the old way before it shifts between two."""
    for name, settings in (("canary", canary), ("blue_green", blue_green)):
        if settings is not None and strategy not in ("rolling", name):
            yield Problem((name,), f'says how a {name} deployment goes, and strategy is "{strategy}"; set strategy = "{name}" or remove it')
