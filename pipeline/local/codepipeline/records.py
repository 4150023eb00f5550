"""The documents of the walk: pipelines, executions, action executions and rule executions, and how they are changed."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from pipeline.local.world import World

PIPELINE = "pipeline"
STRUCTURE = "pipeline-structure"
EXECUTION = "execution"
ACTION = "action-execution"
RULE = "rule-execution"

RUNNING = ("InProgress", "Stopping")
PASSED = ("Succeeded", "Skipped")

Document = dict[str, Any]


def now(world: World) -> str:
    return world.clock().isoformat()


def new_id() -> str:
    return str(uuid.uuid4())


@contextmanager
def changing(world: World, kind: str, key: str) -> Iterator[Document]:
    """The document, alone for this thread; what the block leaves in it is committed and everybody who waits is told."""
    with world.changed:
        document = world.store.get(kind, key)
        if document is None:
            raise LookupError(f"no {kind} {key}")
        yield document
        world.store.put(kind, key, document)
        world.changed.notify_all()


def put(world: World, kind: str, key: str, document: Document) -> None:
    with world.changed:
        world.store.put(kind, key, document)
        world.changed.notify_all()


def pipeline(world: World, name: str) -> Document:
    found = world.store.get(PIPELINE, name)
    if found is None:
        raise AwsError("PipelineNotFoundException", f"Account '{world.account}' does not have a pipeline with name '{name}'")
    return found


def execution(world: World, name: str, execution_id: str) -> Document:
    found = world.store.get(EXECUTION, execution_id)
    if found is None or found["pipeline"] != name:
        raise AwsError("PipelineExecutionNotFoundException", f"pipeline {name} has no execution {execution_id}")
    return found


def executions(world: World, name: str) -> list[Document]:
    """Oldest first."""
    return [document for document in world.store.all(EXECUTION) if document["pipeline"] == name]


def stage_declaration(declaration: Document, stage: str) -> Document:
    for candidate in declaration["stages"]:
        if candidate["name"] == stage:
            found: Document = candidate
            return found
    raise AwsError("StageNotFoundException", f"pipeline {declaration['name']} has no stage {stage}")


def actions_of(world: World, execution_id: str) -> list[Document]:
    """Oldest first."""
    return world.store.where(ACTION, "pipelineExecutionId", execution_id)


def start_execution(
    world: World,
    name: str,
    *,
    trigger: Document,
    variables: dict[str, str] | None = None,
    revisions: dict[str, str] | None = None,
) -> Document:
    """`revisions`: source action name -> commit."""
    with world.changed:
        found = pipeline(world, name)
        declaration = found["declaration"]
        document: Document = {
            "id": new_id(),
            "pipeline": name,
            "version": declaration["version"],
            "status": "InProgress",
            "type": "STANDARD",
            "mode": declaration["executionMode"],
            "start": now(world),
            "updated": now(world),
            "trigger": trigger,
            "variables": _variables(declaration, variables or {}),
            "revisions": revisions or {},
            "sources": {},
            "artifacts": {},
            "namespaces": {},
            "stages": {},
        }
        put(world, EXECUTION, document["id"], document)
    return document


def _variables(declaration: Document, given: dict[str, str]) -> dict[str, str]:
    declared = {variable["name"]: variable.get("defaultValue") for variable in declaration.get("variables", [])}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise AwsError("ValidationException", f"pipeline {declaration['name']} declares no variable {', '.join(unknown)}")
    resolved = declared | given
    missing = sorted(variable for variable, value in resolved.items() if value is None)
    if missing:
        raise AwsError("ValidationException", f"pipeline {declaration['name']}: no value for variable {', '.join(missing)}")
    return {variable: str(value) for variable, value in resolved.items()}
