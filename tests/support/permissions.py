"""Every role of two projects, the sample and the one with everything turned on, and what each is used for."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from pipeline.access.calls import Call, calls
from pipeline.access.principals import roles, stacks
from pipeline.paths import ROOT
from stacks import project as projects
from stacks.project import Project
from tests.support import everything

PROJECTS: dict[str, Project] = {"sample": projects.load(ROOT), "everything": everything.project()}
DEPLOYED = {name: stacks(project) for name, project in PROJECTS.items()}
ROLES = {(project, role.name): role for project, deployed in DEPLOYED.items() for role in roles(deployed)}
Which = tuple[str, str]


def every(*, of_cloudformation: bool = True) -> list[Any]:
    """Each role of each project as a parameter."""
    found = [which for which, role in ROLES.items() if of_cloudformation or not role.arn.endswith("-cloudformation")]
    return [pytest.param(which, id="-".join(which)) for which in found]


@cache
def used(which: Which) -> list[Call]:
    """What the role is used for, each once."""
    found = calls(PROJECTS[which[0]], DEPLOYED[which[0]], ROLES[which])
    return list({(one.request.action, one.request.resource): one for one in found}.values())
