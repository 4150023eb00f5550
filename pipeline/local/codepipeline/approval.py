"""The manual approval action: a token, a notice, and waiting for PutApprovalResult or the timeout."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from pipeline.local.codepipeline import records
from pipeline.local.codepipeline.action import Action, ActionFailedError, Result, known_keys
from pipeline.local.iam import sessions

KEYS = frozenset({"CustomData", "ExternalEntityLink", "NotificationArn"})
# CodePipeline's default: seven days.
DEFAULT_TIMEOUT_MINUTES = 7 * 24 * 60


def manual(action: Action) -> Result:
    known_keys(action, KEYS)
    token = action.record().get("token")
    if token is None:
        token = records.new_id()
        action.note(token=token, summary="")
        _notify(action, token)
    deadline = datetime.fromisoformat(action.record()["startTime"]) + timedelta(
        minutes=action.declaration.get("timeoutInMinutes", DEFAULT_TIMEOUT_MINUTES)
    )
    while (decision := action.record().get("decision")) is None:
        if action.world.clock() >= deadline:
            raise ActionFailedError("nobody approved or rejected before the action timed out", code="ApprovalTimedOut", summary="timed out")
        action.wait(min(60.0, max(0.05, (deadline - action.world.clock()).total_seconds())))
    if decision["status"] == "Rejected":
        raise ActionFailedError(f"rejected: {decision['summary']}", code="Rejected", summary=decision["summary"])
    return Result(summary=decision["summary"])


def _notify(action: Action, token: str) -> None:
    topic = action.configuration.get("NotificationArn")
    if not topic:
        return
    message = {
        "region": action.region,
        "approval": {
            "pipelineName": action.pipeline["name"],
            "stageName": action.stage,
            "actionName": action.name,
            "token": token,
            "customData": action.configuration.get("CustomData"),
            "externalEntityLink": action.configuration.get("ExternalEntityLink"),
        },
    }
    subject = f"APPROVAL NEEDED: AWS CodePipeline {action.pipeline['name']} for action {action.name}"
    sessions.client(action.world, action.role, "sns").publish(TopicArn=topic, Subject=subject[:100], Message=json.dumps(message))
