"""What copies of images in other regions need: of CloudFormation, which sets them up, and of the build, which waits for them."""

from __future__ import annotations

from awacs import ecr, iam
from awacs.aws import Condition, Statement, StringEquals

from policy.statement import allow

SERVICE = "replication.ecr.amazonaws.com"


def set_up(*, account: str) -> list[Statement]:
    linked = f"arn:aws:iam::{account}:role/aws-service-role/{SERVICE}/*"
    return [
        # They are about the whole registry and take no resource (Service Authorization Reference).
        allow("AnyResourceReplication", [ecr.DescribeRegistry, ecr.PutReplicationConfiguration], "*"),
        allow("ReplicationRole", [iam.CreateServiceLinkedRole], linked, Condition=Condition(StringEquals("iam:AWSServiceName", SERVICE))),
    ]


def watch(repository: str) -> Statement:
    return allow("SeeCopies", [ecr.DescribeImageReplicationStatus], repository)


def see() -> Statement:
    return allow("AnyResourceReadReplication", [ecr.DescribeRegistry], "*")
