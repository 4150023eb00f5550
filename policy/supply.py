"""What the opt-in parts of the supply chain need: of CloudFormation, which sets them up, and of the build, which uses them."""

from __future__ import annotations

from typing import Any

from awacs import ecr, iam, signer
from awacs.aws import Allow, Condition, Statement, StringEquals

from policy.statement import allow


def set_up_cache(*, account: str) -> list[Statement]:
    return [
        # These take no resource (Service Authorization Reference).
        allow(
            "AnyResourceCacheRules",
            [ecr.CreatePullThroughCacheRule, ecr.DeletePullThroughCacheRule, ecr.DescribePullThroughCacheRules],
            "*",
        ),
        Statement(
            Sid="CacheRole",
            Effect=Allow,
            Action=[iam.CreateServiceLinkedRole],
            Resource=[f"arn:aws:iam::{account}:role/aws-service-role/pullthroughcache.ecr.amazonaws.com/*"],
            Condition=Condition(StringEquals("iam:AWSServiceName", "pullthroughcache.ecr.amazonaws.com")),
        ),
    ]


def set_up_signing(*, where: str) -> list[Statement]:
    """No CancelSigningProfile: what a profile signed is valid as long as it is there."""
    return [
        # These take no resource (Service Authorization Reference).
        allow(
            "AnyResourceSigningConfiguration",
            [ecr.DeleteSigningConfiguration, ecr.GetSigningConfiguration, ecr.PutSigningConfiguration, signer.PutSigningProfile],
            "*",
        ),
        allow(
            "SigningProfiles",
            [signer.GetSigningProfile, signer.ListTagsForResource, signer.TagResource, signer.UntagResource],
            f"arn:aws:signer:{where}:/signing-profiles/*",
        ),
    ]


def pull_through(repositories: str) -> Statement:
    """The first pull of an image makes its repository, and every pull looks whether there is a newer one."""
    return allow(
        "PullThrough",
        [
            ecr.BatchCheckLayerAvailability,
            ecr.BatchGetImage,
            ecr.BatchImportUpstreamImage,
            ecr.CreateRepository,
            ecr.GetDownloadUrlForLayer,
        ],
        repositories,
    )


def sign(profile: Any, repository: str) -> list[Statement]:
    """ECR signs what is pushed as whoever pushes it (Amazon ECR, Managed signing)."""
    return [allow("Sign", [signer.SignPayload], profile), allow("SeeSignature", [ecr.DescribeImageSigningStatus], repository)]


def see_cache() -> Statement:
    return allow("AnyResourceReadCacheRules", [ecr.DescribePullThroughCacheRules], "*")


def see_signing(*, where: str) -> list[Statement]:
    return [
        allow("AnyResourceReadSigning", [ecr.GetSigningConfiguration], "*"),
        allow("ReadSigningProfiles", [signer.GetSigningProfile], f"arn:aws:signer:{where}:/signing-profiles/*"),
    ]
