"""What the hook needs that holds stacks to the house rules, and those who set it up and feed it."""

from __future__ import annotations

from typing import Any

from awacs import cloudformation, s3
from awacs.aws import PolicyDocument, Statement

from policy.statement import allow, document

SERVICE = "hooks.cloudformation.amazonaws.com"


def reader(*, bucket: Any, objects: Any) -> PolicyDocument:
    """The hook reads the rules each time that it is asked (CloudFormation Hooks guide, Prepare to create a Guard Hook)."""
    return document(allow("FindRules", [s3.ListBucket], bucket), allow("ReadRules", [s3.GetObject, s3.GetObjectVersion], objects))


def publish(objects: Any) -> Statement:
    return allow("PublishRules", [s3.PutObject], objects)


def set_up() -> Statement:
    """No DeactivateType: nobody but a person turns the hook off."""
    # These take no resource that has a name before it is made (Service Authorization Reference).
    return allow(
        "AnyResourceHookTypes",
        [
            cloudformation.ActivateType,
            cloudformation.BatchDescribeTypeConfigurations,
            cloudformation.DescribeType,
            cloudformation.ListTypes,
            cloudformation.SetTypeConfiguration,
        ],
        "*",
    )


def see() -> Statement:
    return allow("AnyResourceReadHooks", [cloudformation.BatchDescribeTypeConfigurations, cloudformation.DescribeType], "*")
