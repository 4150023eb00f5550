"""What moto's ACM lacks: a certificate that a listener uses is not deleted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Patch = Callable[[Any, str, Any], None]


def apply(patch: Patch = setattr) -> None:
    certificates_in_use_are_not_deleted(patch)


def certificates_in_use_are_not_deleted(patch: Patch) -> None:
    """In moto 5.2.5: delete_certificate takes the certificate from under a listener."""
    from moto.acm.models import AWSCertificateManagerBackend as Backend
    from moto.core.exceptions import JsonRESTError
    from moto.elbv2.models import elbv2_backends

    original = Backend.delete_certificate

    def delete_certificate(self: Any, arn: str) -> None:
        balancers = elbv2_backends[self.account_id][self.region_name].load_balancers.values()
        if any(arn in listener.certificates for balancer in balancers for listener in balancer.listeners.values()):
            raise JsonRESTError("ResourceInUseException", f"Certificate {arn} in account {self.account_id} is in use.")
        original(self, arn)

    patch(Backend, "delete_certificate", delete_certificate)
