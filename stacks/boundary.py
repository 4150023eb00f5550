"""The permissions boundary of each environment, and its place: beside the role that CloudFormation acts as, which cannot change it."""

from __future__ import annotations

from troposphere import Sub, iam

from policy import boundary, boundary_name
from stacks import containers
from stacks.environment import Environment
from stacks.keep import KEEP_ONCE_CREATED


def reference(env: Environment) -> Sub:
    """What every role of the environment has as its PermissionsBoundary. The policy is of another stack, and in place before this one."""
    return Sub(boundary_name.arn(account="${AWS::AccountId}", project=env.project, name=env.name))


def policy(env: Environment) -> iam.ManagedPolicy:
    regions = sorted({env.region, env.pipeline_region or env.region})
    return iam.ManagedPolicy(
        f"{env.name.title().replace('-', '')}Boundary",
        # Roles whose boundary is gone may do nothing: it stays as long as somebody may have it.
        **KEEP_ONCE_CREATED,
        ManagedPolicyName=boundary_name.policy(env.project, env.name),
        Description=f"The most that any role of {env.name} may do",
        PolicyDocument=boundary.environment(
            account=env.account,
            region=env.region,
            project=env.project,
            name=env.name,
            repositories=[f"arn:aws:ecr:{region}:{env.pipeline_account}:repository/{env.project}/*" for region in regions],
            secrets=containers.secret_arns(env),
        ),
    )
