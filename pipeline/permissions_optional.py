"""What more is given when a key of the configuration is set: by comparing the roles with it and without it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.access.principals import Named, roles, stacks
from stacks import service
from stacks.config_chat import Chat
from stacks.config_drift import DriftCheck
from stacks.config_origins import OriginSettings
from stacks.config_supply import Supply
from stacks.config_verify import Probe, Verify
from stacks.environment import Environment
from stacks.project import Project

# They stand for any other.
ELSEWHERE, ACCOUNT, REGIONS = "elsewhere", "444455556666", ("us-west-2", "eu-west-1")


@dataclass(frozen=True, kw_only=True)
class More:
    """A role that is there only now, or the statements that one has now besides."""

    role: Named
    new: bool
    statements: tuple[Mapping[str, Any], ...]


def _pipeline(**changes: Any) -> Callable[[Project], Project]:
    return lambda project: project.model_copy(update={"pipeline": project.pipeline.model_copy(update=changes)})


def _environment(change: Callable[[Environment], Mapping[str, Any]]) -> Callable[[Project], Project]:
    def changed(project: Project) -> Project:
        first, *others = project.environments
        return project.model_copy(update={"environments": (first.model_copy(update=change(first)), *others)})

    return changed


def _beside(change: Callable[[Environment], Mapping[str, Any]]) -> Callable[[Project], Project]:
    """One more environment, like the first but elsewhere."""

    def changed(project: Project) -> Project:
        more = project.environments[0].model_copy(update={"name": ELSEWHERE, **change(project.environments[0])})
        return project.model_copy(update={"environments": (*project.environments, more)})

    return changed


def _region(env: Environment) -> dict[str, str]:
    home = env.pipeline_region or env.region
    return {"region": next(one for one in REGIONS if one != home), "pipeline_region": home}


def _secret(env: Environment) -> OriginSettings:
    secret = f"arn:aws:secretsmanager:{env.region}:{env.account}:secret:{env.project}/origin-AbCdEf"
    return OriginSettings(url=env.sites[0].origin, client_certificate=secret)


# A key as people call it, and the project with it.
KEYS: tuple[tuple[str, Callable[[Project], Project]], ...] = (
    ("`chat` of the pipeline", _pipeline(chat=Chat(slack_workspace="T0EXAMPLE01", slack_channel="C0EXAMPLE01"))),
    ("`drift.every` of the pipeline", _pipeline(drift=DriftCheck(every="day"))),
    ("`hooks` of the pipeline", _pipeline(hooks="fail")),
    ("`supply.pull_through_cache` of the pipeline", _pipeline(supply=Supply(pull_through_cache=True))),
    ("`supply.signing` of the pipeline", _pipeline(supply=Supply(signing=True))),
    ("`verify.probe` of an environment", _environment(lambda env: {"verify": Verify(probe=Probe(host=env.sites[0].host))})),
    (
        '`service.strategy = "canary"` or `"blue_green"` of an environment',
        _environment(lambda env: {"service": env.service.model_copy(update={"strategy": "canary"})}),
    ),
    ("`origins.client_certificate` of an environment", _environment(lambda env: {"origins": (_secret(env),)})),
    ("an environment in another `account`", _beside(lambda _: {"account": ACCOUNT})),
    ("an environment in another `region`", _beside(_region)),
    ("`replicate_image` of such an environment", _beside(lambda env: {**_region(env), "replicate_image": True})),
)


def more(project: Project) -> Iterator[tuple[str, list[More]]]:
    """For each key, with the first environment alone: the others have what it has. A key that is set already gives nothing more."""
    base = project.model_copy(update={"environments": project.environments[:1]})
    before = {role.name: role for role in _roles(base)}
    for key, change in KEYS:
        yield key, list(_changed(before, change(base)))


def _roles(project: Project) -> list[Named]:
    """Of an environment's stacks only this one has what a key changes."""
    return roles(stacks(project, (service.STACK,)))


def _changed(before: Mapping[str, Named], project: Project) -> Iterator[More]:
    for role in _roles(project):
        if role.owner == ELSEWHERE or role.arn.endswith(f"-{ELSEWHERE}-cloudformation"):
            # Like those of every environment.
            continue
        if role.name not in before:
            yield More(role=role, new=True, statements=role.statements)
        elif found := tuple(_more(before[role.name], role)):
            yield More(role=role, new=False, statements=found)


def _more(before: Named, after: Named) -> Iterator[Mapping[str, Any]]:
    """Of a statement that was there, what is new in it."""
    known = {one["Sid"]: one for one in before.statements if "Sid" in one}
    for one in after.statements:
        old = known.get(one.get("Sid", ""))
        if old is None:
            yield one
            continue
        actions = [each for each in one["Action"] if each not in old["Action"]]
        resources = [each for each in one["Resource"] if each not in old["Resource"]]
        if actions or resources or one.get("Condition") != old.get("Condition"):
            yield {**one, "Action": actions or one["Action"], "Resource": resources or one["Resource"]}
