"""ECR repositories, and where copies of their images go."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.local.cloudformation.resources.handler import (
    Handler,
    Made,
    Properties,
    Scope,
    names,
    refuse_dropped,
    tag_changes,
    tag_list,
    without,
)
from pipeline.local.cloudformation.resources.shape import params


def _create(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ecr")
    wanted = without(properties, "LifecyclePolicy", "RepositoryPolicyText", "EmptyOnDelete")
    # Repository names have no upper case.
    wanted.setdefault("RepositoryName", scope.physical_name(256).lower())
    repository = client.create_repository(**params(client, "CreateRepository", wanted))["repository"]
    made = scope.born(_made(repository))
    _policies(client, made.id, {}, properties)
    return made


def _made(repository: Mapping[str, Any]) -> Made:
    attributes = {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]}
    return Made(id=repository["repositoryName"], attributes=attributes)


def _adopt(scope: Scope, identifier: Mapping[str, str]) -> Made:
    return _made(scope.client("ecr").describe_repositories(repositoryNames=[identifier["RepositoryName"]])["repositories"][0])


def _policies(client: Any, name: str, old: Properties, new: Properties) -> None:
    if old.get("LifecyclePolicy") != new.get("LifecyclePolicy"):
        if "LifecyclePolicy" in new:
            client.put_lifecycle_policy(repositoryName=name, lifecyclePolicyText=new["LifecyclePolicy"]["LifecyclePolicyText"])
        else:
            client.delete_lifecycle_policy(repositoryName=name)
    if old.get("RepositoryPolicyText") != new.get("RepositoryPolicyText"):
        if text := new.get("RepositoryPolicyText"):
            client.set_repository_policy(repositoryName=name, policyText=text if isinstance(text, str) else json.dumps(text))
        else:
            client.delete_repository_policy(repositoryName=name)


def _update(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("ecr")
    refuse_dropped(old, new, "ImageTagMutability", "ImageScanningConfiguration")
    if old.get("ImageTagMutability") != new.get("ImageTagMutability"):
        client.put_image_tag_mutability(repositoryName=made.id, imageTagMutability=new["ImageTagMutability"])
    if old.get("ImageScanningConfiguration") != new.get("ImageScanningConfiguration"):
        wanted = {"RepositoryName": made.id, "ImageScanningConfiguration": new["ImageScanningConfiguration"]}
        client.put_image_scanning_configuration(**params(client, "PutImageScanningConfiguration", wanted))
    _policies(client, made.id, old, new)
    wanted_tags, gone = tag_changes(old, new)
    if wanted_tags:
        client.tag_resource(resourceArn=made.attributes["Arn"], tags=tag_list(wanted_tags))
    if gone:
        client.untag_resource(resourceArn=made.attributes["Arn"], tagKeys=gone)
    return made


def _delete(scope: Scope, made: Made, properties: Properties) -> None:
    scope.client("ecr").delete_repository(repositoryName=made.id, force=str(properties.get("EmptyOnDelete", False)).lower() == "true")


def _create_cache(_: Scope, properties: Properties) -> Made:
    # The engine's docker pulls nothing, through a cache or not.
    return Made(id=properties["EcrRepositoryPrefix"])


def _delete_cache(*_: object) -> None:
    pass


def _replicate(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ecr")
    client.put_replication_configuration(**params(client, "PutReplicationConfiguration", properties))
    return Made(id=scope.account, attributes={"RegistryId": scope.account})


def _replicate_otherwise(scope: Scope, made: Made, _: Properties, new: Properties) -> Made:
    _replicate(scope, new)
    return made


def _replicate_no_more(scope: Scope, _made: Made, _: Properties) -> None:
    scope.client("ecr").put_replication_configuration(replicationConfiguration={"rules": []})


HANDLERS = {
    "AWS::ECR::ReplicationConfiguration": Handler(
        create=_replicate,
        update=_replicate_otherwise,
        delete=_replicate_no_more,
        enforced=names("ReplicationConfiguration"),
        mutable=names("ReplicationConfiguration"),
    ),
    "AWS::ECR::PullThroughCacheRule": Handler(
        create=_create_cache,
        delete=_delete_cache,
        enforced=names(""),
        recorded=names("EcrRepositoryPrefix UpstreamRegistry UpstreamRegistryUrl"),
    ),
    "AWS::ECR::Repository": Handler(
        create=_create,
        update=_update,
        delete=_delete,
        adopt=_adopt,
        enforced=names(
            "EmptyOnDelete EncryptionConfiguration ImageScanningConfiguration ImageTagMutability LifecyclePolicy RepositoryName "
            "RepositoryPolicyText Tags"
        ),
        mutable=names("EmptyOnDelete ImageScanningConfiguration ImageTagMutability LifecyclePolicy RepositoryPolicyText Tags"),
    ),
}
