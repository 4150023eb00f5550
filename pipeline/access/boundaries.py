"""What the handlers of a role call for its boundary, and which boundary IAM compares in each call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SETS, TAKES = "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"
MANAGED = ("iam:AttachRolePolicy", "iam:DetachRolePolicy")
PROPERTY = "PermissionsBoundary"


def is_idle(action: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """The schema lists what any update might call; what there is nothing for is not called."""
    if action in MANAGED:
        return not (before.get("ManagedPolicyArns") or after.get("ManagedPolicyArns"))
    if action == SETS:
        return PROPERTY not in after
    return action == TAKES and (PROPERTY not in before or PROPERTY in after)


def said(action: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Mapping[str, str]:
    """In the order of the schema's update handler: managed policies, then the boundary, then inline policies.

    So the first are compared with the boundary that the role had, the others with the one that it has then. Nobody documents the order.
    """
    boundary = (before if action in MANAGED or action == TAKES else after).get(PROPERTY)
    return {"iam:permissionsboundary": str(boundary)} if boundary else {}
