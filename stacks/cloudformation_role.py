"""The roles that CloudFormation acts as, one for each environment, so that a template of one cannot reach another."""

from __future__ import annotations

from troposphere import Ref, Template, iam

from policy import cloudformation, trust
from stacks.environment import Environment


def arn(env: Environment) -> str:
    """Known to the pipeline's template before the role exists, and in another account: hence the role's name."""
    return f"arn:aws:iam::{env.account}:role/{_name(env)}"


def add(t: Template, environments: tuple[Environment, ...]) -> None:
    """The roles of environments that share an account and a region."""
    if not environments:
        return
    first = environments[0]
    # Not in each role, because the inline policies of one role may have 10,240 characters.
    common = t.add_resource(
        iam.ManagedPolicy(
            "EveryEnvironmentPolicy",
            Description="What CloudFormation may do for every environment of this account",
            PolicyDocument=cloudformation.every_environment(account=first.account, region=first.region),
        )
    )
    for env in environments:
        t.add_resource(_role(env, Ref(common)))


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
