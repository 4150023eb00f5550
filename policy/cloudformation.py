"""What CloudFormation may do when the pipeline hands it a template: the resource types of our stacks, by name where AWS lets us.

Whatever is said here, no CloudFormation role of ours can give a fixed address away.
"""

from __future__ import annotations

from typing import Any

from awacs import (
    acm,
    application_autoscaling,
    cloudwatch,
    codebuild,
    codeconnections,
    codepipeline,
    ec2,
    ecr,
    ecs,
    elasticloadbalancing,
    events,
    iam,
    kms,
    logs,
    route53,
    s3,
    sns,
)
from awacs.aws import Allow, Condition, Deny, PolicyDocument, Statement, StringEquals, StringLike

# Services that a role of an environment may be given to.
PASSED_TO_TASKS = ("ecs-tasks.amazonaws.com", "vpc-flow-logs.amazonaws.com")
PASSED_TO_DELIVERY = ("codepipeline.amazonaws.com", "codebuild.amazonaws.com", "cloudformation.amazonaws.com")

# An address that is released is gone: nobody can promise to get it back. The balancer's own change of zones needs neither.
KEEP_ADDRESSES = Statement(
    Sid="KeepAddresses",
    Effect=Deny,
    Action=[ec2.ReleaseAddress, ec2.DisassociateAddress, ec2.DisableAddressTransfer, ec2.EnableAddressTransfer],
    Resource=["*"],
)


def environment(*, account: str, region: str, project: str, name: str) -> PolicyDocument:
    """`name` is the environment: what it owns is called `<project>-<name>-...`."""
    prefix = f"{project}-{name}"
    where = f"{region}:{account}"
    return PolicyDocument(
        Version="2012-10-17",
        Statement=[
            _network(region),
            _network_reads(),
            _balancer(where),
            _balancer_reads(),
            _allow(
                "Cluster",
                [
                    ecs.CreateCluster,
                    ecs.DeleteCluster,
                    ecs.UpdateCluster,
                    ecs.PutClusterCapacityProviders,
                    ecs.DescribeClusters,
                    ecs.TagResource,
                    ecs.UntagResource,
                ],
                f"arn:aws:ecs:{where}:cluster/{prefix}",
            ),
            _allow(
                "Service",
                [
                    ecs.CreateService,
                    ecs.UpdateService,
                    ecs.DeleteService,
                    ecs.DescribeServices,
                    ecs.DescribeServiceDeployments,
                    ecs.ListServiceDeployments,
                    ecs.TagResource,
                    ecs.UntagResource,
                ],
                f"arn:aws:ecs:{where}:service/{prefix}/*",
                f"arn:aws:ecs:{where}:service-deployment/{prefix}/*",
            ),
            _allow(
                "TagTaskDefinitions",
                [ecs.TagResource, ecs.UntagResource, ecs.RegisterTaskDefinition, ecs.DeleteTaskDefinitions],
                f"arn:aws:ecs:{where}:task-definition/*",
            ),
            # ecs:DeregisterTaskDefinition and ecs:DescribeTaskDefinition take no resource.
            _allow("TaskDefinitions", [ecs.DeregisterTaskDefinition, ecs.DescribeTaskDefinition], "*"),
            _scaling(where),
            # application-autoscaling's Describe* take no resource.
            _allow(
                "ScalingReads",
                [
                    application_autoscaling.DescribeScalableTargets,
                    application_autoscaling.DescribeScalingPolicies,
                    application_autoscaling.DescribeScheduledActions,
                ],
                "*",
            ),
            _roles(account, prefix),
            _pass_roles(account, prefix, PASSED_TO_TASKS),
            _service_linked_roles(account),
            *_logs(where, f"/{project}/{name}/*"),
            *_alarms(where, account, prefix),
            _topics(where, prefix),
            _buckets(prefix),
            *_certificates(where),
            KEEP_ADDRESSES,
        ],
    )


def shared(*, account: str, region: str, project: str) -> PolicyDocument:
    """For the registry, the connection and the pipeline's own stack, whose names begin with the project's."""
    where = f"{region}:{account}"
    return PolicyDocument(
        Version="2012-10-17",
        Statement=[
            _allow(
                "Registry",
                [
                    ecr.CreateRepository,
                    ecr.DescribeRepositories,
                    ecr.PutImageTagMutability,
                    ecr.PutImageScanningConfiguration,
                    ecr.PutLifecyclePolicy,
                    ecr.GetLifecyclePolicy,
                    ecr.DeleteLifecyclePolicy,
                    ecr.SetRepositoryPolicy,
                    ecr.GetRepositoryPolicy,
                    ecr.DeleteRepositoryPolicy,
                    ecr.ListTagsForResource,
                    ecr.TagResource,
                    ecr.UntagResource,
                ],
                f"arn:aws:ecr:{where}:repository/{project}/*",
            ),
            _allow(
                "Connection",
                [
                    codeconnections.GetConnection,
                    codeconnections.ListTagsForResource,
                    codeconnections.TagResource,
                    codeconnections.UntagResource,
                    codeconnections.PassConnection,
                ],
                f"arn:aws:codeconnections:{where}:connection/*",
            ),
            _allow(
                "Pipeline",
                [
                    codepipeline.CreatePipeline,
                    codepipeline.UpdatePipeline,
                    codepipeline.GetPipeline,
                    codepipeline.GetPipelineState,
                    codepipeline.ListTagsForResource,
                    codepipeline.TagResource,
                    codepipeline.UntagResource,
                ],
                f"arn:aws:codepipeline:{where}:{project}",
            ),
            _allow(
                "Builds",
                [codebuild.CreateProject, codebuild.UpdateProject, codebuild.DeleteProject, codebuild.BatchGetProjects],
                f"arn:aws:codebuild:{where}:project/{project}-*",
            ),
            _roles(account, f"{project}-pipeline"),
            _pass_roles(account, f"{project}-pipeline", PASSED_TO_DELIVERY),
            *_logs(where, f"/aws/codebuild/{project}-*"),
            _allow(
                "Events",
                [
                    events.PutRule,
                    events.DeleteRule,
                    events.DescribeRule,
                    events.PutTargets,
                    events.RemoveTargets,
                    events.ListTargetsByRule,
                    events.TagResource,
                    events.UntagResource,
                ],
                f"arn:aws:events:{where}:rule/{project}-*",
            ),
            _topics(where, f"{project}-pipeline"),
            _buckets(f"{project}-pipeline"),
            # kms:CreateKey makes something that has no name yet; kms:CreateKey takes no resource.
            _allow("CreateKey", [kms.CreateKey], "*"),
            Statement(
                Sid="Key",
                Effect=Allow,
                Action=[
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
                Resource=[f"arn:aws:kms:{where}:key/*"],
                Condition=Condition(StringEquals("aws:ResourceTag/Project", project)),
            ),
            KEEP_ADDRESSES,
        ],
    )


def _network(region: str) -> Statement:
    """EC2 gives ids, not names, so a name cannot bound these; the region does."""
    return Statement(
        Sid="Network",
        Effect=Allow,
        Action=[
            ec2.AllocateAddress,
            ec2.AssociateRouteTable,
            ec2.AttachInternetGateway,
            ec2.AuthorizeSecurityGroupEgress,
            ec2.AuthorizeSecurityGroupIngress,
            ec2.CreateFlowLogs,
            ec2.CreateInternetGateway,
            ec2.CreateRoute,
            ec2.CreateRouteTable,
            ec2.CreateSecurityGroup,
            ec2.CreateSubnet,
            ec2.CreateTags,
            ec2.CreateVpc,
            ec2.CreateVpcEndpoint,
            ec2.DeleteFlowLogs,
            ec2.DeleteInternetGateway,
            ec2.DeleteRoute,
            ec2.DeleteRouteTable,
            ec2.DeleteSecurityGroup,
            ec2.DeleteSubnet,
            ec2.DeleteTags,
            ec2.DeleteVpc,
            ec2.DeleteVpcEndpoints,
            ec2.DetachInternetGateway,
            ec2.DisassociateRouteTable,
            ec2.ModifySecurityGroupRules,
            ec2.ModifySubnetAttribute,
            ec2.ModifyVpcAttribute,
            ec2.ModifyVpcEndpoint,
            ec2.ReplaceRoute,
            ec2.RevokeSecurityGroupEgress,
            ec2.RevokeSecurityGroupIngress,
            ec2.UpdateSecurityGroupRuleDescriptionsEgress,
            ec2.UpdateSecurityGroupRuleDescriptionsIngress,
        ],
        Resource=["*"],
        Condition=Condition(StringEquals("aws:RequestedRegion", region)),
    )


def _network_reads() -> Statement:
    # No Describe* of EC2 takes a resource.
    return _allow(
        "NetworkReads",
        [
            ec2.DescribeAccountAttributes,
            ec2.DescribeAddresses,
            ec2.DescribeAvailabilityZones,
            ec2.DescribeFlowLogs,
            ec2.DescribeInternetGateways,
            ec2.DescribeNetworkInterfaces,
            ec2.DescribePrefixLists,
            ec2.DescribeRouteTables,
            ec2.DescribeSecurityGroupRules,
            ec2.DescribeSecurityGroups,
            ec2.DescribeSubnets,
            ec2.DescribeVpcAttribute,
            ec2.DescribeVpcEndpoints,
            ec2.DescribeVpcs,
        ],
        "*",
    )


def _balancer(where: str) -> Statement:
    # Balancer and target group are unnamed on purpose (a name would forbid their replacement), so only their kind bounds these.
    kinds = ("loadbalancer/net", "listener/net", "targetgroup")
    return _allow(
        "Balancer",
        [
            elasticloadbalancing.AddTags,
            elasticloadbalancing.CreateListener,
            elasticloadbalancing.CreateLoadBalancer,
            elasticloadbalancing.CreateTargetGroup,
            elasticloadbalancing.DeleteListener,
            elasticloadbalancing.DeleteLoadBalancer,
            elasticloadbalancing.DeleteTargetGroup,
            elasticloadbalancing.ModifyListener,
            elasticloadbalancing.ModifyListenerAttributes,
            elasticloadbalancing.ModifyLoadBalancerAttributes,
            elasticloadbalancing.ModifyTargetGroup,
            elasticloadbalancing.ModifyTargetGroupAttributes,
            elasticloadbalancing.RemoveTags,
            elasticloadbalancing.SetSecurityGroups,
            elasticloadbalancing.SetSubnets,
        ],
        *(f"arn:aws:elasticloadbalancing:{where}:{kind}/*" for kind in kinds),
    )


def _balancer_reads() -> Statement:
    # No Describe* of Elastic Load Balancing takes a resource.
    return _allow(
        "BalancerReads",
        [
            elasticloadbalancing.DescribeListenerAttributes,
            elasticloadbalancing.DescribeListeners,
            elasticloadbalancing.DescribeLoadBalancerAttributes,
            elasticloadbalancing.DescribeLoadBalancers,
            elasticloadbalancing.DescribeTags,
            elasticloadbalancing.DescribeTargetGroupAttributes,
            elasticloadbalancing.DescribeTargetGroups,
            elasticloadbalancing.DescribeTargetHealth,
        ],
        "*",
    )


def _scaling(where: str) -> Statement:
    # A scalable target has an id that AWS makes, so no name can bound it.
    return Statement(
        Sid="Scaling",
        Effect=Allow,
        Action=[
            application_autoscaling.RegisterScalableTarget,
            application_autoscaling.DeregisterScalableTarget,
            application_autoscaling.PutScalingPolicy,
            application_autoscaling.DeleteScalingPolicy,
            application_autoscaling.TagResource,
            application_autoscaling.UntagResource,
            application_autoscaling.ListTagsForResource,
        ],
        Resource=[f"arn:aws:application-autoscaling:{where}:scalable-target/*"],
    )


def _roles(account: str, prefix: str) -> Statement:
    """CloudFormation names a role `<stack>-<logical id>-<random>`, so the stack's name bounds which roles it may make."""
    return _allow(
        "Roles",
        [
            iam.AttachRolePolicy,
            iam.CreateRole,
            iam.DeleteRole,
            iam.DeleteRolePolicy,
            iam.DetachRolePolicy,
            iam.GetRole,
            iam.GetRolePolicy,
            iam.ListAttachedRolePolicies,
            iam.ListRolePolicies,
            iam.PutRolePolicy,
            iam.TagRole,
            iam.UntagRole,
            iam.UpdateAssumeRolePolicy,
            iam.UpdateRole,
            iam.UpdateRoleDescription,
        ],
        f"arn:aws:iam::{account}:role/{prefix}-*",
    )


def _pass_roles(account: str, prefix: str, services: tuple[str, ...]) -> Statement:
    return Statement(
        Sid="PassRoles",
        Effect=Allow,
        Action=[iam.PassRole],
        Resource=[f"arn:aws:iam::{account}:role/{prefix}-*"],
        Condition=Condition(StringEquals("iam:PassedToService", list(services))),
    )


def _service_linked_roles(account: str) -> Statement:
    """AWS makes these once for an account, when the first service of the kind is made."""
    return Statement(
        Sid="ServiceLinkedRoles",
        Effect=Allow,
        Action=[iam.CreateServiceLinkedRole],
        Resource=[f"arn:aws:iam::{account}:role/aws-service-role/*"],
        Condition=Condition(
            StringLike(
                "iam:AWSServiceName",
                ["ecs.amazonaws.com", "elasticloadbalancing.amazonaws.com", "ecs.application-autoscaling.amazonaws.com"],
            )
        ),
    )


def _logs(where: str, group: str) -> list[Statement]:
    return [
        _allow(
            "Logs",
            [
                logs.CreateLogGroup,
                logs.DeleteLogGroup,
                logs.DeleteMetricFilter,
                logs.DeleteRetentionPolicy,
                logs.DescribeMetricFilters,
                logs.ListTagsForResource,
                logs.PutMetricFilter,
                logs.PutRetentionPolicy,
                logs.TagResource,
                logs.UntagResource,
            ],
            f"arn:aws:logs:{where}:log-group:{group}",
        ),
        # logs:DescribeLogGroups is asked for every group of the region.
        _allow("LogReads", [logs.DescribeLogGroups], f"arn:aws:logs:{where}:log-group:*"),
    ]


def _alarms(where: str, account: str, prefix: str) -> list[Statement]:
    return [
        _allow(
            "Alarms",
            [
                cloudwatch.DeleteAlarms,
                cloudwatch.DescribeAlarms,
                cloudwatch.ListTagsForResource,
                cloudwatch.PutMetricAlarm,
                cloudwatch.PutCompositeAlarm,
                cloudwatch.TagResource,
                cloudwatch.UntagResource,
            ],
            f"arn:aws:cloudwatch:{where}:alarm:{prefix}*",
            # Target tracking names its alarms itself.
            f"arn:aws:cloudwatch:{where}:alarm:TargetTracking-service/{prefix}/*",
        ),
        _allow(
            "Dashboard",
            [cloudwatch.DeleteDashboards, cloudwatch.GetDashboard, cloudwatch.PutDashboard],
            f"arn:aws:cloudwatch::{account}:dashboard/{prefix}*",
        ),
    ]


def _topics(where: str, prefix: str) -> Statement:
    return _allow(
        "Topics",
        [
            sns.CreateTopic,
            sns.DeleteTopic,
            sns.GetSubscriptionAttributes,
            sns.GetTopicAttributes,
            sns.ListSubscriptionsByTopic,
            sns.ListTagsForResource,
            sns.SetTopicAttributes,
            sns.Subscribe,
            sns.TagResource,
            sns.Unsubscribe,
            sns.UntagResource,
        ],
        f"arn:aws:sns:{where}:{prefix}*",
    )


def _buckets(prefix: str) -> Statement:
    """Never an object, never DeleteBucket: what is stored outlives its stack."""
    return _allow(
        "Buckets",
        [
            s3.CreateBucket,
            s3.GetBucketPolicy,
            s3.GetBucketTagging,
            s3.GetEncryptionConfiguration,
            s3.GetLifecycleConfiguration,
            s3.PutBucketOwnershipControls,
            s3.PutBucketPolicy,
            s3.PutBucketPublicAccessBlock,
            s3.PutBucketTagging,
            s3.PutBucketVersioning,
            s3.PutEncryptionConfiguration,
            s3.PutLifecycleConfiguration,
        ],
        f"arn:aws:s3:::{prefix}-*",
    )


def _certificates(where: str) -> list[Statement]:
    return [
        # acm:RequestCertificate makes something that has no name yet.
        _allow("RequestCertificate", [acm.RequestCertificate], "*"),
        _allow(
            "Certificates",
            [
                acm.AddTagsToCertificate,
                acm.DeleteCertificate,
                acm.DescribeCertificate,
                acm.ListTagsForCertificate,
                acm.RemoveTagsFromCertificate,
            ],
            f"arn:aws:acm:{where}:certificate/*",
        ),
        _allow("ValidateCertificates", [route53.ChangeResourceRecordSets, route53.GetHostedZone], "arn:aws:route53:::hostedzone/*"),
        _allow("WaitForRecords", [route53.GetChange], "arn:aws:route53:::change/*"),
    ]


def _allow(sid: str, actions: list[Any], *resources: Any) -> Statement:
    return Statement(Sid=sid, Effect=Allow, Action=actions, Resource=list(resources))
