"""What moto's IAM lacks: a permissions boundary is a policy that there is."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

Patch = Callable[[Any, str, Any], None]


def apply(patch: Patch = setattr) -> None:
    boundaries_exist(patch)


def boundaries_exist(patch: Patch) -> None:
    """In moto 5.2.5: create_role and put_role_permissions_boundary take the ARN of a policy that is not there."""
    from moto.iam.models import IAMBackend as Backend

    signature = inspect.signature(Backend.create_role)
    create, put = Backend.create_role, Backend.put_role_permissions_boundary

    def create_role(self: Any, *arguments: Any, **given: Any) -> Any:
        _refuse_unknown(self, signature.bind(self, *arguments, **given).arguments["permissions_boundary"])
        return create(self, *arguments, **given)

    def put_role_permissions_boundary(self: Any, role_name: str, permissions_boundary: str) -> None:
        _refuse_unknown(self, permissions_boundary)
        put(self, role_name, permissions_boundary)

    patch(Backend, "create_role", create_role)
    patch(Backend, "put_role_permissions_boundary", put_role_permissions_boundary)


def _refuse_unknown(backend: Any, policy: str | None) -> None:
    from moto.iam.exceptions import NotFoundException

    if policy and policy not in backend.managed_policies:
        raise NotFoundException(f"Scope ARN: {policy} does not exist or is not attachable.")
