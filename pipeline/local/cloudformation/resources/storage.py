"""S3 buckets and their policies, KMS keys and aliases."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.local.cloudformation.resources.handler import (
    Handler,
    Made,
    Properties,
    ResourceError,
    Scope,
    names,
    only,
    refuse_dropped,
    tag_changes,
    tag_list,
    tag_map,
    without,
)
from pipeline.local.cloudformation.resources.shape import params


def _create_bucket(scope: Scope, properties: Properties) -> Made:
    client = scope.client("s3")
    # Bucket names have no upper case.
    name = properties.get("BucketName") or scope.physical_name(63).lower()
    # us-east-1 is the one region that must not be named.
    where = {} if scope.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": scope.region}}
    client.create_bucket(Bucket=name, **where)
    made = scope.born(_made_bucket(scope, name))
    _configure(client, name, {}, properties)
    return made


def _made_bucket(scope: Scope, name: str) -> Made:
    attributes = {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{scope.region}.amazonaws.com",
    }
    return Made(id=name, attributes=attributes)


def _adopt_bucket(scope: Scope, identifier: Mapping[str, str]) -> Made:
    name = identifier["BucketName"]
    scope.client("s3").head_bucket(Bucket=name)
    return _made_bucket(scope, name)


def _encryption(client: Any, bucket: str, value: Properties) -> None:
    rules = [
        {"ApplyServerSideEncryptionByDefault": one["ServerSideEncryptionByDefault"], **only(one, "BucketKeyEnabled")}
        for one in value["ServerSideEncryptionConfiguration"]
    ]
    wanted = {"Bucket": bucket, "ServerSideEncryptionConfiguration": {"Rules": rules}}
    client.put_bucket_encryption(**params(client, "PutBucketEncryption", wanted))


LIFECYCLE = {"Id", "Status", "Prefix", "ExpirationInDays", "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload"}


def _lifecycle(client: Any, bucket: str, value: Properties) -> None:
    rules = []
    for rule in value["Rules"]:
        if unknown := sorted(set(rule) - LIFECYCLE):
            raise ResourceError(f"the local CloudFormation does not handle LifecycleConfiguration.Rules.{', '.join(unknown)}")
        shaped = {"ID": rule.get("Id", ""), "Status": rule["Status"], "Filter": {"Prefix": rule.get("Prefix", "")}}
        shaped |= only(rule, "NoncurrentVersionExpiration", "AbortIncompleteMultipartUpload")
        if "ExpirationInDays" in rule:
            shaped["Expiration"] = {"Days": rule["ExpirationInDays"]}
        rules.append(shaped)
    wanted = {"Bucket": bucket, "LifecycleConfiguration": {"Rules": rules}}
    client.put_bucket_lifecycle_configuration(**params(client, "PutBucketLifecycleConfiguration", wanted))


def _same_shape(operation: str, member: str) -> Callable[[Any, str, Properties], None]:
    """For the configurations that template and API write alike."""
    method = {"PutBucketVersioning": "put_bucket_versioning", "PutPublicAccessBlock": "put_public_access_block"}
    method |= {"PutBucketOwnershipControls": "put_bucket_ownership_controls"}

    def put(client: Any, bucket: str, value: Properties) -> None:
        getattr(client, method[operation])(**params(client, operation, {"Bucket": bucket, member: value}))

    return put


CONFIGURATIONS: dict[str, Callable[[Any, str, Any], None]] = {
    "BucketEncryption": _encryption,
    "LifecycleConfiguration": _lifecycle,
    "OwnershipControls": _same_shape("PutBucketOwnershipControls", "OwnershipControls"),
    "PublicAccessBlockConfiguration": _same_shape("PutPublicAccessBlock", "PublicAccessBlockConfiguration"),
    "VersioningConfiguration": _same_shape("PutBucketVersioning", "VersioningConfiguration"),
}


def _configure(client: Any, bucket: str, old: Properties, new: Properties) -> None:
    refuse_dropped(old, new, *CONFIGURATIONS)
    for key, put in CONFIGURATIONS.items():
        if key in new and old.get(key) != new[key]:
            put(client, bucket, new[key])
    if tag_map(old.get("Tags")) != tag_map(new.get("Tags")):
        client.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tag_list(tag_map(new.get("Tags")))})


def _update_bucket(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    _configure(scope.client("s3"), made.id, old, new)
    return made


def _delete_bucket(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("s3").delete_bucket(Bucket=made.id)


def _put_bucket_policy(scope: Scope, properties: Properties) -> Made:
    scope.client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"]))
    return Made(id=properties["Bucket"])


def _change_bucket_policy(scope: Scope, _made: Made, _: Properties, new: Properties) -> Made:
    return _put_bucket_policy(scope, new)


def _delete_bucket_policy(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("s3").delete_bucket_policy(Bucket=made.id)


def _create_key(scope: Scope, properties: Properties) -> Made:
    client = scope.client("kms")
    wanted = without(properties, "EnableKeyRotation", "KeyPolicy", "PendingWindowInDays", "Tags")
    if "KeyPolicy" in properties:
        wanted["Policy"] = properties["KeyPolicy"]
    key = client.create_key(**params(client, "CreateKey", wanted))["KeyMetadata"]
    made = scope.born(Made(id=key["KeyId"], attributes={"Arn": key["Arn"], "KeyId": key["KeyId"]}))
    _tag_key(client, made.id, {}, properties)
    _rotate(client, made.id, properties)
    return made


def _adopt_key(scope: Scope, identifier: Mapping[str, str]) -> Made:
    key = scope.client("kms").describe_key(KeyId=identifier["KeyId"])["KeyMetadata"]
    return Made(id=key["KeyId"], attributes={"Arn": key["Arn"], "KeyId": key["KeyId"]})


def _tag_key(client: Any, key: str, old: Properties, new: Properties) -> None:
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.tag_resource(KeyId=key, Tags=[{"TagKey": name, "TagValue": value} for name, value in wanted.items()])
    if gone:
        client.untag_resource(KeyId=key, TagKeys=gone)


def _rotate(client: Any, key: str, properties: Properties) -> None:
    if str(properties.get("EnableKeyRotation", False)).lower() == "true":
        client.enable_key_rotation(KeyId=key)
    else:
        client.disable_key_rotation(KeyId=key)


def _update_key(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("kms")
    refuse_dropped(old, new, "KeyPolicy")
    if old.get("KeyPolicy") != new.get("KeyPolicy"):
        client.put_key_policy(KeyId=made.id, PolicyName="default", Policy=json.dumps(new["KeyPolicy"]))
    if old.get("Description") != new.get("Description"):
        client.update_key_description(KeyId=made.id, Description=new.get("Description", ""))
    _tag_key(client, made.id, old, new)
    _rotate(client, made.id, new)
    return made


def _delete_key(scope: Scope, made: Made, properties: Properties) -> None:
    scope.client("kms").schedule_key_deletion(KeyId=made.id, PendingWindowInDays=int(properties.get("PendingWindowInDays", 30)))


def _create_alias(scope: Scope, properties: Properties) -> Made:
    scope.client("kms").create_alias(**only(properties, "AliasName", "TargetKeyId"))
    return Made(id=properties["AliasName"])


def _adopt_alias(scope: Scope, identifier: Mapping[str, str]) -> Made:
    name = identifier["AliasName"]
    scope.client("kms").describe_key(KeyId=name)
    return Made(id=name)


def _change_alias(scope: Scope, made: Made, _: Properties, new: Properties) -> Made:
    scope.client("kms").update_alias(**only(new, "AliasName", "TargetKeyId"))
    return made


def _delete_alias(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("kms").delete_alias(AliasName=made.id)


HANDLERS = {
    "AWS::S3::Bucket": Handler(
        create=_create_bucket,
        update=_update_bucket,
        delete=_delete_bucket,
        adopt=_adopt_bucket,
        enforced=names("BucketName Tags") | frozenset(CONFIGURATIONS),
        mutable=names("Tags") | frozenset(CONFIGURATIONS),
    ),
    "AWS::S3::BucketPolicy": Handler(
        create=_put_bucket_policy,
        update=_change_bucket_policy,
        delete=_delete_bucket_policy,
        enforced=names("Bucket PolicyDocument"),
        mutable=names("PolicyDocument"),
    ),
    "AWS::KMS::Key": Handler(
        create=_create_key,
        update=_update_key,
        delete=_delete_key,
        adopt=_adopt_key,
        enforced=names("Description EnableKeyRotation KeyPolicy KeySpec KeyUsage MultiRegion PendingWindowInDays Tags"),
        mutable=names("Description EnableKeyRotation KeyPolicy PendingWindowInDays Tags"),
    ),
    "AWS::KMS::Alias": Handler(
        create=_create_alias,
        update=_change_alias,
        delete=_delete_alias,
        adopt=_adopt_alias,
        enforced=names("AliasName TargetKeyId"),
        mutable=names("TargetKeyId"),
    ),
}
