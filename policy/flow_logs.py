"""What VPC flow logs may do: write to their one log group."""

from __future__ import annotations

from awacs import logs
from awacs.aws import PolicyDocument

from policy.statement import allow, document


def delivery(*, log_group: object) -> PolicyDocument:
    """`log_group` is the group's ARN as AWS::Logs::LogGroup returns it, ending in `:*`."""
    return document(allow("Write", [logs.CreateLogStream, logs.PutLogEvents, logs.DescribeLogStreams], log_group))
