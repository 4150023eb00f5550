"""The image registry of all environments: one repository, in the pipeline's account and region, and copies of it where one is wanted."""

from __future__ import annotations

import json

from awacs.aws import Statement
from troposphere import GetAtt, Output, Template, ecr

from policy import replication, repository
from stacks.artifacts import OtherRegion
from stacks.environment import Environment
from stacks.keep import KEEP_ONCE_CREATED
from stacks.project import Project
from stacks.spec import StackSpec

UNTAGGED_DAYS = 14


def build(project: Project) -> Template:
    t = Template(Description=f"{project.pipeline.project}: image registry")
    images = _repository(t, project, project.pipeline.region)
    if regions := copied_to(project):
        destinations = [ecr.ReplicationDestination(Region=region, RegistryId=project.pipeline.account) for region in regions]
        ours = ecr.RepositoryFilter(Filter=project.repository_name, FilterType="PREFIX_MATCH")
        rule = ecr.ReplicationRule(Destinations=destinations, RepositoryFilters=[ours])
        t.add_resource(
            ecr.ReplicationConfiguration("Replication", ReplicationConfiguration=ecr.ReplicationConfigurationProperty(Rules=[rule]))
        )
    t.add_output(Output("RepositoryArn", Value=GetAtt(images, "Arn")))
    t.add_output(Output("RepositoryUri", Value=GetAtt(images, "RepositoryUri")))
    return t


def build_copy(other: OtherRegion) -> Template:
    """ECR would make the repository itself, without any of this: settings are not copied (Amazon ECR, private image replication)."""
    t = Template(Description=f"{other.project.pipeline.project}: copies of the images of {other.project.pipeline.region}")
    _repository(t, other.project, other.region)
    return t


def copied_to(project: Project) -> list[str]:
    return sorted({env.region for env in project.environments if env.replicate_image})


def cloudformation(project: Project) -> list[Statement]:
    """What CloudFormation needs beyond the repository."""
    return replication.set_up(account=project.pipeline.account) if copied_to(project) else []


def build_statements(project: Project, arn: str) -> list[Statement]:
    """What the build of the image needs to wait for the copies."""
    return [replication.watch(arn)] if copied_to(project) else []


def _repository(t: Template, project: Project, region: str) -> ecr.Repository:
    return t.add_resource(
        ecr.Repository(
            "Repository",
            RepositoryName=project.repository_name,
            # A tag is a commit; what was tested under it is what is deployed under it.
            ImageTagMutability="IMMUTABLE",
            ImageScanningConfiguration=ecr.ImageScanningConfiguration(ScanOnPush=True),
            EncryptionConfiguration=ecr.EncryptionConfiguration(EncryptionType="AES256"),
            LifecyclePolicy=ecr.LifecyclePolicy(LifecyclePolicyText=json.dumps(lifecycle(), indent=1)),
            RepositoryPolicyText=repository.images(pulled_by=[_puller(env) for env in _pulling(project, region)]),
            **KEEP_ONCE_CREATED,
        )
    )


def _pulling(project: Project, region: str) -> list[Environment]:
    """Environments of other accounts; in the pipeline's own IAM alone decides."""
    return [env for env in project.environments if env.account != project.pipeline.account and env.image_region == region]


def _puller(env: Environment) -> str:
    """The execution role of its tasks, whose name CloudFormation makes of stack, logical id and a suffix."""
    return f"arn:aws:iam::{env.account}:role/{env.stack_name('service')}-ExecutionRole-*"


def lifecycle() -> dict[str, object]:
    """Tagged images are never removed.

    ECR does not know which image is deployed. A rule by count or age removes in the end the image of an environment that waited
    long for its approval, and then no new task of it starts. Every image shares its layers but the last, a few kilobytes of
    nginx configuration, so keeping them costs next to nothing. What a broken push leaves behind has no tag and goes; ECR spares
    an untagged image that an index refers to.
    """
    return {
        "rules": [
            {
                "rulePriority": 1,
                "description": "Remains of pushes that did not end",
                "selection": {
                    "tagStatus": "untagged",
                    "countType": "sinceImagePushed",
                    "countUnit": "days",
                    "countNumber": UNTAGGED_DAYS,
                },
                "action": {"type": "expire"},
            }
        ]
    }


STACK = StackSpec(name="registry", build=build, protected=True)
COPY = StackSpec(name="images", build=build_copy, protected=True, wanted=lambda other: other.region in copied_to(other.project))
