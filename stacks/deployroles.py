"""The roles that let the pipeline deploy into another account: one stack in each account that has environments but no pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from troposphere import GetAtt, Output, Template, iam

from policy import deployroles, drift, statement, trust
from policy.build import READ_STACKS
from stacks import arns, artifact_store, cloudformation_role, verification
from stacks.environment import Environment
from stacks.project import Project
from stacks.spec import StackSpec

DELIVERY, READ = "delivery", "read"


@dataclass(frozen=True, kw_only=True)
class OtherAccount:
    """An account other than the pipeline's, with its environments."""

    project: Project
    account: str

    @property
    def environments(self) -> tuple[Environment, ...]:
        return tuple(env for env in self.project.environments if env.account == self.account)


def accounts(project: Project) -> tuple[OtherAccount, ...]:
    others = sorted({env.account for env in project.environments} - {project.pipeline.account})
    return tuple(OtherAccount(project=project, account=account) for account in others)


def delivery_role(project: str, account: str) -> str:
    """What CodePipeline acts as in another account."""
    return f"arn:aws:iam::{account}:role/{project}-{DELIVERY}"


def read_role(project: str, account: str) -> str:
    """What the plan and the verification act as in another account."""
    return f"arn:aws:iam::{account}:role/{project}-{READ}"


def role_of_pipeline(project: Project, user: str) -> str:
    """Named, so that the other accounts can say exactly whom they trust before it is there."""
    return f"{project.stack_name('pipeline')}-{user}"


def drift_role(project: Project) -> str:
    """Of the build that looks for drift; named for the same reason."""
    return f"{project.stack_name('drift')}-build"


def build(other: OtherAccount) -> Template:
    config = other.project.pipeline
    t = Template(Description=f"{config.project}: what the pipeline of account {config.account} may do in this account")
    cloudformation_role.add(t, other.environments, home=config.region)
    _delivery_role(t, other)
    _read_role(t, other)
    return t


def _delivery_role(t: Template, other: OtherAccount) -> None:
    config = other.project.pipeline
    regions = sorted({env.region for env in other.environments})
    document = deployroles.delivery(
        stacks=[arns.stacks(env) for env in other.environments],
        passed=[cloudformation_role.arn(env) for env in other.environments],
        pipeline_account=config.account,
        artifacts=[f"arn:aws:s3:::{_artifacts(other.project, region)}/*" for region in regions],
        regions=regions,
    )
    _role(t, other, DELIVERY, [role_of_pipeline(other.project, "pipeline")], document)


def _read_role(t: Template, other: OtherAccount) -> None:
    # For the plan, which compares templates, and the verification, which looks at what runs.
    config, users = other.project.pipeline, [role_of_pipeline(other.project, user) for user in ("plan", "verify")]
    looks = config.drift.every != "off"
    permissions = verification.permissions(other.environments, more=drift.DETECT if looks else READ_STACKS, sees=looks)
    if looks:
        regions = sorted({env.region for env in other.environments})
        permissions += drift.read_environments(project=config.project, account=other.account, regions=regions)
        users.append(drift_role(other.project))
    _role(t, other, READ, users, statement.document(*permissions))


def _artifacts(project: Project, region: str) -> str:
    """The bucket. CloudFormation makes up the name of the pipeline's own."""
    home = project.pipeline.region
    return f"{project.stack_name('pipeline')}-*" if region == home else artifact_store.bucket_name(project, region)


def _role(t: Template, other: OtherAccount, name: str, users: list[str], document: object) -> None:
    """`users` are names of roles in the pipeline's account."""
    config = other.project.pipeline
    arns_of_users = [f"arn:aws:iam::{config.account}:role/{user}" for user in users]
    role = t.add_resource(
        iam.Role(
            f"{name.capitalize()}Role",
            RoleName=f"{config.project}-{name}",
            AssumeRolePolicyDocument=trust.roles(arns_of_users, account=config.account),
            Policies=[iam.Policy(PolicyName=name, PolicyDocument=document)],
        )
    )
    t.add_output(Output(f"{name.capitalize()}RoleArn", Value=GetAtt(role, "Arn")))


STACK = StackSpec(name="deployroles", build=build)
