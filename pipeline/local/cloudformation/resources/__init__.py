"""Every resource type that the local CloudFormation knows, in one table. A type that is not here fails its stack by name."""

from __future__ import annotations

from pipeline.local.cloudformation.resources import (
    certificate,
    chat,
    delivery,
    ec2_access,
    ec2_network,
    ecs,
    elbv2,
    hook,
    iam,
    messages,
    monitoring,
    registry,
    scaling,
    signing,
    storage,
)
from pipeline.local.cloudformation.resources.handler import Handler

_SERVICES = (
    certificate,
    chat,
    delivery,
    ec2_access,
    ec2_network,
    ecs,
    elbv2,
    hook,
    iam,
    messages,
    monitoring,
    registry,
    scaling,
    signing,
    storage,
)

HANDLERS: dict[str, Handler] = {name: handler for service in _SERVICES for name, handler in service.HANDLERS.items()}
