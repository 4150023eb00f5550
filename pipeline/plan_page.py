"""The plan's page where approvers open it, next to the pipeline's artifacts, and beside it what its fingerprint is of, for the gate."""

from __future__ import annotations

import json
from urllib.parse import quote

from pipeline.aws import Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.paths import PLANS
from pipeline.plan import Parts
from pipeline.prepare import Prepared


def publish(aws: Aws, bucket: str, prepared: Prepared, page: str) -> str:
    """Returns a link to the page. One plan is one page: whoever plans the same writes the same."""
    key = _key(prepared.owner, prepared.facts.fingerprint)
    try:
        _put(aws, bucket, f"{key}.json", json.dumps(prepared.parts, indent=2, sort_keys=True), "application/json")
        _put(aws, bucket, f"{key}.html", page, "text/html; charset=utf-8")
    except RefusedError as refused:
        raise PipelineError(
            f"{prepared.owner}: the plan is made, but its page cannot be written to the bucket {bucket}: {refused}. "
            "Without it nobody could read what is to be approved; the role needs s3:PutObject on plans/* and kms:GenerateDataKey"
        ) from refused
    return _link(aws, bucket, f"{key}.html")


def planned(aws: Aws, bucket: str, owner: str, fingerprint: str) -> Parts | None:
    """What the plan with the fingerprint rested on; None where nobody published it."""
    try:
        body: bytes = aws.call("s3", "get_object", Bucket=bucket, Key=f"{_key(owner, fingerprint)}.json")["Body"].read()
        found: Parts = json.loads(body)
    # It only makes a refusal say more, so it must not keep the refusal from being said.
    except (RefusedError, ValueError):
        return None
    return found


def _put(aws: Aws, bucket: str, key: str, text: str, kind: str) -> None:
    aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=text.encode(), ContentType=kind)


def _key(owner: str, fingerprint: str) -> str:
    return f"{PLANS}/{owner}/{fingerprint}"


def _link(aws: Aws, bucket: str, key: str) -> str:
    if aws.target.endpoint:
        return f"{aws.target.endpoint.rstrip('/')}/{bucket}/{quote(key)}"
    # The console asks who is there, and opens the object for whoever may read it.
    return f"https://{aws.region}.console.aws.amazon.com/s3/object/{bucket}?region={aws.region}&prefix={quote(key, safe='')}"
