"""What moto's S3 gets wrong: a statement of a bucket policy that has a condition is taken as if it had none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

Patch = Callable[[Any, str, Any], None]


def apply(patch: Patch = setattr) -> None:
    conditions_are_part_of_a_policy(patch)


def conditions_are_part_of_a_policy(patch: Patch) -> None:
    """In moto 5.2.5: "deny what comes without TLS" denies everything. Conditions are recorded here, not enforced: there is no TLS."""
    from moto.iam.access_control import IAMPolicy, PermissionResult
    from moto.s3.models import FakeBucket

    def get_permission(self: Any, action: str, resource: str) -> Any:
        if self.policy is None:
            return PermissionResult.NEUTRAL
        document = json.loads(self.policy)
        statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        unconditional = [statement for statement in statements if not statement.get("Condition")]
        return IAMPolicy(json.dumps(document | {"Statement": unconditional})).is_action_permitted(action, resource)

    patch(FakeBucket, "get_permission", get_permission)
