"""What moto's Service Quotas lacks: quotas of other services than VPC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pipeline.local.gaps.ec2 import ADDRESS_QUOTA

Patch = Callable[[Any, str, Any], None]

# What an account has that never asked for more (docs.aws.amazon.com/general/latest/gr: ec2-service, elb, ecs-service).
DEFAULTS: dict[tuple[str, str], tuple[str, float]] = {
    ("ec2", "L-0263D0A3"): ("EC2-VPC Elastic IPs", float(ADDRESS_QUOTA)),
    ("elasticloadbalancing", "L-69A177A2"): ("Network Load Balancers per Region", 50.0),
    ("fargate", "L-3032A538"): ("Fargate On-Demand vCPU resource count", 6.0),
}


def apply(patch: Patch = setattr) -> None:
    quotas_of_other_services(patch)


def quotas_of_other_services(patch: Patch) -> None:
    """In moto 5.2.5: GetServiceQuota knows VPC's quotas only."""
    from moto.servicequotas.models import ServiceQuotasBackend as Backend

    original = Backend.get_service_quota

    def get_service_quota(self: Any, service_code: str, quota_code: str) -> dict[str, Any]:
        known = DEFAULTS.get((service_code, quota_code))
        if known is None:
            found: dict[str, Any] = original(self, service_code, quota_code)
            return found
        name, value = known
        return {
            "ServiceCode": service_code,
            "QuotaCode": quota_code,
            "QuotaName": name,
            "QuotaArn": f"arn:aws:servicequotas:{self.region_name}:{self.account_id}:{service_code}/{quota_code}",
            "Value": value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }

    patch(Backend, "get_service_quota", get_service_quota)
