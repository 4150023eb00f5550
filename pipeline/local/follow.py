"""A run of the pipeline as lines for a person: one an action, where it stops and what to do then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from pipeline.local.codebuild import builds
from pipeline.local.codepipeline import records
from pipeline.local.codepipeline.perform import INTERRUPTED

if TYPE_CHECKING:
    from pipeline.local.world import World

# An action that is not done after this gets a line, so that nobody stares at nothing.
QUIET_SECONDS = 4.0
ENDED = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")


def follow(world: World, execution_id: str, since: str = "") -> Iterator[str]:
    """Until the end of the run, and of the runs that it causes; or until a person is asked. Only what happened after `since`, if given."""
    execution: records.Document | None = _execution(world, execution_id)
    if execution and not since:
        yield _title(execution)
    while execution:
        yield from _one(world, execution, since)
        execution = _next(world, _execution(world, execution["id"]))
        if execution:
            yield _title(execution)


def _execution(world: World, execution_id: str) -> records.Document:
    found = world.store.get(records.EXECUTION, execution_id)
    if found is None:
        raise LookupError(execution_id)
    return found


def _next(world: World, ended: records.Document) -> records.Document | None:
    """The rollback that a failure started, or the same commit again on the updated pipeline."""
    if ended["status"] != "Failed":
        return None
    later = [
        execution
        for execution in records.executions(world, ended["pipeline"])
        if execution["start"] >= ended["start"] and execution["id"] != ended["id"]
    ]
    for execution in later:
        if execution["trigger"] == {"triggerType": "AutomatedRollback", "triggerDetail": ended["id"]}:
            return execution
        if execution["version"] > ended["version"]:
            return execution
    return None


def _title(execution: records.Document) -> str:
    commit = next((source["revisionId"] for source in execution["sources"].values()), "") or next(iter(execution["revisions"].values()), "")
    what = "rollback of stage " + execution["onlyStage"] + " to" if execution["type"] == "ROLLBACK" else "run of"
    return f"pipeline {execution['pipeline']}: {what} {commit[:10] or 'the branch head'} ({execution['id']})"


def _one(world: World, execution: records.Document, since: str) -> Iterator[str]:
    shown = set(_told(world, execution, since))
    while True:
        with world.changed:
            execution = _execution(world, execution["id"])
            actions = records.actions_of(world, execution["id"])
            lines = list(_news(world, execution, actions, shown))
            asked = next((action for action in actions if action["status"] == "InProgress" and action.get("token")), None)
            ahead = _asked_ahead(world, execution)
            if not lines and not asked and not ahead and execution["status"] not in ENDED and not world.closing.is_set():
                world.changed.wait(1.0)
        yield from lines
        if execution["status"] in ENDED:
            yield from _end(execution)
            return
        if asked:
            yield _question(world, asked)
            return
        if ahead:
            yield f"{ahead['stageName']} ▸ waits until an earlier run is decided"
            yield _question(world, ahead)
            return
        if world.closing.is_set():
            yield "the local engine stops; the run goes on with: kotei local up"
            return


def _asked_ahead(world: World, execution: records.Document) -> records.Document | None:
    """The question of an earlier run in the stage that this one would enter next: it goes on only when a person has answered."""
    order = [stage["name"] for stage in records.pipeline(world, execution["pipeline"])["declaration"]["stages"]]
    following = next((name for name in order if execution["stages"].get(name, {}).get("status") not in records.PASSED), None)
    others = (action for action in waiting(world) if action["pipelineExecutionId"] != execution["id"])
    return next((action for action in others if action["stageName"] == following and following not in execution["stages"]), None)


def _told(world: World, execution: records.Document, since: str) -> Iterator[str]:
    """The keys of what had ended by then."""
    for stage, record in execution["stages"].items():
        if record["status"] == "Skipped" and record["updated"] <= since:
            yield f"skip {stage}"
    for action in records.actions_of(world, execution["id"]):
        if action["status"] != "InProgress" and action["lastUpdateTime"] <= since:
            yield action["actionExecutionId"]


def _news(world: World, execution: records.Document, actions: list[records.Document], shown: set[str]) -> Iterator[str]:
    """Stage by stage in the order of the walk."""
    for stage, record in execution["stages"].items():
        if record["status"] == "Skipped" and f"skip {stage}" not in shown:
            shown.add(f"skip {stage}")
            yield f"{stage} ▸ skipped ({_rule(record)})"
        elif (waits := _waits(record, world.clock().isoformat())) and f"wait {stage}" not in shown:
            shown.add(f"wait {stage}")
            yield f"{stage} ▸ {waits}"
        yield from _acted(world, [action for action in actions if action["stageName"] == stage], shown)


def _acted(world: World, actions: list[records.Document], shown: set[str]) -> Iterator[str]:
    for action in actions:
        key, title = action["actionExecutionId"], f"{action['stageName']} ▸ {action['actionName']}"
        if action["status"] == "InProgress":
            if (
                _seconds(action["startTime"], world.clock().isoformat()) > QUIET_SECONDS
                and f"run {key}" not in shown
                and not action.get("token")
            ):
                shown.add(f"run {key}")
                yield f"{title} … running"
        elif key not in shown:
            shown.add(key)
            yield from _finished(world, action, title)


def _finished(world: World, action: records.Document, title: str) -> Iterator[str]:
    took = f"({_seconds(action['startTime'], action['lastUpdateTime']):.1f} s)"
    result = action["output"]["executionResult"]
    if action["status"] == "Succeeded":
        summary = result.get("externalExecutionSummary", "")
        yield f"{title} … ok {took}" + (f" {summary}" if summary else "")
        return
    if action["status"] == "Abandoned":
        yield f"{title} … abandoned {took}"
        return
    if result["errorDetails"]["code"] == INTERRUPTED:
        yield f"{title} … interrupted: {result['errorDetails']['message']}"
        return
    yield f"{title} … FAILED {took}"
    yield f"  {result['errorDetails']['message']}"
    build = action.get("externalExecutionId", "")
    if action["input"]["actionTypeId"]["provider"] == "CodeBuild" and build:
        yield from (f"  | {line}" for line in builds.log_tail(world, build))
        yield f"  whole log: {builds.folder(world, build) / 'log'}"


def _rule(stage: records.Document) -> str:
    rules = [rule["latestExecution"] for condition in stage.get("conditions", {}).get("beforeEntry", ()) for rule in condition["rules"]]
    return "; ".join(rule["summary"] for rule in rules if rule["status"] == "Failed")


def _waits(stage: records.Document, now: str) -> str:
    for condition in stage.get("conditions", {}).get("beforeEntry", ()):
        for rule in condition["rules"]:
            latest = rule["latestExecution"]
            if latest["status"] == "InProgress" and _seconds(latest["lastStatusChange"], now) > 1:
                return f"waits for {rule['ruleName']}"
    return ""


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _question(world: World, action: records.Document) -> str:
    owner = _owner(world, action)
    said = action["input"].get("resolvedConfiguration", {}).get("CustomData", "")
    return f"{action['stageName']} ▸ {action['actionName']} … waits for a person{': ' + said if said else ''}; run: kotei approve {owner}"


def _owner(world: World, action: records.Document) -> str:
    """As the plan before the question is told it: the stage's name has lost the hyphens of the environment's."""
    plan = action["stageName"].replace("-Approve", "-Plan")
    for stage in records.pipeline(world, action["pipeline"])["declaration"]["stages"]:
        for planned in stage["actions"] if stage["name"] == plan else ():
            for variable in json.loads(planned["configuration"]["EnvironmentVariables"]):
                if variable["name"] == "ENVIRONMENT":
                    return str(variable["value"])
    return str(action["stageName"])


def _end(execution: records.Document) -> Iterator[str]:
    took = _seconds(execution["start"], execution["updated"])
    summary = f": {execution['statusSummary']}" if execution.get("statusSummary") else ""
    yield f"pipeline {execution['pipeline']}: {execution['status']} after {took:.0f} s{summary}"


def waiting(world: World) -> Iterator[records.Document]:
    """Every approval that a person is asked for now."""
    for action in world.store.where(records.ACTION, "status", "InProgress"):
        if action.get("token") and "decision" not in action:
            yield action
