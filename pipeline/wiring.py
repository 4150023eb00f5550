"""How a value gets from one stack to the next inside the pipeline: by name, through CodePipeline's variables."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from troposphere import Template

from stacks import arns, connection, registry, roles, supply
from stacks.catalog import ENVIRONMENT_STACKS
from stacks.environment import Environment
from stacks.project import Project

# Known only once the image is built; everything else that Git cannot know is an output of an earlier stack.
IMAGE_DIGEST_VARIABLE = "#{Image.IMAGE_DIGEST}"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One CloudFormation action: a stack, the namespace of its outputs, and the variable that feeds each of its parameters."""

    stack: str
    namespace: str
    stack_name: str
    parameters: Mapping[str, str]
    names_roles: bool


def environment_steps(env: Environment) -> tuple[Step, ...]:
    """In the order of deployment."""
    built = [(spec.name, env.stack_name(spec.name), spec.build(env)) for spec in ENVIRONMENT_STACKS if spec.wanted(env)]
    return steps(env.name, built, {"ImageDigest": IMAGE_DIGEST_VARIABLE})


def steps(owner: str, built: Iterable[tuple[str, str, Template]], given: Mapping[str, str]) -> tuple[Step, ...]:
    """`built` is (stack, name in AWS, template); `given` are the variables known before the first stack."""
    known = dict(given)
    result = []
    for stack, stack_name, template in built:
        namespace = f"{owner}-{stack}"
        if missing := sorted(template.parameters.keys() - known.keys()):
            raise ValueError(f"{namespace}: no earlier stack has an output named {', '.join(missing)}")
        wanted = {name: known[name] for name in sorted(template.parameters)}
        named = any("RoleName" in resource.properties for resource in template.resources.values())
        result.append(Step(stack=stack, namespace=namespace, stack_name=stack_name, parameters=wanted, names_roles=named))
        known |= {name: f"#{{{namespace}.{name}}}" for name in template.outputs}
    return tuple(result)


def overrides(step: Step) -> str | None:
    if not step.parameters:
        return None
    # AWS caps ParameterOverrides at 1 KB, so no space is spent on it.
    return json.dumps(step.parameters, separators=(",", ":"))


def stack_arns(project: Project) -> list[str]:
    """The stacks in the pipeline's own account: the shared ones, and those of its environments."""
    specs = (connection.STACK, registry.STACK, roles.STACK, supply.STACK)
    drift = [] if project.pipeline.drift.every == "off" else ["drift"]
    hooks = [] if project.pipeline.hooks == "off" else ["hooks"]
    return _arns(project, [*(spec.name for spec in specs if spec.wanted(project)), "review", "pipeline", *drift, *hooks])


def planned_arns(project: Project) -> list[str]:
    """Also those that the configuration does not want: a plan looks whether they are there."""
    specs = (connection.STACK, registry.STACK, roles.STACK, supply.STACK)
    return _arns(project, [*(spec.name for spec in specs), "review", "pipeline", "drift", "hooks"])


def _arns(project: Project, shared: Iterable[str]) -> list[str]:
    config = project.pipeline
    own = [arns.stack(config.region, config.account, project.stack_name(name)) for name in shared]
    return [*own, *(arns.stacks(env) for env in project.environments if env.account == config.account)]


def title(name: str) -> str:
    """Environment name as a stage says it: `eu-production` -> `EuProduction`."""
    return "".join(part.capitalize() for part in name.split("-"))
