"""Where a pipeline keeps its artifacts in one region: an encrypted bucket that forgets, and the key of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from troposphere import GetAtt, Sub, Template, kms, s3

from policy import artifacts as policy
from stacks import private_bucket
from stacks.project import Project

# A stage can be rolled back to an execution of the last year (CodePipeline forgets older ones) only while its source is kept.
DAYS = 365


def bucket_name(project: Project, region: str) -> str:
    """In a region other than the pipeline's. S3's names are the whole world's, hence the account in it."""
    return f"{project.pipeline.project}-artifacts-{project.pipeline.account}-{region}"


def add_key(t: Template, *, description: str, document: object, keep: Mapping[str, str]) -> kms.Key:
    return t.add_resource(kms.Key("ArtifactKey", Description=description, EnableKeyRotation=True, KeyPolicy=document, **keep))


def add_bucket(t: Template, key: kms.Key, *, readers: list[str], keep: Mapping[str, str], **more: Any) -> s3.Bucket:
    """`readers` are roles in other accounts; `more` is what not every bucket has: a name."""
    encryption = s3.ServerSideEncryptionByDefault(SSEAlgorithm="aws:kms", KMSMasterKeyID=GetAtt(key, "Arn"))
    expire = s3.LifecycleRule(
        Status="Enabled",
        ExpirationInDays=DAYS,
        NoncurrentVersionExpiration=s3.NoncurrentVersionExpiration(NoncurrentDays=1),
        AbortIncompleteMultipartUpload=s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=1),
    )
    bucket = t.add_resource(
        s3.Bucket(
            "ArtifactBucket",
            BucketEncryption=s3.BucketEncryption(
                ServerSideEncryptionConfiguration=[
                    # One data key for the bucket instead of one call to KMS for each object.
                    s3.ServerSideEncryptionRule(ServerSideEncryptionByDefault=encryption, BucketKeyEnabled=True)
                ]
            ),
            LifecycleConfiguration=s3.LifecycleConfiguration(Rules=[expire]),
            VersioningConfiguration=s3.VersioningConfiguration(Status="Enabled"),
            **private_bucket.properties(),
            **keep,
            **more,
        )
    )
    document = policy.bucket(bucket=GetAtt(bucket, "Arn"), objects=Sub("${ArtifactBucket.Arn}/*"), readers=readers)
    t.add_resource(s3.BucketPolicy("ArtifactBucketPolicy", Bucket=bucket.ref(), PolicyDocument=document))
    return bucket
