"""What each role is used for, as requests: those of policy/calls.toml, and for CloudFormation's roles those that the templates need."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from pipeline.access import handlers
from pipeline.access.decide import Request
from pipeline.access.principals import Deployed, Named
from pipeline.access.reference import ANY, context
from pipeline.paths import ROOT
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
    if role.arn.endswith("-cloudformation"):
        return list(_handled(deployed, role))
    short = role.stack.removeprefix(f"{project.pipeline.project}-")
    entries = _listed().get(f"{short}/{role.logical}") or _listed().get(role.logical, ())
    return [call for entry in entries for words in _words(project, deployed, role) for call in _calls(entry, words)]


def _calls(entry: Mapping[str, Any], words: Mapping[str, str]) -> Iterator[Call]:
    resource = str(entry["on"]).format_map(words)
    more = {key: str(value).format_map(words) for key, value in entry.get("context", {}).items()}
    for action in entry["actions"]:
        yield Call(why=entry["why"], request=Request(action=action, resource=resource, context=context(words["region"], more)))


def _words(project: Project, deployed: Sequence[Deployed], role: Named) -> Iterator[Mapping[str, str]]:
    """For each environment that the role is for."""
    config = project.pipeline
    account = role.arn.split(":")[4]
    shared = next(one for one in deployed if one.stack == project.stack_name("pipeline"))
    environments = [env for env in project.environments if role.owner in ("shared", account, env.name) and env.account == account]
    for env in environments:
        yield {
            "account": account,
            "region": env.region,
            "project": config.project,
            "environment": env.name,
            "bucket": shared.attribute("ArtifactBucket", "Arn"),
            "key": shared.attribute("ArtifactKey", "Arn"),
            "topic": shared.ref("Topic"),
            "connection": shared.ref("ConnectionArn"),
            "repository": f"arn:aws:ecr:{env.region}:{config.account}:repository/{project.repository_name}",
        }


def _handled(deployed: Sequence[Deployed], role: Named) -> Iterator[Call]:
    """CloudFormation acts as the role of the environment, or of the shared stacks, whose name is in the role's."""
    account = role.arn.split(":")[4]
    for stack in deployed:
        if stack.account != account or not role.arn.endswith(f"-{stack.owner}-cloudformation"):
            continue
        for resource in stack.placed():
            for operation in OPERATIONS:
                if operation == "delete" and stack.kept(resource.name):
                    continue
                why = f"{operation} {resource.type}"
                yield from (Call(why=why, request=request) for request in handlers.needs(resource, operation))


def neighbours(project: Project, role: Named, request: Request) -> list[Request]:
    """The same for what is another account's, another project's, or another environment's."""
    account = role.arn.split(":")[4]
    if request.resource == ANY:
        return []
    name = project.pipeline.project
    found = [request.resource.replace(account, OTHER_ACCOUNT), request.resource.replace(name, OTHER_PROJECT)]
    if role.owner not in ("shared", account):
        found += [request.resource.replace(role.owner, env.name) for env in project.environments if env.name != role.owner]
    return [
        Request(action=request.action, resource=one, context=request.context) for one in dict.fromkeys(found) if one != request.resource
    ]
