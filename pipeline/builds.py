"""The CodeBuild projects: each with its own role and its own log, all on ARM, all running a file of buildspec/."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, Parameter, Ref, Template, codebuild, iam, logs

from pipeline import guard_hook
from pipeline.paths import BUILDSPECS
from pipeline.wiring import planned_arns
from policy import build as policy
from policy import hooks, trust
from stacks import deployroles, registry, supply, verification
from stacks.keep import KEEP_ONCE_CREATED
from stacks.project import Project

NAMES = ("check", "image", "plan", "verify")
LOG_DAYS = 90
# The image's dependencies and the offline checks take minutes; what takes longer hangs.
TIMEOUT_MINUTES = 60


@dataclass(frozen=True, kw_only=True)
class Artifacts:
    """Where the pipeline keeps what it hands from stage to stage. `plans` are the objects that a plan may write."""

    bucket: Any
    objects: Any
    plans: Any
    key: Any


def add(t: Template, project: Project, artifacts: Artifacts) -> list[Any]:
    """Adds every project; returns their ARNs."""
    if project.pipeline.supply.signing:
        t.add_parameter(Parameter(supply.SIGNING_PROFILE, Type="String"))
    return [GetAtt(_add(t, project, name, artifacts), "Arn") for name in NAMES]


def project_name(project: Project, name: str) -> str:
    return f"{project.pipeline.project}-{name}"


def _add(t: Template, project: Project, name: str, artifacts: Artifacts) -> codebuild.Project:
    config = project.pipeline
    logical = name.capitalize()
    group = t.add_resource(
        logs.LogGroup(
            f"{logical}Logs",
            LogGroupName=f"/aws/codebuild/{project_name(project, name)}",
            RetentionInDays=LOG_DAYS,
            **KEEP_ONCE_CREATED,
        )
    )
    arn = f"arn:aws:codebuild:{config.region}:{config.account}:project/{project_name(project, name)}"
    document = _policy(project, name, GetAtt(group, "Arn"), artifacts)
    role = t.add_resource(
        iam.Role(
            f"{logical}Role",
            RoleName=deployroles.role_of_pipeline(project, name),
            AssumeRolePolicyDocument=trust.service("codebuild.amazonaws.com", account=config.account, source=arn),
            Policies=[iam.Policy(PolicyName=name, PolicyDocument=document)],
        )
    )
    resource = codebuild.Project(
        f"{logical}Project",
        Name=project_name(project, name),
        ServiceRole=GetAtt(role, "Arn"),
        Source=codebuild.Source(Type="CODEPIPELINE", BuildSpec=f"{BUILDSPECS}/{name}.yml"),
        Artifacts=codebuild.Artifacts(Type="CODEPIPELINE"),
        EncryptionKey=artifacts.key,
        Environment=_environment(project, name, artifacts),
        LogsConfig=codebuild.LogsConfig(CloudWatchLogs=codebuild.CloudWatchLogs(Status="ENABLED", GroupName=group.ref())),
        TimeoutInMinutes=TIMEOUT_MINUTES,
    )
    return t.add_resource(resource)


def _environment(project: Project, name: str, artifacts: Artifacts) -> codebuild.Environment:
    given = {
        "image": {"REPOSITORY_URI": repository_uri(project), **supply.build_variables(project)},
        # Not where checks and tests run, whose many packages must not write what the account enforces.
        "plan": {"REPORTS": artifacts.bucket, **({"RULES_BUCKET": Ref(guard_hook.BUCKET)} if guard_hook.on(project) else {})},
    }.get(name, {})
    return codebuild.Environment(
        Type="ARM_CONTAINER",
        ComputeType="BUILD_GENERAL1_SMALL",
        Image=project.pipeline.build_image,
        ImagePullCredentialsType="CODEBUILD",
        # The Docker daemon needs it; nothing else here builds images.
        PrivilegedMode=name == "image",
        EnvironmentVariables=[codebuild.EnvironmentVariable(Name=key, Value=value) for key, value in given.items()],
    )


def _policy(project: Project, name: str, log_group: Any, artifacts: Artifacts) -> Any:
    config = project.pipeline
    where = f"{config.region}:{config.account}"
    ground = {"log_group": log_group, "artifacts": artifacts.objects, "key": artifacts.key}
    here = [env for env in project.environments if env.account == config.account]
    readers = [deployroles.read_role(config.project, other.account) for other in deployroles.accounts(project)]
    if name == "image":
        repository = f"arn:aws:ecr:{where}:repository/{project.repository_name}"
        return policy.image(
            **ground,
            repository=repository,
            more=[*supply.build_statements(project, repository), *registry.build_statements(project, repository)],
        )
    pipeline = f"arn:aws:codepipeline:{where}:{config.project}"
    if name == "plan":
        rules = [hooks.publish(guard_hook.objects())] if guard_hook.on(project) else []
        return policy.plan(**ground, stacks=planned_arns(project), pipeline=pipeline, plans=artifacts.plans, roles=readers, more=rules)
    if name == "verify":
        return policy.verify(**ground, pipeline=pipeline, look=verification.permissions(here), roles=readers)
    return policy.check(**ground)


def repository_uri(project: Project) -> str:
    return f"{project.pipeline.account}.dkr.ecr.{project.pipeline.region}.amazonaws.com/{project.repository_name}"
