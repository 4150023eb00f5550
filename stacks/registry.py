"""The image registry of all environments: one repository, in the pipeline's account."""

from __future__ import annotations

import json

from troposphere import GetAtt, Output, Template, ecr

from policy import repository
from stacks import deployroles
from stacks.keep import KEEP_ONCE_CREATED
from stacks.project import Project
from stacks.spec import StackSpec

UNTAGGED_DAYS = 14


def build(project: Project) -> Template:
    t = Template(Description=f"{project.pipeline.project}: image registry")
    images = t.add_resource(
        ecr.Repository(
            "Repository",
            RepositoryName=project.repository_name,
            # A tag is a commit; what was tested under it is what is deployed under it.
            ImageTagMutability="IMMUTABLE",
            ImageScanningConfiguration=ecr.ImageScanningConfiguration(ScanOnPush=True),
            EncryptionConfiguration=ecr.EncryptionConfiguration(EncryptionType="AES256"),
            LifecyclePolicy=ecr.LifecyclePolicy(LifecyclePolicyText=json.dumps(lifecycle(), indent=1)),
            RepositoryPolicyText=repository.images(pull_accounts=[other.account for other in deployroles.accounts(project)]),
            **KEEP_ONCE_CREATED,
        )
    )
    t.add_output(Output("RepositoryArn", Value=GetAtt(images, "Arn")))
    t.add_output(Output("RepositoryUri", Value=GetAtt(images, "RepositoryUri")))
    return t


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
