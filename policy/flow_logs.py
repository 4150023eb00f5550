"""What VPC flow logs may do: write to their one log group."""

from __future__ import annotations

from awacs import logs
from awacs.aws import Allow, PolicyDocument, Statement

from policy.trust import VERSION


def delivery(*, log_group: object) -> PolicyDocument:
    """`log_group` is the group's ARN as AWS::Logs::LogGroup returns it, ending in `:*`."""
    return PolicyDocument(
        Version=VERSION,
        Statement=[
            Statement(
                Sid="Write",
                Effect=Allow,
                Action=[logs.CreateLogStream, logs.PutLogEvents, logs.DescribeLogStreams],
                Resource=[log_group],
            )
        ],
    )
