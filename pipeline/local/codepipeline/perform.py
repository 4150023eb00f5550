"""One action of an execution: its record, its inputs, its handler, and what came out."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from pipeline.local.codepipeline import acting, artifacts, records, variables
from pipeline.local.codepipeline.action import AbandonedError, Action, ActionFailedError, Result
from pipeline.local.codepipeline.actions import HANDLERS
from pipeline.local.iam import sessions
from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from pipeline.local.world import World

Declaration = Mapping[str, Any]
# No code of AWS's: nobody stops CodePipeline.
INTERRUPTED = "LocalEngineStopped"
# CodePipeline's code for what its role, or the action's, may not do (ErrorDetails of ListActionExecutions).
REFUSED = "PermissionError"


def perform(world: World, pipeline: Declaration, execution_id: str, stage: str, declaration: Declaration) -> None:
    """Never raises: whatever happens is in the action's record."""
    document = _begin(world, pipeline, execution_id, stage, declaration)
    key = document["actionExecutionId"]
    try:
        result = _run(world, pipeline, document, declaration)
        locations = _stored(world, pipeline, declaration, execution_id, result)
        _complete(declaration, locations)
        _succeed(world, execution_id, key, declaration=declaration, result=result, locations=locations)
    except AbandonedError:
        return
    except ActionFailedError as failure:
        # What fails because the engine stops has not failed: the next engine runs it again.
        if not world.closing.is_set():
            _fail(world, execution_id, key, code=failure.code, message=str(failure), summary=failure.summary)
    except AwsError as refused:
        _fail(world, execution_id, key, code=REFUSED, message=refused.message)
    except ClientError as refused:
        error = refused.response["Error"]
        code = REFUSED if "AccessDenied" in error["Code"] or error["Code"] == "AuthorizationError" else "JobFailed"
        _fail(world, execution_id, key, code=code, message=f"{refused.operation_name}: {error['Code']}: {error['Message']}")
    except variables.UnresolvedError as failure:
        _fail(world, execution_id, key, code="ConfigurationError", message=str(failure))
    # The top of an action's thread: a bug of the engine must show as a failed action, not as a pipeline that hangs.
    except Exception as error:  # noqa: BLE001
        if world.closing.is_set():
            return
        traceback.print_exc()
        _fail(world, execution_id, key, code="InternalError", message=f"local engine: {type(error).__name__}: {error}")


def _stored(world: World, pipeline: Declaration, declaration: Declaration, execution_id: str, result: Result) -> dict[str, dict[str, str]]:
    if not result.artifacts:
        return {}
    configuration = declaration.get("configuration", {})
    client = sessions.client(world, acting.artifact_session(world, pipeline, declaration, configuration, execution_id), "s3")
    bucket = artifacts.buckets(pipeline, world.region)[declaration.get("region", world.region)]
    return {
        name: artifacts.store(client, bucket, f"{pipeline['name']}/{name}/{execution_id}.zip", content)
        for name, content in result.artifacts.items()
    }


def _fetched(
    world: World, pipeline: Declaration, declaration: Declaration, execution: records.Document, names: list[str]
) -> dict[str, bytes]:
    if not names:
        return {}
    configuration = declaration.get("configuration", {})
    role = acting.artifact_session(world, pipeline, declaration, configuration, execution["id"])
    region = declaration.get("region", world.region)
    client = sessions.client(world, role, "s3", region=region)
    copier = sessions.client(world, acting.pipeline_session(world, pipeline, execution["id"]), "s3", region=region)
    bucket = artifacts.buckets(pipeline, world.region)[region]
    found = {}
    for name in names:
        where = artifacts.copy(copier, execution["artifacts"][name], bucket)
        # CodePipeline asks for the version that it stored.
        acting.allowed(role, region, ("s3:GetObjectVersion", f"arn:aws:s3:::{where['bucket']}/{where['key']}"))
        found[name] = artifacts.fetch(client, where)
    return found


def _complete(declaration: Declaration, locations: Mapping[str, object]) -> None:
    missing = sorted({artifact["name"] for artifact in declaration.get("outputArtifacts", ())} - set(locations))
    if missing:
        raise ActionFailedError(f"the action did not make its output artifact {', '.join(missing)}")


def _begin(world: World, pipeline: Declaration, execution_id: str, stage: str, declaration: Declaration) -> records.Document:
    with records.changing(world, records.EXECUTION, execution_id) as execution:
        running = execution["stages"][stage]["actions"].get(declaration["name"])
        kept = running and world.store.get(records.ACTION, running["id"])
        if kept and kept["status"] == "InProgress" and declaration["actionTypeId"]["category"] == "Approval":
            # The engine was restarted while a person was asked: the question and its token stand.
            return dict(kept)
        interrupted = bool(kept and kept["status"] == "InProgress")
        if kept and interrupted:
            _close(
                world,
                kept,
                "Failed",
                {"code": INTERRUPTED, "message": "the local engine was stopped while this action ran; it is run again"},
                "",
            )
        document = _document(world, pipeline, execution, stage, declaration) | {"rerun": interrupted}
        records.put(world, records.ACTION, document["actionExecutionId"], document)
        execution["stages"][stage]["actions"][declaration["name"]] = {"id": document["actionExecutionId"], "status": "InProgress"}
    return document


def _document(world: World, pipeline: Declaration, execution: Declaration, stage: str, declaration: Declaration) -> records.Document:
    names = [artifact["name"] for artifact in declaration.get("inputArtifacts", ())]
    return {
        "pipeline": pipeline["name"],
        "pipelineExecutionId": execution["id"],
        "actionExecutionId": records.new_id(),
        "pipelineVersion": execution["version"],
        "stageName": stage,
        "actionName": declaration["name"],
        "startTime": records.now(world),
        "lastUpdateTime": records.now(world),
        "status": "InProgress",
        "input": {
            "actionTypeId": declaration["actionTypeId"],
            "configuration": declaration.get("configuration", {}),
            "roleArn": declaration.get("roleArn", ""),
            "region": declaration.get("region", world.region),
            "inputArtifacts": [_location(name, execution["artifacts"][name]) for name in names if name in execution["artifacts"]],
            "namespace": declaration.get("namespace", ""),
        },
    }


def _location(name: str, location: Mapping[str, str]) -> dict[str, Any]:
    return {"name": name, "s3location": dict(location)}


def _run(world: World, pipeline: Declaration, document: records.Document, declaration: Declaration) -> Result:
    kind = declaration["actionTypeId"]
    stage = document["stageName"]
    handler = HANDLERS.get((kind["category"], kind["provider"]))
    if handler is None:
        raise ActionFailedError(f"no local handler for {kind['category']}/{kind['provider']} (stage {stage}, action {declaration['name']})")
    execution = records.execution(world, pipeline["name"], document["pipelineExecutionId"])
    configuration = variables.resolve_all(declaration.get("configuration", {}), variables.of_execution(execution))
    with records.changing(world, records.ACTION, document["actionExecutionId"]) as record:
        record["input"]["resolvedConfiguration"] = configuration
    names = [artifact["name"] for artifact in declaration.get("inputArtifacts", ())]
    absent = [name for name in names if name not in execution["artifacts"]]
    if absent:
        raise ActionFailedError(f"input artifact {', '.join(absent)} was not made by an earlier action of this execution")
    return handler(
        Action(
            world=world,
            declaration=declaration,
            pipeline=pipeline,
            execution_id=document["pipelineExecutionId"],
            stage=stage,
            id=document["actionExecutionId"],
            configuration=configuration,
            inputs=_fetched(world, pipeline, declaration, execution, names),
            role=acting.action_session(world, pipeline, declaration, execution["id"]),
            region=declaration.get("region", world.region),
        )
    )


def _succeed(
    world: World, execution_id: str, key: str, *, declaration: Declaration, result: Result, locations: Mapping[str, Mapping[str, str]]
) -> None:
    with records.changing(world, records.EXECUTION, execution_id) as execution:
        document = _open(world, key)
        if document is None:
            return
        output: dict[str, Any] = {
            "outputArtifacts": [_location(name, location) for name, location in locations.items()],
            "executionResult": {"externalExecutionId": result.external_id, "externalExecutionSummary": result.summary},
            "outputVariables": dict(result.variables),
        }
        document.update(status="Succeeded", lastUpdateTime=records.now(world), output=output)
        records.put(world, records.ACTION, key, document)
        execution["artifacts"].update(locations)
        if "namespace" in declaration:
            execution["namespaces"][declaration["namespace"]] = dict(result.variables)
        _mark(execution, document)


def _fail(world: World, execution_id: str, key: str, *, code: str, message: str, summary: str = "") -> None:
    with records.changing(world, records.EXECUTION, execution_id) as execution:
        document = _open(world, key)
        if document is None:
            return
        _close(world, document, "Failed", {"code": code, "message": message}, summary)
        _mark(execution, document)


def abandon(world: World, execution: records.Document) -> None:
    """Every running action of the execution, which the caller holds."""
    for document in records.actions_of(world, execution["id"]):
        if document["status"] == "InProgress":
            _close(world, document, "Abandoned", None, "the execution was stopped")
            _mark(execution, document)


def _open(world: World, key: str) -> records.Document | None:
    """The action's record unless somebody else has closed it meanwhile."""
    document = world.store.get(records.ACTION, key)
    return document if document and document["status"] == "InProgress" else None


def _close(world: World, document: records.Document, status: str, error: Mapping[str, str] | None, summary: str) -> None:
    result = {"externalExecutionId": document.get("externalExecutionId", ""), "externalExecutionSummary": summary}
    output: dict[str, Any] = {"outputArtifacts": [], "executionResult": result | ({"errorDetails": dict(error)} if error else {})}
    document.update(status=status, lastUpdateTime=records.now(world), output=output)
    records.put(world, records.ACTION, document["actionExecutionId"], document)


def _mark(execution: records.Document, document: records.Document) -> None:
    execution["stages"][document["stageName"]]["actions"][document["actionName"]] = {
        "id": document["actionExecutionId"],
        "status": document["status"],
    }
