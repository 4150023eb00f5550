"""ECR Public as far as a build needs it: the login. The local engine's docker pulls nothing, so the password opens nothing."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.local.protocol import AwsError, Call, Operation
from pipeline.local.world import World

# ECR Public's endpoint for logins is in one region, whatever the caller's (its user guide, Registry authentication).
REGION = "us-east-1"
HOURS = 12


def get_authorization_token(_world: World, call: Call) -> Mapping[str, Any]:
    if call.region != REGION:
        raise AwsError("UnsupportedCommandException", f"ECR Public gives out logins in {REGION} only: add --region {REGION}")
    token = base64.b64encode(b"AWS:local").decode()
    return {"authorizationData": {"authorizationToken": token, "expiresAt": datetime.now(UTC) + timedelta(hours=HOURS)}}


OPERATIONS: dict[str, Operation] = {"GetAuthorizationToken": get_authorization_token}
