"""What CloudFormation may do when the pipeline hands it a template: the resource types of our stacks, by name where AWS lets us.

A test compares these documents with the permissions that each resource type's schema asks for. Whatever else is said here, no
CloudFormation role of ours can give a fixed address away.
"""

from __future__ import annotations

from collections.abc import Sequence

from awacs import codebuild, codeconnections, codepipeline, codestar_connections, ec2, ecr, ecs, events
from awacs.aws import Deny, PolicyDocument, Statement

from policy import boundary_name, network_types, resource_types, role_types
from policy import drift as policy_drift
from policy.hooks import SERVICE, set_up
from policy.statement import allow, document

PASSED_BY_ENVIRONMENT = ("ecs-tasks.amazonaws.com", "ecs.amazonaws.com", "vpc-flow-logs.amazonaws.com")
PASSED_BY_SHARED = ("codebuild.amazonaws.com", "codepipeline.amazonaws.com", "cloudformation.amazonaws.com")

# An address that is released is gone: nobody can promise to get it back. Changing a load balancer's zones needs none of these.
KEEP_ADDRESSES = Statement(
    Sid="KeepAddresses",
    Effect=Deny,
    Action=[ec2.ReleaseAddress, ec2.DisassociateAddress, ec2.EnableAddressTransfer],
    Resource=["*"],
)


def every_environment(*, account: str, region: str) -> PolicyDocument:
    """What has ids that AWS makes up, so that no name can tell one environment's from another's."""
    where = f"{region}:{account}"
    return document(
        *network_types.statements(where),
        *_task_definition_revisions(),
        *resource_types.scaling(where),
        resource_types.service_linked_roles(account),
        resource_types.log_reads(),
        resource_types.saved_queries(),
        resource_types.log_delivery(),
        *resource_types.keys(where),
        *resource_types.certificates(where),
        KEEP_ADDRESSES,
    )


def environment(*, account: str, region: str, project: str, name: str, hosted_zone: str | None) -> PolicyDocument:
    """What is called `<project>-<name>-...`; `name` is the environment."""
    prefix = f"{project}-{name}"
    where = f"{region}:{account}"
    limit = boundary_name.arn(account=account, project=project, name=name)
    return document(
        *_service(where, prefix),
        *role_types.roles(f"arn:aws:iam::{account}:role/{prefix}-*", PASSED_BY_ENVIRONMENT, boundary=limit),
        resource_types.log_groups(where, f"/{project}/{name}/*", metric_filters=True),
        *resource_types.alarms(where, account, prefix),
        resource_types.topics(where, prefix),
        resource_types.buckets(prefix),
        *resource_types.certificate_records(hosted_zone),
        role_types.keep_own_role(f"arn:aws:iam::{account}:role/{prefix}-cloudformation"),
        *role_types.keep_boundary(limit),
        KEEP_ADDRESSES,
    )


def shared(
    *, account: str, region: str, project: str, hooks: bool = False, drift: bool = False, more: Sequence[Statement] = ()
) -> PolicyDocument:
    """For the registry, the connection, the review and the pipeline's own stack, whose names begin with the project's.

    `hooks`, `drift` and `more` are for the parts that the configuration turns on.
    """
    where = f"{region}:{account}"
    return document(
        _registry(where, project),
        *_pipeline(where, project),
        *role_types.roles(
            f"arn:aws:iam::{account}:role/{project}-pipeline-*",
            (*PASSED_BY_SHARED, SERVICE) if hooks else PASSED_BY_SHARED,
            *([f"arn:aws:iam::{account}:role/{project}-hooks-*"] if hooks else []),
            *([f"arn:aws:iam::{account}:role/{project}-drift-*"] if drift else []),
            f"arn:aws:iam::{account}:role/{project}-review-*",
            f"arn:aws:iam::{account}:role/{project}-*-cloudformation",
        ),
        *role_types.managed_policies(account, project),
        resource_types.log_groups(where, f"/aws/codebuild/{project}-*", metric_filters=False),
        resource_types.log_reads(),
        resource_types.topics(where, f"{project}-pipeline"),
        resource_types.buckets(f"{project}-pipeline"),
        *resource_types.keys(where),
        *([set_up()] if hooks else []),
        *(policy_drift.set_up(where=where, account=account, project=project) if drift else []),
        *more,
        role_types.KEEP_BOUNDARIES,
        KEEP_ADDRESSES,
    )


def _service(where: str, prefix: str) -> list[Statement]:
    return [
        allow(
            "Cluster",
            [
                ecs.CreateCluster,
                ecs.DeleteCluster,
                ecs.DescribeClusters,
                ecs.ListTagsForResource,
                ecs.PutClusterCapacityProviders,
                ecs.TagResource,
                ecs.UntagResource,
                ecs.UpdateCluster,
                ecs.UpdateClusterSettings,
            ],
            f"arn:aws:ecs:{where}:cluster/{prefix}",
        ),
        allow(
            "Service",
            [
                ecs.CreateService,
                ecs.DeleteService,
                ecs.DescribeServiceDeployments,
                ecs.DescribeServices,
                ecs.ListServiceDeployments,
                ecs.ListTagsForResource,
                ecs.StopServiceDeployment,
                ecs.TagResource,
                ecs.UntagResource,
                ecs.UpdateService,
            ],
            f"arn:aws:ecs:{where}:service/{prefix}/*",
            f"arn:aws:ecs:{where}:service-deployment/{prefix}/*",
        ),
        # CloudFormation makes up a task definition's name of the stack's.
        allow(
            "TaskDefinitions",
            [ecs.ListTagsForResource, ecs.RegisterTaskDefinition, ecs.TagResource, ecs.UntagResource],
            f"arn:aws:ecs:{where}:task-definition/{prefix}-*",
        ),
    ]


def _task_definition_revisions() -> list[Statement]:
    # These two take no resource (Service Authorization Reference).
    return [allow("AnyResourceTaskDefinitions", [ecs.DeregisterTaskDefinition, ecs.DescribeTaskDefinition], "*")]


def _registry(where: str, project: str) -> Statement:
    """No DeleteRepository: the images outlive any stack."""
    return allow(
        "Registry",
        [
            ecr.CreateRepository,
            ecr.DeleteLifecyclePolicy,
            ecr.DeleteRepositoryPolicy,
            ecr.DescribeRepositories,
            ecr.GetLifecyclePolicy,
            ecr.GetRepositoryPolicy,
            ecr.ListTagsForResource,
            ecr.PutImageScanningConfiguration,
            ecr.PutImageTagMutability,
            ecr.PutLifecyclePolicy,
            ecr.SetRepositoryPolicy,
            ecr.TagResource,
            ecr.UntagResource,
        ],
        f"arn:aws:ecr:{where}:repository/{project}/*",
    )


def _pipeline(where: str, project: str) -> list[Statement]:
    """No DeletePipeline, and no CreateConnection: a new connection would wait for a person in the console."""
    return [
        allow(
            "Connection",
            [
                codeconnections.GetConnection,
                codeconnections.ListTagsForResource,
                codeconnections.PassConnection,
                codeconnections.TagResource,
                codeconnections.UntagResource,
                # Whoever makes a webhook uses the connection: "Failed to call CreateWebhook, reason: Access denied to connection"
                # (aws/aws-cdk#31726).
                codeconnections.GetConnectionToken,
                codeconnections.UseConnection,
                # CodePipeline and CodeBuild check the older name, whichever prefix the ARN has.
                codestar_connections.GetConnection,
                codestar_connections.GetConnectionToken,
                codestar_connections.PassConnection,
                codestar_connections.UseConnection,
            ],
            f"arn:aws:codeconnections:{where}:connection/*",
            f"arn:aws:codestar-connections:{where}:connection/*",
        ),
        allow(
            "Pipeline",
            [
                codepipeline.CreatePipeline,
                codepipeline.DisableStageTransition,
                codepipeline.EnableStageTransition,
                codepipeline.GetPipeline,
                codepipeline.GetPipelineState,
                codepipeline.ListTagsForResource,
                codepipeline.StartPipelineExecution,
                codepipeline.TagResource,
                codepipeline.UntagResource,
                codepipeline.UpdatePipeline,
            ],
            f"arn:aws:codepipeline:{where}:{project}",
            # Transitions belong to stages.
            f"arn:aws:codepipeline:{where}:{project}/*",
        ),
        allow(
            "Builds",
            [
                codebuild.BatchGetProjects,
                codebuild.CreateProject,
                codebuild.CreateWebhook,
                codebuild.DeleteProject,
                codebuild.DeleteWebhook,
                codebuild.UpdateProject,
                codebuild.UpdateWebhook,
            ],
            f"arn:aws:codebuild:{where}:project/{project}-*",
        ),
        allow(
            "Events",
            [
                events.DeleteRule,
                events.DescribeRule,
                events.ListTagsForResource,
                events.ListTargetsByRule,
                events.PutRule,
                events.PutTargets,
                events.RemoveTargets,
                events.TagResource,
                events.UntagResource,
            ],
            f"arn:aws:events:{where}:rule/{project}-*",
        ),
    ]
