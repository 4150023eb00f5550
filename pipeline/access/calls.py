"""What each role is used for, as requests: those of policy/calls.toml, and for CloudFormation's roles those that the templates need."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, reduce
from typing import Any

from pipeline import guard_hook
from pipeline.access import handlers
from pipeline.access.decide import Request
from pipeline.access.principals import Deployed, Named
from pipeline.access.reference import ANY, context
from pipeline.paths import ROOT
from stacks import containers, supply
from stacks.environment import Environment
from stacks.project import Project

FILE = "policy/calls.toml"
OPERATIONS: tuple[handlers.Operation, ...] = ("create", "read", "update", "delete")
OTHER_ACCOUNT, OTHER_PROJECT = "999999999999", "other"


@dataclass(frozen=True, kw_only=True)
class Call:
    why: str
    request: Request


@cache
def _listed() -> Mapping[str, Sequence[Mapping[str, Any]]]:
    found: Mapping[str, Sequence[Mapping[str, Any]]] = tomllib.loads((ROOT / FILE).read_text(encoding="utf-8"))
    return found


def calls(project: Project, deployed: Sequence[Deployed], role: Named) -> list[Call]:
    if owner := deploys(project, role):
        return list(_handled([one for one in deployed if one.owner == owner], OPERATIONS))
    short = role.stack.removeprefix(f"{project.pipeline.project}-")
    entries = _listed().get(f"{short}/{role.logical}") or _listed().get(role.logical, ())
    return [call for entry in entries for call in _calls(project, deployed, role, entry)]


def deploys(project: Project, role: Named) -> str:
    """Whose stacks CloudFormation makes as this role: an environment's, or the shared ones."""
    owners = ("shared", *(env.name for env in project.environments))
    return next((one for one in owners if role.arn.endswith(f":role/{project.pipeline.project}-{one}-cloudformation")), "")


def _calls(project: Project, deployed: Sequence[Deployed], role: Named, entry: Mapping[str, Any]) -> Iterator[Call]:
    if not all(_on(project.pipeline, key) for key in entry.get("with", ())):
        return
    if "handlers" in entry:
        owners = {"shared", *(env.name for env in project.environments)}
        there = [one for one in deployed if one.account == role.arn.split(":")[4] and one.owner in owners]
        yield from _handled(there, tuple(entry["handlers"]))
        return
    for env in _environments(project, role, entry):
        for words in _words(project, deployed, env, entry):
            resource = str(entry["on"]).format_map(words)
            more = {key: str(value).format_map(words) for key, value in entry.get("context", {}).items()}
            for action in entry["actions"]:
                yield Call(
                    why=entry["why"],
                    request=Request(action=action, resource=resource, context=context(words.get("where", env.region), more)),
                )


def _on(config: Any, key: str) -> bool:
    """Whether the configuration turns on what this key is about."""
    value = reduce(getattr, key.split("."), config)
    return bool(value) and value != "off"


def _environments(project: Project, role: Named, entry: Mapping[str, Any]) -> list[Environment]:
    """For which the role makes the calls: those of its own account unless the entry says other."""
    account = role.arn.split(":")[4]
    of = entry.get("of", "own")
    found = [env for env in project.environments if role.owner in ("shared", account, env.name)]
    if of != "every":
        found = [env for env in found if (env.account == account) == (of == "own")]
    return [env for env in found if all(_on(env, key) for key in entry.get("where", ()))]


def _words(project: Project, deployed: Sequence[Deployed], env: Environment, entry: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """What the names in an entry stand for."""
    config = project.pipeline
    shared = next(one for one in deployed if one.stack == project.stack_name("pipeline"))
    bucket, key = shared.attribute("ArtifactBucket", "Arn"), shared.attribute("ArtifactKey", "Arn")
    elsewhere = next((one for one in deployed if one.stack == project.stack_name("artifacts") and one.region == env.region), shared)
    words = {
        "account": env.account,
        "region": env.region,
        "project": config.project,
        "environment": env.name,
        "pipeline_account": config.account,
        "home": config.region,
        "bucket": bucket,
        "key": key,
        "store": elsewhere.attribute("ArtifactBucket", "Arn"),
        "store_key": elsewhere.attribute("ArtifactKey", "Arn"),
        "topic": shared.ref("Topic"),
        "connection": shared.ref("ConnectionArn"),
        "images": f"arn:aws:ecr:{config.region}:{config.account}:repository/{project.repository_name}",
        "repository": f"arn:aws:ecr:{env.image_region}:{config.account}:repository/{project.repository_name}",
        "signing_profile": shared.ref(supply.SIGNING_PROFILE),
        "cache": supply.cache_prefix(project),
        "rules": shared.attribute(guard_hook.BUCKET, "Arn") if guard_hook.on(project) else "",
        **({"where": config.region} if "{home}" in str(entry) else {}),
    }
    several = {"secret": lambda: containers.secret_arns(env)}
    each = entry.get("each")
    for one in several[each]() if each else ("",):
        yield words | {str(each): one}


def _handled(deployed: Sequence[Deployed], operations: Sequence[handlers.Operation]) -> Iterator[Call]:
    """What the handlers of the resource types call."""
    for stack in deployed:
        for resource in stack.placed():
            for operation in operations:
                if operation == "delete" and stack.kept(resource.name):
                    continue
                why = f"{operation} {resource.type}"
                yield from (Call(why=why, request=request) for request in handlers.needs(resource, operation))


def neighbours(project: Project, role: Named, request: Request) -> list[Request]:
    """The same for what is another account's, be it one of the project's or not, another project's, or another environment's."""
    if request.resource == ANY:
        return []
    accounts = {project.pipeline.account, *(env.account for env in project.environments)}
    said = json.dumps([request.resource, request.context])
    changes = [(one, other) for one in accounts if one in said for other in (*accounts - {one}, OTHER_ACCOUNT)]
    changes.append((project.pipeline.project, OTHER_PROJECT))
    owner = deploys(project, role) or role.owner
    if owner in (env.name for env in project.environments):
        # Whole names: `far-test` is no `test`.
        changes += [(owner, env.name) for env in project.environments if env.name != owner]
    found = dict.fromkeys(re.sub(rf"(?<![a-z0-9]){re.escape(one)}(?![a-z0-9])", other, said) for one, other in changes)
    return [Request(action=request.action, resource=r, context=c) for text in found if text != said for r, c in [json.loads(text)]]
