"""What every bucket of ours is: private, whatever a policy or an object's ACL says."""

from __future__ import annotations

from typing import Any

from troposphere import s3


def properties() -> dict[str, Any]:
    return {
        "OwnershipControls": s3.OwnershipControls(Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]),
        "PublicAccessBlockConfiguration": s3.PublicAccessBlockConfiguration(
            BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
        ),
    }
