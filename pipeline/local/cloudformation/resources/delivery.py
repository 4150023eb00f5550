"""Connections, build projects and pipelines, which this engine serves itself."""

from __future__ import annotations

from typing import Any

from pipeline.local.cloudformation.resources.handler import Handler, Made, Properties, Scope, names, only, tag_changes, tag_list, without
from pipeline.local.cloudformation.resources.shape import params


def _connect(scope: Scope, properties: Properties) -> Made:
    client = scope.client("codeconnections")
    arn = client.create_connection(**params(client, "CreateConnection", properties))["ConnectionArn"]
    connection = client.get_connection(ConnectionArn=arn)["Connection"]
    attributes = {"ConnectionArn": arn, **only(connection, "ConnectionStatus", "OwnerAccountId")}
    return Made(id=arn, attributes=attributes)


def _retag_connection(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("codeconnections")
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.tag_resource(ResourceArn=made.id, Tags=tag_list(wanted))
    if gone:
        client.untag_resource(ResourceArn=made.id, TagKeys=gone)
    return made


def _disconnect(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("codeconnections").delete_connection(ConnectionArn=made.id)


def _create_project(scope: Scope, properties: Properties) -> Made:
    client = scope.client("codebuild")
    wanted = {"Name": scope.physical_name(150), **properties}
    project = client.create_project(**params(client, "CreateProject", wanted))["project"]
    return Made(id=project["name"], attributes={"Arn": project["arn"], "Id": project["name"]})


def _update_project(scope: Scope, made: Made, _: Properties, new: Properties) -> Made:
    client = scope.client("codebuild")
    client.update_project(**params(client, "UpdateProject", {**new, "Name": made.id}))
    return made


def _delete_project(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("codebuild").delete_project(name=made.id)


def _pipeline(properties: Properties) -> Properties:
    return without(properties, "RestartExecutionOnUpdate", "Tags")


def _create_pipeline(scope: Scope, properties: Properties) -> Made:
    client = scope.client("codepipeline")
    declaration = {"Name": scope.physical_name(100), **_pipeline(properties)}
    answer = client.create_pipeline(**params(client, "CreatePipeline", {"Pipeline": declaration, **only(properties, "Tags")}))
    return _shown(scope, answer["pipeline"])


def _shown(scope: Scope, pipeline: dict[str, Any]) -> Made:
    attributes = {"Version": str(pipeline["version"]), "Arn": scope.arn("codepipeline", pipeline["name"])}
    return Made(id=pipeline["name"], attributes=attributes)


def _update_pipeline(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("codepipeline")
    arn = made.attributes["Arn"]
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.tag_resource(resourceArn=arn, tags=[{"key": key, "value": value} for key, value in wanted.items()])
    if gone:
        client.untag_resource(resourceArn=arn, tagKeys=gone)
    if _pipeline(old) == _pipeline(new):
        return made
    answer = client.update_pipeline(**params(client, "UpdatePipeline", {"Pipeline": {**_pipeline(new), "Name": made.id}}))
    if str(new.get("RestartExecutionOnUpdate", False)).lower() == "true":
        client.start_pipeline_execution(name=made.id)
    return _shown(scope, answer["pipeline"])


def _delete_pipeline(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("codepipeline").delete_pipeline(name=made.id)


PROJECT = (
    "Artifacts AutoRetryLimit BadgeEnabled Cache ConcurrentBuildLimit Description EncryptionKey Environment LogsConfig "
    "QueuedTimeoutInMinutes ServiceRole Source SourceVersion Tags TimeoutInMinutes VpcConfig"
)
PIPELINE = "ArtifactStore ExecutionMode PipelineType RestartExecutionOnUpdate RoleArn Stages Tags Triggers Variables"

HANDLERS = {
    "AWS::CodeConnections::Connection": Handler(
        create=_connect,
        update=_retag_connection,
        delete=_disconnect,
        enforced=names("ConnectionName HostArn ProviderType Tags"),
        mutable=names("Tags"),
    ),
    "AWS::CodeBuild::Project": Handler(
        create=_create_project, update=_update_project, delete=_delete_project, enforced=names(f"{PROJECT} Name"), mutable=names(PROJECT)
    ),
    "AWS::CodePipeline::Pipeline": Handler(
        create=_create_pipeline,
        update=_update_pipeline,
        delete=_delete_pipeline,
        enforced=names(f"{PIPELINE} Name"),
        mutable=names(PIPELINE),
    ),
}
