"""What CloudFormation needs for scaling, logs, alarms, topics, buckets, keys and certificates."""

from __future__ import annotations

from awacs import acm, application_autoscaling, cloudwatch, iam, kms, logs, route53, s3, sns
from awacs.aws import Allow, Condition, Statement, StringEquals

from policy.statement import allow, by_name


def scaling(where: str) -> list[Statement]:
    return [
        # A scalable target has an id that AWS makes, so no name can bound it.
        allow(
            "Scaling",
            [
                application_autoscaling.DeleteScalingPolicy,
                application_autoscaling.DeregisterScalableTarget,
                application_autoscaling.ListTagsForResource,
                application_autoscaling.PutScalingPolicy,
                application_autoscaling.RegisterScalableTarget,
                application_autoscaling.TagResource,
                application_autoscaling.UntagResource,
            ],
            f"arn:aws:application-autoscaling:{where}:scalable-target/*",
        ),
        # All but the alarms take no resource.
        allow(
            "AnyResourceScalingReads",
            [
                application_autoscaling.DescribeScalableTargets,
                application_autoscaling.DescribeScalingPolicies,
                application_autoscaling.DescribeScheduledActions,
                # Target tracking and deployments look alarms up; a look-up that names none is compared with every alarm.
                cloudwatch.DescribeAlarms,
                cloudwatch.GetMetricData,
            ],
            "*",
        ),
    ]


def service_linked_roles(account: str) -> Statement:
    """AWS makes these once for an account, when the first thing of the kind is made."""
    services = ["ecs.amazonaws.com", "ecs.application-autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com"]
    return Statement(
        Sid="ServiceLinkedRoles",
        Effect=Allow,
        Action=[iam.CreateServiceLinkedRole],
        Resource=[f"arn:aws:iam::{account}:role/aws-service-role/*"],
        Condition=Condition(StringEquals("iam:AWSServiceName", services)),
    )


def log_groups(where: str, group: str, *, metric_filters: bool) -> Statement:
    filters = [logs.DeleteMetricFilter, logs.DescribeMetricFilters, logs.PutMetricFilter] if metric_filters else []
    return allow(
        "Logs",
        [
            logs.CreateLogGroup,
            logs.DeleteLogGroup,
            logs.DeleteRetentionPolicy,
            logs.GetDataProtectionPolicy,
            logs.ListTagsForResource,
            logs.PutRetentionPolicy,
            logs.TagResource,
            logs.UntagResource,
            *filters,
        ],
        f"arn:aws:logs:{where}:log-group:{group}",
    )


def log_reads() -> Statement:
    # DescribeLogGroups is asked for every group of the region; the other two take no resource.
    return allow("AnyResourceLogReads", [logs.DescribeIndexPolicies, logs.DescribeLogGroups, logs.DescribeResourcePolicies], "*")


def saved_queries() -> Statement:
    # These take no resource (Service Authorization Reference).
    return allow("AnyResourceSavedQueries", [logs.DeleteQueryDefinition, logs.DescribeQueryDefinitions, logs.PutQueryDefinition], "*")


def log_delivery() -> Statement:
    """For the load balancer's access logs and the VPC's flow logs: whoever turns them on sets up their delivery."""
    # These take no resource (CloudWatch Logs, "Enabling logging from AWS services", logs sent to Amazon S3).
    return allow(
        "AnyResourceLogDelivery",
        [logs.CreateLogDelivery, logs.DeleteLogDelivery, logs.GetLogDelivery, logs.ListLogDeliveries, logs.UpdateLogDelivery],
        "*",
    )


def alarms(where: str, account: str, prefix: str) -> list[Statement]:
    return [
        allow(
            "Alarms",
            [
                cloudwatch.DeleteAlarms,
                cloudwatch.DescribeAlarms,
                cloudwatch.ListTagsForResource,
                cloudwatch.PutMetricAlarm,
                cloudwatch.TagResource,
                cloudwatch.UntagResource,
            ],
            f"arn:aws:cloudwatch:{where}:alarm:{prefix}-*",
            # Target tracking names its alarms itself.
            f"arn:aws:cloudwatch:{where}:alarm:TargetTracking-service/{prefix}/*",
        ),
        allow(
            "Dashboard",
            [
                cloudwatch.DeleteDashboards,
                cloudwatch.GetDashboard,
                cloudwatch.ListTagsForResource,
                cloudwatch.PutDashboard,
                # The stack's tags, which CloudFormation gives to a dashboard too.
                cloudwatch.TagResource,
                cloudwatch.UntagResource,
            ],
            f"arn:aws:cloudwatch::{account}:dashboard/{prefix}",
        ),
    ]


def topics(where: str, prefix: str) -> Statement:
    return allow(
        "Topics",
        [
            sns.CreateTopic,
            sns.DeleteTopic,
            sns.GetDataProtectionPolicy,
            sns.GetSubscriptionAttributes,
            sns.GetTopicAttributes,
            sns.ListSubscriptionsByTopic,
            sns.ListTagsForResource,
            sns.SetSubscriptionAttributes,
            sns.SetTopicAttributes,
            sns.Subscribe,
            sns.TagResource,
            sns.Unsubscribe,
            sns.UntagResource,
        ],
        f"arn:aws:sns:{where}:{prefix}-*",
    )


# What both a deployment and a look for drift read of a bucket.
BUCKET_READS = (
    s3.GetAccelerateConfiguration,
    s3.GetAnalyticsConfiguration,
    s3.GetBucketCORS,
    s3.GetBucketLogging,
    s3.GetBucketNotification,
    s3.GetBucketObjectLockConfiguration,
    s3.GetBucketOwnershipControls,
    s3.GetBucketPolicy,
    s3.GetBucketPublicAccessBlock,
    s3.GetBucketTagging,
    s3.GetBucketVersioning,
    s3.GetBucketWebsite,
    s3.GetEncryptionConfiguration,
    s3.GetIntelligentTieringConfiguration,
    s3.GetInventoryConfiguration,
    s3.GetLifecycleConfiguration,
    s3.GetMetricsConfiguration,
    s3.GetReplicationConfiguration,
    s3.ListBucket,
    s3.ListTagsForResource,
)


def buckets(prefix: str) -> Statement:
    """Never an object and no DeleteBucket: what is stored outlives its stack."""
    more = [
        s3.CreateBucket,
        s3.DeleteBucketPolicy,
        s3.GetBucketAcl,
        s3.PutBucketOwnershipControls,
        s3.PutBucketPolicy,
        s3.PutBucketPublicAccessBlock,
        s3.PutBucketTagging,
        s3.PutBucketVersioning,
        s3.PutEncryptionConfiguration,
        s3.PutLifecycleConfiguration,
        s3.TagResource,
        s3.UntagResource,
    ]
    return allow("Buckets", by_name(*BUCKET_READS, *more), f"arn:aws:s3:::{prefix}-*")


def keys(where: str) -> list[Statement]:
    """No ScheduleKeyDeletion. Not bound by tag: KMS takes up to five minutes to see a new key's tags (its guide, ABAC)."""
    return [
        # What it makes has no name yet, so CreateKey takes no resource.
        allow("AnyResourceCreateKeys", [kms.CreateKey], "*"),
        allow(
            "Keys",
            [
                kms.DescribeKey,
                kms.EnableKeyRotation,
                kms.GetKeyPolicy,
                kms.GetKeyRotationStatus,
                kms.ListResourceTags,
                kms.PutKeyPolicy,
                kms.TagResource,
                kms.UntagResource,
                kms.UpdateKeyDescription,
            ],
            f"arn:aws:kms:{where}:key/*",
        ),
    ]


def certificates(where: str) -> list[Statement]:
    return [
        # What it makes has no name yet, so RequestCertificate takes no resource.
        allow("AnyResourceRequestCertificates", [acm.RequestCertificate], "*"),
        allow(
            "Certificates",
            [
                acm.AddTagsToCertificate,
                acm.DeleteCertificate,
                acm.DescribeCertificate,
                acm.ListTagsForCertificate,
                acm.RemoveTagsFromCertificate,
                acm.UpdateCertificateOptions,
            ],
            f"arn:aws:acm:{where}:certificate/*",
        ),
    ]


def certificate_records(hosted_zone: str | None) -> list[Statement]:
    """None: the environment uses a certificate that is there already."""
    if hosted_zone is None:
        return []
    return [allow("ValidateCertificates", [route53.ChangeResourceRecordSets], f"arn:aws:route53:::hostedzone/{hosted_zone}")]
