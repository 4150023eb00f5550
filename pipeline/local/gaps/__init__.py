"""What moto lacks, one named function a gap, each with the moto version it was seen in."""

from __future__ import annotations

import functools
from types import ModuleType


def services() -> tuple[ModuleType, ...]:
    """The modules that mend one, in the order in which they are applied."""
    from pipeline.local.gaps import (
        acm,
        addresses,
        boundaries,
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
        signing,
    )

    return (
        addresses,
        acm,
        boundaries,
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
        signing,
    )


@functools.cache
def apply() -> None:
    """Mend this process's moto, once."""
    for service in services():
        service.apply()
