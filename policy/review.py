"""What the review of a pull request may do: fetch its source and write its log. Whatever it may do, the code of the pull request may do."""

from __future__ import annotations

from typing import Any

from awacs import codeconnections, codestar_connections, logs
from awacs.aws import PolicyDocument

from policy.statement import allow, document


def review(*, log_group: Any, connection: Any) -> PolicyDocument:
    # CodeBuild tries the connection as this role already when the project is made, and needs all three (aws/aws-cdk#38504). It
    # checks both names, whichever prefix the ARN has.
    fetch = [
        codeconnections.GetConnection,
        codeconnections.GetConnectionToken,
        codeconnections.UseConnection,
        codestar_connections.GetConnection,
        codestar_connections.GetConnectionToken,
        codestar_connections.UseConnection,
    ]
    return document(
        allow("WriteLog", [logs.CreateLogStream, logs.PutLogEvents], log_group),
        allow("FetchSource", fetch, connection),
    )
