"""What CloudFormation acts as in the pipeline's account: for each environment there, and for the shared stacks themselves."""

from __future__ import annotations

from awacs.aws import Statement
from troposphere import Template, iam

from policy import chat, cloudformation, trust
from stacks import cloudformation_role, registry, supply
from stacks.project import Project
from stacks.spec import StackSpec


def build(project: Project) -> Template:
    config = project.pipeline
    t = Template(Description=f"{config.project}: what CloudFormation may do in the account of the pipeline")
    t.add_resource(
        iam.Role(
            "SharedCloudFormationRole",
            RoleName=_shared_name(project),
            AssumeRolePolicyDocument=trust.passed("cloudformation.amazonaws.com"),
            Policies=[
                iam.Policy(
                    PolicyName="stacks",
                    PolicyDocument=cloudformation.shared(
                        account=config.account,
                        region=config.region,
                        project=config.project,
                        hooks=config.hooks != "off",
                        drift=config.drift.every != "off",
                        more=[*supply.cloudformation(project), *registry.cloudformation(project), *_chat(project)],
                    ),
                )
            ],
        )
    )
    cloudformation_role.add(t, tuple(env for env in project.environments if env.account == config.account), home=config.region)
    return t


def _chat(project: Project) -> list[Statement]:
    config = project.pipeline
    return chat.channel(account=config.account, project=config.project) if config.chat else []


def shared_arn(project: Project) -> str:
    return f"arn:aws:iam::{project.pipeline.account}:role/{_shared_name(project)}"


def _shared_name(project: Project) -> str:
    return project.stack_name("shared-cloudformation")


STACK = StackSpec(name="roles", build=build)
