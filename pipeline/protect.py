"""Termination protection of the stacks that hold addresses.

CloudFormation has no template property for it, and its CodePipeline action no setting, so it is turned on after the deployment.
"""

from __future__ import annotations

from typing import Any

from pipeline import live
from pipeline.aws import Aws
from pipeline.catalog import ENVIRONMENT_STACKS
from pipeline.errors import PipelineError
from stacks.environment import Environment


def turn_on(aws: Aws, env: Environment) -> list[str]:
    """The stacks that had been without it."""
    names = unprotected(aws, env)
    for name in names:
        aws.call("cloudformation", "update_termination_protection", StackName=name, EnableTerminationProtection=True)
    return names


def unprotected(aws: Aws, env: Environment) -> list[str]:
    names = [env.stack_name(spec.name) for spec in ENVIRONMENT_STACKS if spec.protected and spec.wanted(env)]
    return [name for name in names if not _existing(aws, env, name).get("EnableTerminationProtection")]


def _existing(aws: Aws, env: Environment, name: str) -> dict[str, Any]:
    stack = live.describe(aws, name)
    if stack is None:
        raise PipelineError(f"{env.name}: stack {name} does not exist; deploy first: git push")
    return stack
