"""What a push to the local remote does: start the pipelines or the review that it triggers, say why others do not start, show them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pipeline.local import connections, pull_request, remote
from pipeline.local.codepipeline import records, triggers
from pipeline.local.follow import follow
from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from pipeline.local.world import World

BRANCH = "refs/heads/"


def received(world: World, body: Mapping[str, Any]) -> Iterator[str]:
    """`body["changes"]`: old, new and ref of each ref that was pushed. Everything is started before the first line is shown."""
    lines, started, reviewed = [], [], []
    for old, new, ref in body["changes"]:
        branch = ref.removeprefix(BRANCH)
        if new == remote.NOTHING:
            pull_request.closed(world, branch)
        if not ref.startswith(BRANCH) or new == remote.NOTHING:
            lines.append(f"{ref}: no pipeline starts for it")
            continue
        executions, refusals = _started(world, branch, old, new)
        reviews = [] if executions else pull_request.start(world, branch, new)
        started += executions
        reviewed += reviews
        # Where the push is a pull request, nobody waits for a pipeline.
        lines += [] if reviews else refusals
    if not started and not reviewed and not lines:
        lines.append("no pipeline is deployed yet; run: kotei local up")
    yield from lines
    for execution in started:
        yield from follow(world, execution)
    yield from pull_request.told(world, reviewed)


def _started(world: World, branch: str, old: str, new: str) -> tuple[list[str], list[str]]:
    """The executions that the push starts, and why other pipelines do not start."""
    executions, refusals = [], []
    for name, source, refusal in _sources(world, branch, old, new):
        if refusal:
            refusals.append(f"pipeline {name} does not start: {refusal}")
        else:
            trigger = {"triggerType": "WebhookV2", "triggerDetail": new}
            executions.append(records.start_execution(world, name, trigger=trigger, revisions={source: new})["id"])
    return executions, refusals


def _sources(world: World, branch: str, old: str, new: str) -> Iterator[tuple[str, str, str | None]]:
    """Pipeline, source action, and why it does not start."""
    files = remote.changed_files(world.home, old, new)
    for document in world.store.all(records.PIPELINE):
        declaration = document["declaration"]
        for action in declaration["stages"][0]["actions"]:
            if action["actionTypeId"]["provider"] == "CodeStarSourceConnection":
                refusal = _connection(world, action) or _refusal(declaration, action, branch, files, new_branch=old == remote.NOTHING)
                yield declaration["name"], action["name"], refusal


def _connection(world: World, action: Mapping[str, Any]) -> str | None:
    arn = action["configuration"]["ConnectionArn"]
    connection = connections.find(world, arn)
    if connection is None:
        return f"the connection {arn} does not exist"
    if connection["ConnectionStatus"] != "AVAILABLE":
        return f"the connection {connection['ConnectionName']} is {connection['ConnectionStatus']}"
    return None


def _refusal(
    declaration: Mapping[str, Any], action: Mapping[str, Any], branch: str, files: tuple[str, ...], *, new_branch: bool
) -> str | None:
    followed = action["configuration"]["BranchName"]
    pushes = [push for trigger in declaration.get("triggers", ()) for push in trigger["gitConfiguration"].get("push", ())]
    if not pushes:
        if action["configuration"].get("DetectChanges", "true") == "false":
            return "it has no trigger and DetectChanges is off"
        return None if branch == followed else f"it follows branch {followed}"
    refusal = triggers.refused(declaration, action["name"], branch, files)
    if refusal is None and new_branch and branch != followed and any("filePaths" in push for push in pushes):
        # The branch that the pipeline names counts as being there already, as it is on a Git host.
        return f"{branch} is a new branch, and the first push of a branch starts no pipeline that filters by path"
    return refusal


def start(world: World, body: Mapping[str, Any]) -> Iterator[str]:
    """For `kotei local up`: the commit is already in the remote, but no run of it is."""
    try:
        trigger = {"triggerType": "StartPipelineExecution", "triggerDetail": "kotei local up"}
        execution = records.start_execution(world, body["pipeline"], trigger=trigger)
    except AwsError as error:
        yield str(error)
        return
    yield from follow(world, execution["id"])


def resume(world: World, body: Mapping[str, Any]) -> Iterator[str]:
    """The lines of a run that is going on: all, or those after `since`."""
    yield from follow(world, body["execution"], body.get("since", ""))
