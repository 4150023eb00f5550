"""What moto's EC2 lacks: the account's own lock on the Internet. It is only recorded: the data plane does not obey it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

Patch = Callable[[Any, str, Any], None]


def apply(patch: Patch = setattr) -> None:
    public_access_can_be_blocked(patch)


def public_access_can_be_blocked(patch: Patch) -> None:
    """In moto 5.2.5: there is none of these calls."""
    from moto.core.responses import ActionResult
    from moto.ec2.responses import EC2Response as Response

    def describe_vpc_block_public_access_options(self: Any) -> Any:
        return ActionResult({"VpcBlockPublicAccessOptions": _options(self)})

    def modify_vpc_block_public_access_options(self: Any) -> Any:
        options = _options(self)
        options.update(InternetGatewayBlockMode=self._get_param("InternetGatewayBlockMode"), State="update-complete")
        return ActionResult({"VpcBlockPublicAccessOptions": options})

    def create_vpc_block_public_access_exclusion(self: Any) -> Any:
        kind, name = ("vpc", self._get_param("VpcId")) if self._get_param("VpcId") else ("subnet", self._get_param("SubnetId"))
        exclusion = {
            "ExclusionId": f"vpcbpa-exclude-{uuid.uuid4().hex[:17]}",
            "InternetGatewayExclusionMode": self._get_param("InternetGatewayExclusionMode"),
            "ResourceArn": f"arn:aws:ec2:{self.region}:{self.current_account}:{kind}/{name}",
            "State": "create-complete",
        }
        _kept(self)["exclusions"].append(exclusion)
        return ActionResult({"VpcBlockPublicAccessExclusion": exclusion})

    def describe_vpc_block_public_access_exclusions(self: Any) -> Any:
        return ActionResult({"VpcBlockPublicAccessExclusions": _kept(self)["exclusions"]})

    for answer in (
        describe_vpc_block_public_access_options,
        modify_vpc_block_public_access_options,
        create_vpc_block_public_access_exclusion,
        describe_vpc_block_public_access_exclusions,
    ):
        patch(Response, answer.__name__, answer)


def _kept(response: Any) -> dict[str, Any]:
    """With everything else of the account and region."""
    kept: dict[str, Any] = vars(response.ec2_backend).setdefault("block_public_access", {"mode": {}, "exclusions": []})
    return kept


def _options(response: Any) -> dict[str, Any]:
    options: dict[str, Any] = _kept(response)["mode"]
    if not options:
        options.update(
            AwsAccountId=response.current_account,
            AwsRegion=response.region,
            State="default-state",
            InternetGatewayBlockMode="off",
            ExclusionsAllowed="allowed",
        )
    return options
