"""Who may write to the pipeline's topic. The pipeline's own role asks for approvals by its own policy."""

from __future__ import annotations

from typing import Any

from awacs import sns
from awacs.aws import Allow, PolicyDocument, Principal, Statement


def failure_reports(*, topic: Any) -> PolicyDocument:
    """No condition on the rule: EventBridge gives a topic's policy nothing to compare, so its messages would be lost.

    (EventBridge, "Using resource-based policies", Amazon SNS permissions: no Condition blocks.)
    """
    return PolicyDocument(
        Version="2012-10-17",
        Statement=[
            Statement(
                Sid="FailureReports",
                Effect=Allow,
                Principal=Principal("Service", "events.amazonaws.com"),
                Action=[sns.Publish],
                Resource=[topic],
            )
        ],
    )
