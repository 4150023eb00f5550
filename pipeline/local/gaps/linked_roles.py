"""What moto's IAM lacks: service-linked roles have the names that AWS gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Patch = Callable[[Any, str, Any], None]

# Each service's guide, using service-linked roles.
NAMES = {
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    "ecs.application-autoscaling.amazonaws.com": "AWSServiceRoleForApplicationAutoScaling_ECSService",
}


def apply(patch: Patch = setattr) -> None:
    linked_roles_have_their_names(patch)


def linked_roles_have_their_names(patch: Patch) -> None:
    """In moto 5.2.5: create_service_linked_role makes AWSServiceRoleForecs, and makes it twice."""
    from moto.iam.exceptions import InvalidInput
    from moto.iam.models import IAMBackend as Backend

    original = Backend.create_role

    def create_role(self: Any, role_name: str, *arguments: Any, **given: Any) -> Any:
        name = NAMES.get(given.get("linked_service") or "", role_name)
        if name != role_name and any(role.name == name for role in self.roles.values()):
            raise InvalidInput(f"Service role name {name} has been taken in this account, please try a different suffix.")
        return original(self, name, *arguments, **given)

    patch(Backend, "create_role", create_role)
