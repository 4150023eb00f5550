"""Webhooks of projects: CodeBuild's operations on them, and which events start a build."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.local import connections
from pipeline.local.codebuild import builds
from pipeline.local.protocol import AwsError, Call

if TYPE_CHECKING:
    from pipeline.local.world import World

# The local remote stands for any of these.
HOSTS = ("GITHUB", "GITLAB", "BITBUCKET")
KEYS = ("filterGroups", "buildType", "pullRequestBuildPolicy")


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened at the Git host. `base` and `head` are whole names (refs/heads/main); `files` are those that the head changes."""

    kind: str
    base: str
    head: str
    message: str
    files: tuple[str, ...]


def matches(groups: Sequence[Sequence[Mapping[str, Any]]], event: Event) -> bool:
    """One group is enough; in a group every filter must hold (API reference, WebhookFilter)."""
    return any(all(_holds(one, event) for one in group) for group in groups)


def _holds(one: Mapping[str, Any], event: Event) -> bool:
    pattern = one["pattern"]
    if one["type"] == "EVENT":
        return event.kind in [name.strip() for name in pattern.split(",")]
    texts = {"BASE_REF": (event.base,), "HEAD_REF": (event.head,), "COMMIT_MESSAGE": (event.message,), "FILE_PATH": event.files}
    found = any(re.search(pattern, text) for text in texts[one["type"]])
    return found != bool(one.get("excludeMatchedPattern"))


def create(world: World, call: Call) -> dict[str, Any]:
    with world.changed:
        project = _project(world, call)
        if "webhook" in project:
            raise AwsError("ResourceAlreadyExistsException", f"{project['name']} has a webhook already")
        return _put(world, project, call)


def update(world: World, call: Call) -> dict[str, Any]:
    with world.changed:
        project = _project(world, call)
        if "webhook" not in project:
            raise AwsError("ResourceNotFoundException", f"{project['name']} has no webhook")
        return _put(world, project, call)


def delete(world: World, call: Call) -> dict[str, Any]:
    with world.changed:
        project = _project(world, call)
        project.pop("webhook", None)
        world.store.put(builds.PROJECT, project["name"], project)
    return {}


def _project(world: World, call: Call) -> dict[str, Any]:
    found = world.store.get(builds.PROJECT, call.params["projectName"])
    if found is None:
        raise AwsError("ResourceNotFoundException", f"Project cannot be found: {call.params['projectName']}")
    return found


def _put(world: World, project: dict[str, Any], call: Call) -> dict[str, Any]:
    unknown = sorted(set(call.params) - {"projectName", *KEYS})
    if unknown:
        raise AwsError("InvalidInputException", f"{call.operation}: {', '.join(unknown)} is not supported by the local engine")
    if refusal := _refusal(world, project, call.params.get("filterGroups", [])):
        raise AwsError("InvalidInputException", refusal)
    project["webhook"] = {"status": "ACTIVE", **{key: call.params[key] for key in KEYS if key in call.params}}
    world.store.put(builds.PROJECT, project["name"], project)
    return {"webhook": project["webhook"]}


def _refusal(world: World, project: Mapping[str, Any], groups: Sequence[Sequence[Mapping[str, Any]]]) -> str | None:
    source = project["source"]
    if source["type"] not in HOSTS:
        return f"a project whose source is {source['type']} has no webhook"
    if unusable := connection_refusal(world, source):
        return unusable
    for group in groups:
        if not any(one["type"] == "EVENT" for one in group):
            return "each filter group needs a filter of type EVENT"
        for one in group:
            if one["type"] not in ("EVENT", "BASE_REF", "HEAD_REF", "COMMIT_MESSAGE", "FILE_PATH"):
                return f"a filter of type {one['type']} is not supported by the local engine"
            try:
                re.compile(one["pattern"])
            except re.error as error:
                return f"{one['pattern']!r} is not a pattern: {error}"
    return None


def connection_refusal(world: World, source: Mapping[str, Any]) -> str | None:
    auth = source.get("auth", {})
    if auth.get("type") != "CODECONNECTIONS":
        return None
    connection = connections.find(world, auth.get("resource", ""))
    if connection is None or connection["ConnectionStatus"] != "AVAILABLE":
        return f"Access denied to connection {auth.get('resource', '')}"
    return None


OPERATIONS = {"CreateWebhook": create, "UpdateWebhook": update, "DeleteWebhook": delete}
