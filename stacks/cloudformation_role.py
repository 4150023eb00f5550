"""The roles that CloudFormation acts as, one for each environment, so that a template of one cannot reach another."""

from __future__ import annotations

from troposphere import Ref, Template, iam

from policy import cloudformation, trust
from stacks import boundary
from stacks.environment import Environment


def arn(env: Environment) -> str:
    """Known to the pipeline's template before the role exists, and in another account: hence the role's name."""
    return f"arn:aws:iam::{env.account}:role/{_name(env)}"


def add(t: Template, environments: tuple[Environment, ...], *, home: str) -> None:
    """The roles of environments that share an account. `home` is the pipeline's region; IAM itself has none."""
    for region in sorted({env.region for env in environments}):
        here = [env for env in environments if env.region == region]
        common = _common(t, region, account=here[0].account, suffix="" if region == home else region.title().replace("-", ""))
        for env in here:
            t.add_resource(boundary.policy(env))
            t.add_resource(_role(env, Ref(common)))


def _common(t: Template, region: str, *, account: str, suffix: str) -> iam.ManagedPolicy:
    """Not in each role, because the inline policies of one role may have 10,240 characters."""
    return t.add_resource(
        iam.ManagedPolicy(
            f"EveryEnvironmentPolicy{suffix}",
            Description="What CloudFormation may do for every environment of this account" + (f" in {region}" if suffix else ""),
            PolicyDocument=cloudformation.every_environment(account=account, region=region),
        )
    )


def _role(env: Environment, common: Ref) -> iam.Role:
    own = cloudformation.environment(
        account=env.account, region=env.region, project=env.project, name=env.name, hosted_zone=env.certificate.hosted_zone
    )
    return iam.Role(
        f"{env.name.title().replace('-', '')}CloudFormationRole",
        RoleName=_name(env),
        AssumeRolePolicyDocument=trust.passed("cloudformation.amazonaws.com"),
        ManagedPolicyArns=[common],
        Policies=[iam.Policy(PolicyName="stacks", PolicyDocument=own)],
    )


def _name(env: Environment) -> str:
    return env.stack_name("cloudformation")
