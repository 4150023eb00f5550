"""Who may write to the pipeline's topic. The pipeline's own role asks for approvals by its own policy."""

from __future__ import annotations

from typing import Any

from awacs import sns
from awacs.aws import PolicyDocument, Principal

from policy.statement import allow, document


def failure_reports(*, topic: Any) -> PolicyDocument:
    """No condition on the rule: EventBridge gives a topic's policy nothing to compare, so its messages would be lost.

    (EventBridge, "Using resource-based policies", Amazon SNS permissions: no Condition blocks.)
    """
    return document(allow("FailureReports", [sns.Publish], topic, Principal=Principal("Service", "events.amazonaws.com")))
