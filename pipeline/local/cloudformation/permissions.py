"""Whether the stack's role may do what an operation does to a resource. Without a role it is the caller, who owns the account."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pipeline.access import handlers
from pipeline.access.arns import Placed
from pipeline.local.cloudformation.resources.handler import ResourceError
from pipeline.local.iam import authorize, sessions
from pipeline.local.protocol import AwsError

if TYPE_CHECKING:
    from pipeline.local.cloudformation.stack import Resource, Stack
    from pipeline.local.world import World

SERVICE = "cloudformation.amazonaws.com"


def check(
    world: World, stack: Stack, name: str, resource: Resource, operation: handlers.Operation, *, before: Mapping[str, Any] | None = None
) -> None:
    """`before` are the properties that an update begins with."""
    if not stack.role:
        return
    handled = Placed(
        account=stack.account,
        region=stack.region,
        stack=stack.name,
        name=name,
        type=resource.type,
        properties=resource.properties,
        id=resource.id,
    )
    try:
        # Its page on service roles shows no condition: CloudFormation sends nothing to compare.
        role = sessions.of_service(world, stack.role, SERVICE, "AWSCloudFormation")
        authorize.check(role, handlers.needs(handled, operation, before))
    except AwsError as refused:
        raise ResourceError(f'Resource handler returned message: "{refused.message}" (HandlerErrorCode: AccessDenied)') from refused
