"""A CodeBuild project that fetches its source itself, through the connection: the pipeline's artifact is one commit of one branch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from troposphere import GetAtt, Template, codebuild, iam, logs

from pipeline.builds import LOG_DAYS, project_name
from pipeline.paths import BUILDSPECS
from policy import trust
from stacks.keep import KEEP_ONCE_CREATED
from stacks.project import Project

HOSTS = {"GitHub": "github.com", "GitLab": "gitlab.com", "Bitbucket": "bitbucket.org"}


def add(
    t: Template,
    project: Project,
    name: str,
    *,
    connection: Any,
    policy: Callable[[Any], Any],
    source: Mapping[str, Any],
    role: Mapping[str, Any] | None = None,
    variables: Mapping[str, Any] | None = None,
    **more: Any,
) -> str:
    """Returns the project's ARN. `policy` is given the log group's; `source`, `role` and `more` are what only this one has."""
    config = project.pipeline
    full = project_name(project, name)
    group = t.add_resource(logs.LogGroup("Logs", LogGroupName=f"/aws/codebuild/{full}", RetentionInDays=LOG_DAYS, **KEEP_ONCE_CREATED))
    arn = f"arn:aws:codebuild:{config.region}:{config.account}:project/{full}"
    acts_as = t.add_resource(
        iam.Role(
            "Role",
            AssumeRolePolicyDocument=trust.service("codebuild.amazonaws.com", account=config.account, source=arn),
            # Inside the role, so that CodeBuild, which tries it when the project is made, never meets it without.
            Policies=[iam.Policy(PolicyName=name, PolicyDocument=policy(GetAtt(group, "Arn")))],
            **(role or {}),
        )
    )
    environment = codebuild.Environment(
        Type="ARM_CONTAINER",
        ComputeType="BUILD_GENERAL1_SMALL",
        Image=config.build_image,
        ImagePullCredentialsType="CODEBUILD",
        PrivilegedMode=False,
    )
    if variables:
        environment.EnvironmentVariables = [codebuild.EnvironmentVariable(Name=key, Value=value) for key, value in variables.items()]
    t.add_resource(
        codebuild.Project(
            "Project",
            Name=full,
            ServiceRole=GetAtt(acts_as, "Arn"),
            # troposphere knows Auth of type OAUTH on GitHub only.
            Source=codebuild.Source(
                Type=config.repository.provider.upper(),
                Location=f"https://{HOSTS[config.repository.provider]}/{config.repository.name}.git",
                Auth=codebuild.SourceAuth(Type="CODECONNECTIONS", Resource=connection).no_validation(),
                BuildSpec=f"{BUILDSPECS}/{name}.yml",
                **source,
            ).no_validation(),
            Artifacts=codebuild.Artifacts(Type="NO_ARTIFACTS"),
            Environment=environment,
            LogsConfig=codebuild.LogsConfig(CloudWatchLogs=codebuild.CloudWatchLogs(Status="ENABLED", GroupName=group.ref())),
            **more,
        )
    )
    return arn
