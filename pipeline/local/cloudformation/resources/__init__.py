"""Every resource type that the local CloudFormation knows, in one table. A type that is not here fails its stack by name."""

from __future__ import annotations

from pipeline.local.cloudformation.resources import ec2_access, ec2_network, elbv2
from pipeline.local.cloudformation.resources.handler import Handler

HANDLERS: dict[str, Handler] = {
    **ec2_network.HANDLERS,
    **ec2_access.HANDLERS,
    **elbv2.HANDLERS,
}
