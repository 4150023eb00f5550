"""What moto lacks, one named function a gap, each with the moto version it was seen in."""

from __future__ import annotations

import functools


@functools.cache
def apply() -> None:
    """Mend this process's moto, once."""
    from pipeline.local.gaps import (
        acm,
        addresses,
        cloudwatch,
        ec2,
        ecr,
        ecs,
        elbv2,
        elbv2_listeners,
        linked_roles,
        logs,
        public_access,
        quotas,
        s3,
    )

    for service in (addresses, acm, cloudwatch, ec2, ecr, ecs, elbv2, elbv2_listeners, linked_roles, logs, public_access, quotas, s3):
        service.apply()
