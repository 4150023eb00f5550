"""The pipeline's artifacts in a region other than its own: one stack in each, in the pipeline's account.

CodePipeline copies what an action reads into a bucket of the action's region. A pipeline that names a bucket which is not there cannot
be made, so this stack is deployed before the pipeline hears of the region, and everything in it has a name that is known before.
"""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import Template, kms

from policy import key
from stacks import artifact_store, deployroles
from stacks.environment import Environment
from stacks.keep import KEEP, KEEP_ONCE_CREATED
from stacks.project import Project
from stacks.spec import StackSpec


@dataclass(frozen=True, kw_only=True)
class OtherRegion:
    """A region other than the pipeline's, with its environments."""

    project: Project
    region: str

    @property
    def environments(self) -> tuple[Environment, ...]:
        return tuple(env for env in self.project.environments if env.region == self.region)

    @property
    def bucket(self) -> str:
        return artifact_store.bucket_name(self.project, self.region)

    @property
    def key(self) -> str:
        """The alias: AWS makes up a key's id, and the pipeline has to name the key before it is there.

        CodePipeline takes the alias' ARN, which says whose it is; an action's role in another account only reads, and S3 then asks for
        the key by its id (aws/aws-cdk#3694 does the same).
        """
        return f"arn:aws:kms:{self.region}:{self.project.pipeline.account}:{alias(self.project)}"


def alias(project: Project) -> str:
    return f"alias/{project.pipeline.project}-artifacts"


def regions(project: Project) -> tuple[OtherRegion, ...]:
    others = sorted({env.region for env in project.environments} - {project.pipeline.region})
    return tuple(OtherRegion(project=project, region=region) for region in others)


def build(other: OtherRegion) -> Template:
    config = other.project.pipeline
    t = Template(Description=f"{config.project}: artifacts of the pipeline of {config.region} in this region")
    readers = [deployroles.delivery_role(config.project, account) for account in _other_accounts(other)]
    made = artifact_store.add_key(
        t, description=f"{config.project}: pipeline artifacts", document=key.artifacts(account=config.account, readers=readers), keep=KEEP
    )
    t.add_resource(kms.Alias("ArtifactKeyAlias", AliasName=alias(other.project), TargetKeyId=made.ref(), **KEEP_ONCE_CREATED))
    artifact_store.add_bucket(t, made, readers=readers, keep=KEEP_ONCE_CREATED, BucketName=other.bucket)
    return t


def _other_accounts(other: OtherRegion) -> list[str]:
    return sorted({env.account for env in other.environments} - {other.project.pipeline.account})


STACK = StackSpec(name="artifacts", build=build, protected=True)
