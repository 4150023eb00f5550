"""A signed request as operation and parameters, whatever protocol it speaks."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

from pipeline.local import wire
from pipeline.local.iam.requests import Asked, UnknownRequestError

if TYPE_CHECKING:
    from werkzeug.wrappers import Request

# Signing name -> botocore's name of the service.
MODELS = {"elasticloadbalancing": "elbv2", "monitoring": "cloudwatch"}
S3_OBJECT = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject", "DELETE": "DeleteObject"}


def asked(request: Request, signed: wire.Signature, account: str) -> Asked:
    operation, params = _s3(request) if signed.service == "s3" else _modelled(request, signed.service)
    return Asked(service=signed.service, operation=operation, params=params, account=account, region=signed.region)


def _modelled(request: Request, service: str) -> tuple[str, dict[str, Any]]:
    operation = wire.operation_name(request)
    if not operation:
        raise UnknownRequestError(f"{service}: {request.method} {request.path}")
    return operation, wire.parse(MODELS.get(service, service), operation, request)


def _s3(request: Request) -> tuple[str, dict[str, Any]]:
    """Path style only: the endpoint is an address. The names are those of IAM's actions, which are not always the API's."""
    bucket, _, key = urllib.parse.unquote(request.path).lstrip("/").partition("/")
    if key:
        if set(request.args) - {"versionId", "x-id", "partNumber", "uploadId"}:
            raise UnknownRequestError(f"s3: {request.method} of an object's {', '.join(request.args)}")
        return S3_OBJECT[request.method], {"Bucket": bucket, "Key": key, "ACL": request.headers.get("x-amz-acl")}
    if request.method in ("GET", "HEAD") and not set(request.args) - {"list-type", "prefix", "delimiter", "max-keys", "continuation-token"}:
        return "ListBucket", {"Bucket": bucket}
    if request.method == "GET" and "location" in request.args:
        return "GetBucketLocation", {"Bucket": bucket}
    raise UnknownRequestError(f"s3: {request.method} of a bucket's {', '.join(request.args) or 'self'}")
