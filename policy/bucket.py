"""Who may use the bucket of the load balancer's access logs: AWS's log delivery writes, everybody only over TLS."""

from __future__ import annotations

from collections.abc import Callable

from awacs import s3
from awacs.aws import Action, ArnLike, Condition, PolicyDocument, Principal, StringEquals

from policy.statement import allow, document, only_tls


def access_logs(*, within: Callable[[str], object], account: str, region: str) -> PolicyDocument:
    """`within(path)` is the ARN of a path in the bucket. The first two statements are those that AWS documents for an NLB."""
    delivery = Principal("Service", "delivery.logs.amazonaws.com")
    source = ArnLike({"aws:SourceArn": f"arn:aws:logs:{region}:{account}:*"})
    ours = Condition([StringEquals({"aws:SourceAccount": account}), source])
    given = Condition([StringEquals({"aws:SourceAccount": account, "s3:x-amz-acl": "bucket-owner-full-control"}), source])
    return document(
        allow("DeliverCheck", [s3.GetBucketAcl], within(""), Principal=delivery, Condition=ours),
        allow("DeliverWrite", [s3.PutObject], within(f"/AWSLogs/{account}/*"), Principal=delivery, Condition=given),
        only_tls(Action("s3", "*"), within(""), within("/*")),
    )
