"""What AWS kept of a stack that is gone, found again by its name, or by the name that CloudFormation made up for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.aws import Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.kept_address import Identifier

# Stack, logical id and a random end, without upper case (S3).
_MADE_UP = re.compile(r"-[a-z0-9]{12,13}")
Properties = Mapping[str, Any]
# `made_up` is how a name begins that CloudFormation makes up.
Finder = Callable[[Aws, str, Properties], Identifier | None]


def _log_group(aws: Aws, _made_up: str, properties: Properties) -> Identifier | None:
    name = properties.get("LogGroupName")
    found = aws.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=name)
    return {"LogGroupName": str(name)} if any(one["logGroupName"] == name for one in found) else None


def _repository(aws: Aws, _made_up: str, properties: Properties) -> Identifier | None:
    name = str(properties["RepositoryName"])
    try:
        aws.call("ecr", "describe_repositories", repositoryNames=[name])
    except RefusedError as refused:
        if refused.code == "RepositoryNotFoundException":
            return None
        raise
    return {"RepositoryName": name}


def _bucket(aws: Aws, made_up: str, properties: Properties) -> Identifier | None:
    """Of several the youngest: the others were left before it was made."""
    named = properties.get("BucketName")
    prefix = named or made_up.lower()
    rows = aws.pages("s3", "list_buckets", "Buckets", Prefix=prefix, BucketRegion=aws.region)
    found = [one for one in rows if one["Name"] == named or (not named and _is_made_up(one["Name"], prefix))]
    here = [one for one in found if one.get("BucketRegion", aws.region) == aws.region]
    return {"BucketName": max(here, key=lambda one: one["CreationDate"])["Name"]} if here else None


def _is_made_up(name: str, prefix: str) -> bool:
    return name.startswith(prefix) and bool(_MADE_UP.fullmatch(name, len(prefix)))


def _connection(aws: Aws, _made_up: str, properties: Properties) -> Identifier | None:
    """One that a person has confirmed before one that waits for it."""
    rows = aws.pages("codeconnections", "list_connections", "Connections", ProviderTypeFilter=properties["ProviderType"])
    named = (one for one in rows if one["ConnectionName"] == properties["ConnectionName"])
    found = sorted(named, key=lambda one: one["ConnectionStatus"] != "AVAILABLE")
    return {"ConnectionArn": found[0]["ConnectionArn"]} if found else None


def _alias(aws: Aws, _made_up: str, properties: Properties) -> Identifier | None:
    name = properties["AliasName"]
    return {"AliasName": name} if any(one["AliasName"] == name for one in aws.pages("kms", "list_aliases", "Aliases")) else None


def _policy(aws: Aws, _made_up: str, properties: Properties) -> Identifier | None:
    """A boundary: roles have it, and a second one of its name cannot be made."""
    arn = f"arn:aws:iam::{aws.account}:policy/{properties['ManagedPolicyName']}"
    try:
        aws.call("iam", "get_policy", PolicyArn=arn)
    except RefusedError as refused:
        if refused.code == "NoSuchEntity":
            return None
        raise
    return {"PolicyArn": arn}


# Certificates and the keys of topics hold nothing that a new one could not: they are made anew, and the old ones stay as they were left.
FINDERS: Mapping[str, Finder] = {
    "AWS::ECR::Repository": _repository,
    "AWS::Logs::LogGroup": _log_group,
    "AWS::S3::Bucket": _bucket,
    "AWS::CodeConnections::Connection": _connection,
    "AWS::IAM::ManagedPolicy": _policy,
    "AWS::KMS::Alias": _alias,
}
KEY = "AWS::KMS::Key"


def key_of(aws: Aws, bucket: str) -> Identifier:
    """The key of a bucket that was found: without it nobody can read what is in there."""
    encryption = aws.call("s3", "get_bucket_encryption", Bucket=bucket)["ServerSideEncryptionConfiguration"]
    key = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"]
    state = aws.call("kms", "describe_key", KeyId=key)["KeyMetadata"]
    if state["KeyState"] != "Enabled":
        identity = state["KeyId"]
        raise PipelineError(
            f"the key {identity} of the bucket {bucket} is {state['KeyState']}, and nobody can read what is in there. Save it: "
            f"aws kms cancel-key-deletion --key-id {identity}; aws kms enable-key --key-id {identity}. Or give both up: "
            f"aws s3 rb s3://{bucket} --force"
        )
    return {"KeyId": state["KeyId"]}


def key_named(properties: Properties) -> str:
    """The logical id of the key with which the template encrypts a bucket; empty where that is S3's own."""
    rules = properties.get("BucketEncryption", {}).get("ServerSideEncryptionConfiguration", [])
    found = [rule.get("ServerSideEncryptionByDefault", {}).get("KMSMasterKeyID") for rule in rules]
    return next((str(one["Fn::GetAtt"][0]) for one in found if isinstance(one, dict) and "Fn::GetAtt" in one), "")
