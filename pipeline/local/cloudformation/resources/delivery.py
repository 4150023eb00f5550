"""Connections, build projects and pipelines, which this engine serves itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.local.cloudformation.resources.handler import Handler, Made, Properties, Scope, names, only, tag_changes, tag_list, without
from pipeline.local.cloudformation.resources.shape import params


def _connect(scope: Scope, properties: Properties) -> Made:
    client = scope.client("codeconnections")
    arn = client.create_connection(**params(client, "CreateConnection", properties))["ConnectionArn"]
    connection = client.get_connection(ConnectionArn=arn)["Connection"]
    return _made_connection(connection)


def _made_connection(connection: Properties) -> Made:
    return Made(id=connection["ConnectionArn"], attributes=only(connection, "ConnectionArn", "ConnectionStatus", "OwnerAccountId"))


def _retag_connection(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("codeconnections")
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.tag_resource(ResourceArn=made.id, Tags=tag_list(wanted))
    if gone:
        client.untag_resource(ResourceArn=made.id, TagKeys=gone)
    return made


def _adopt_connection(scope: Scope, identifier: Mapping[str, str]) -> Made:
    return _made_connection(scope.client("codeconnections").get_connection(**identifier)["Connection"])


def _disconnect(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("codeconnections").delete_connection(ConnectionArn=made.id)


def _create_project(scope: Scope, properties: Properties) -> Made:
    client = scope.client("codebuild")
    wanted = {"Name": scope.physical_name(150), **without(properties, "Triggers")}
    project = client.create_project(**params(client, "CreateProject", wanted))["project"]
    made = scope.born(Made(id=project["name"], attributes={"Arn": project["arn"], "Id": project["name"]}))
    _hook(client, made, {}, properties)
    return made


def _update_project(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("codebuild")
    client.update_project(**params(client, "UpdateProject", {**without(new, "Triggers"), "Name": made.id}))
    _hook(client, made, old, new)
    return made


def _hook(client: Any, made: Made, old: Properties, new: Properties) -> None:
    """The webhook is a thing of its own in CodeBuild's API."""
    was, wanted = _webhook(old), _webhook(new)
    if wanted is None:
        if was is not None:
            client.delete_webhook(projectName=made.id)
    elif was is None:
        client.create_webhook(**params(client, "CreateWebhook", {"ProjectName": made.id, **wanted}))
    elif was != wanted:
        client.update_webhook(**params(client, "UpdateWebhook", {"ProjectName": made.id, **wanted}))


def _webhook(properties: Properties) -> Properties | None:
    triggers = properties.get("Triggers", {})
    return without(triggers, "Webhook") if str(triggers.get("Webhook", False)).lower() == "true" else None


def _delete_project(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("codebuild").delete_project(name=made.id)


def _pipeline(properties: Properties) -> Properties:
    wanted = without(properties, "RestartExecutionOnUpdate", "Tags", "ArtifactStores")
    stores = properties.get("ArtifactStores")
    # A list there, a map of regions in CodePipeline's own API.
    return {**wanted, "ArtifactStores": {one["Region"]: one["ArtifactStore"] for one in stores}} if stores else wanted


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
    "QueuedTimeoutInMinutes ServiceRole Source SourceVersion Tags TimeoutInMinutes Triggers VpcConfig"
)
PIPELINE = "ArtifactStore ArtifactStores ExecutionMode PipelineType RestartExecutionOnUpdate RoleArn Stages Tags Triggers Variables"

HANDLERS = {
    "AWS::CodeConnections::Connection": Handler(
        create=_connect,
        update=_retag_connection,
        delete=_disconnect,
        adopt=_adopt_connection,
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
