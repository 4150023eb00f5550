"""A template on its way to CloudFormation: in the call, or, where it is too long for one, in a bucket that exists as long as the call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipeline.aws import Aws, RefusedError
from pipeline.errors import PipelineError

BODY_LIMIT = 51_200
# Somebody else is on the same way, or a bucket's deletion is not known everywhere yet.
PASSING = ("BucketNotEmpty", "NoSuchBucket", "OperationAborted")


@contextmanager
def handed_over(aws: Aws, stack: str, request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The request as CloudFormation takes it. The template is read while it answers, so nothing of this has to stay.

    The names are always the same: what a killed run left is used, and taken away, by the next.
    """
    text = request.get("TemplateBody", "")
    if len(text.encode()) <= BODY_LIMIT:
        yield request
        return
    # The artifact bucket is made by one of these templates, and another account's stacks could not be read from it.
    bucket, key = f"kotei-templates-{aws.account}-{aws.region}", f"{stack}.json"
    _make(aws, bucket)
    aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=text.encode(), ExpectedBucketOwner=aws.account)
    try:
        plain = {name: value for name, value in request.items() if name != "TemplateBody"}
        yield {**plain, "TemplateURL": f"https://{bucket}.s3.{aws.region}.amazonaws.com/{key}"}
    finally:
        _remove(aws, bucket, key)


def _make(aws: Aws, bucket: str) -> None:
    # us-east-1 is the one region that must not be named. A new bucket is private and encrypted without being told.
    where = {} if aws.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": aws.region}}
    try:
        aws.call("s3", "create_bucket", Bucket=bucket, **where)
    except RefusedError as refused:
        if refused.code == "BucketAlreadyExists":
            text = f"the bucket {bucket}, which a long template needs for a moment, belongs to somebody else"
            raise PipelineError(f"{text}; see whose it is: aws s3api head-bucket --bucket {bucket}") from refused
        if refused.code != "BucketAlreadyOwnedByYou":
            raise


def _remove(aws: Aws, bucket: str, key: str) -> None:
    try:
        aws.call("s3", "delete_object", Bucket=bucket, Key=key)
        aws.call("s3", "delete_bucket", Bucket=bucket)
    except RefusedError as refused:
        if refused.code not in PASSING:
            raise
