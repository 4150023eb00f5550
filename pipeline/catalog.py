"""Every stack, in the order in which it is deployed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import codepipeline, drift_project, guard_hook, review_project
from pipeline.paths import RENDERED
from stacks import artifacts, connection, deployroles, registry, roles, supply
from stacks.catalog import ENVIRONMENT_STACKS
from stacks.project import Project
from stacks.spec import StackSpec

__all__ = ["ENVIRONMENT_STACKS", "SHARED_STACKS", "Outside", "outside"]

SHARED_STACKS: tuple[StackSpec[Project], ...] = (
    connection.STACK,
    registry.STACK,
    roles.STACK,
    supply.STACK,
    review_project.STACK,
    codepipeline.STACK,
    drift_project.STACK,
    guard_hook.STACK,
)


@dataclass(frozen=True, kw_only=True)
class Outside:
    """A stack that the pipeline needs elsewhere before it can work there. Its file is `folder` / `spec.name`; it has no parameters."""

    spec: StackSpec[Any]
    config: deployroles.OtherAccount | artifacts.OtherRegion
    account: str
    region: str
    folder: Path
    name: str


def outside(project: Project) -> tuple[Outside, ...]:
    """In the order of deployment. The pipeline cannot deploy them itself: it can neither enter the account nor keep artifacts there."""
    config = project.pipeline
    roles_elsewhere = tuple(
        Outside(
            spec=deployroles.STACK,
            config=other,
            account=other.account,
            region=config.region,
            folder=RENDERED / "accounts" / other.account,
            name=project.stack_name(deployroles.STACK.name),
        )
        for other in deployroles.accounts(project)
    )
    stores = tuple(
        Outside(
            spec=spec,
            config=other,
            account=config.account,
            region=other.region,
            folder=RENDERED / "regions" / other.region,
            name=project.stack_name(spec.name),
        )
        for other in artifacts.regions(project)
        for spec in (artifacts.STACK, registry.COPY)
        if spec.wanted(other)
    )
    return (*roles_elsewhere, *stores)
