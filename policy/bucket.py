"""Who may use the bucket of the load balancer's access logs: AWS's log delivery writes, everybody only over TLS."""

from __future__ import annotations

from collections.abc import Callable

from awacs import s3
from awacs.aws import Action, Allow, ArnLike, Bool, Condition, Deny, PolicyDocument, Principal, Statement, StringEquals

from policy.trust import VERSION


def access_logs(*, within: Callable[[str], object], account: str, region: str) -> PolicyDocument:
    """`within(path)` is the ARN of a path in the bucket. The first two statements are those that AWS documents for an NLB."""
    delivery = Principal("Service", "delivery.logs.amazonaws.com")
    source = ArnLike({"aws:SourceArn": f"arn:aws:logs:{region}:{account}:*"})
    return PolicyDocument(
        Version=VERSION,
        Statement=[
            Statement(
                Sid="DeliverCheck",
                Effect=Allow,
                Principal=delivery,
                Action=[s3.GetBucketAcl],
                Resource=[within("")],
                Condition=Condition([StringEquals({"aws:SourceAccount": account}), source]),
            ),
            Statement(
                Sid="DeliverWrite",
                Effect=Allow,
                Principal=delivery,
                Action=[s3.PutObject],
                Resource=[within(f"/AWSLogs/{account}/*")],
                Condition=Condition([StringEquals({"aws:SourceAccount": account, "s3:x-amz-acl": "bucket-owner-full-control"}), source]),
            ),
            Statement(
                Sid="OnlyTls",
                Effect=Deny,
                Principal=Principal("*"),
                Action=[Action("s3", "*")],
                Resource=[within(""), within("/*")],
                Condition=Condition(Bool({"aws:SecureTransport": "false"})),
            ),
        ],
    )
