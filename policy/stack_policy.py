"""Stack policies: what an update of a stack may not do, whoever asks for it. Plain documents, because awacs does not know them."""

from __future__ import annotations

from typing import Any

# A replacement of these cuts every client off, or cannot succeed at all: while the old load balancer holds the Elastic IPs, a new
# one is refused them (ResourceInUse: The allocation IDs are not available for use), and a name that is taken is not given twice.
NEVER_REPLACED = (
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::Subnet",
    "AWS::EC2::VPC",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
    "AWS::S3::Bucket",
)
# Not here: subnets (a zone may be given up) and log groups and buckets (they are kept by their DeletionPolicy).
NEVER_DELETED = (
    "AWS::EC2::SecurityGroup",
    "AWS::EC2::VPC",
    "AWS::ECS::Cluster",
    "AWS::ECS::Service",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::KMS::Key",
)
# The target group of the sites. Those of further ports have the port behind the name, and go with it.
SITES_TARGET_GROUP = "LogicalResourceId/TargetGroup"


def document(*, protected: bool) -> dict[str, Any]:
    """A protected stack loses nothing that it holds; the others lose nothing whose loss stops the service."""
    if protected:
        denials = [_statement("Deny", ["Update:Replace", "Update:Delete"])]
    else:
        denials = [
            _statement("Deny", ["Update:Replace"], NEVER_REPLACED),
            _statement("Deny", ["Update:Delete"], NEVER_DELETED),
            _statement("Deny", ["Update:Delete"], resource=SITES_TARGET_GROUP),
        ]
    # A stack that has a policy refuses what the policy does not allow.
    return {"Statement": [_statement("Allow", ["Update:*"]), *denials]}


def _statement(effect: str, actions: list[str], types: tuple[str, ...] = (), resource: str = "*") -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": effect, "Action": actions, "Principal": "*", "Resource": resource}
    if types:
        statement["Condition"] = {"StringEquals": {"ResourceType": list(types)}}
    return statement
