"""Every stack, in the order in which it is deployed."""

from __future__ import annotations

from pipeline import codepipeline, guard_hook, review_project
from stacks import connection, registry, roles, supply
from stacks.catalog import ENVIRONMENT_STACKS
from stacks.project import Project
from stacks.spec import StackSpec

__all__ = ["ENVIRONMENT_STACKS", "SHARED_STACKS"]

SHARED_STACKS: tuple[StackSpec[Project], ...] = (
    connection.STACK,
    registry.STACK,
    roles.STACK,
    supply.STACK,
    review_project.STACK,
    codepipeline.STACK,
    guard_hook.STACK,
)
