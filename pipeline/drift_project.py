"""The build that looks for drift, and the schedule that starts it: the branch that is deployed against what is live."""

from __future__ import annotations

from troposphere import GetAtt, Output, Parameter, Template, codebuild, iam, logs, scheduler

from pipeline.builds import LOG_DAYS, project_name
from pipeline.paths import BUILDSPECS
from pipeline.review_project import HOSTS
from pipeline.wiring import stack_arns
from policy import drift as policy
from policy import trust
from stacks import deployroles
from stacks.keep import KEEP_ONCE_CREATED
from stacks.project import Project
from stacks.spec import StackSpec

NAME = "drift"
TIMEOUT_MINUTES = 45
RATES = {"hour": "rate(1 hour)", "day": "rate(1 day)"}
TOPIC, KEY = "TopicArn", "ArtifactKeyArn"


def on(project: Project) -> bool:
    return project.pipeline.drift.every != "off"


def build(project: Project) -> Template:
    config = project.pipeline
    t = Template(Description=f"{config.project}: looks whether what is live is what was deployed")
    connection, topic, key = (t.add_parameter(Parameter(name, Type="String")).ref() for name in ("ConnectionArn", TOPIC, KEY))
    name = project_name(project, NAME)
    group = t.add_resource(logs.LogGroup("Logs", LogGroupName=f"/aws/codebuild/{name}", RetentionInDays=LOG_DAYS, **KEEP_ONCE_CREATED))
    arn = f"arn:aws:codebuild:{config.region}:{config.account}:project/{name}"
    document = policy.build(
        log_group=GetAtt(group, "Arn"),
        connection=connection,
        stacks=stack_arns(project),
        project=config.project,
        account=config.account,
        regions=_regions(project, config.account),
        topic=topic,
        key=key,
        roles=[deployroles.read_role(config.project, other.account) for other in deployroles.accounts(project)],
    )
    role = t.add_resource(
        iam.Role(
            "Role",
            RoleName=deployroles.drift_role(project),
            AssumeRolePolicyDocument=trust.service("codebuild.amazonaws.com", account=config.account, source=arn),
            # Inside the role, so that CodeBuild, which tries it when the project is made, never meets it without.
            Policies=[iam.Policy(PolicyName=NAME, PolicyDocument=document)],
        )
    )
    t.add_resource(
        codebuild.Project(
            "Project",
            Name=name,
            ServiceRole=GetAtt(role, "Arn"),
            # troposphere knows Auth of type OAUTH on GitHub only.
            Source=codebuild.Source(
                Type=config.repository.provider.upper(),
                Location=f"https://{HOSTS[config.repository.provider]}/{config.repository.name}.git",
                Auth=codebuild.SourceAuth(Type="CODECONNECTIONS", Resource=connection).no_validation(),
                BuildSpec=f"{BUILDSPECS}/{NAME}.yml",
                GitCloneDepth=1,
            ).no_validation(),
            SourceVersion=config.repository.branch,
            Artifacts=codebuild.Artifacts(Type="NO_ARTIFACTS"),
            Environment=codebuild.Environment(
                Type="ARM_CONTAINER",
                ComputeType="BUILD_GENERAL1_SMALL",
                Image=config.build_image,
                ImagePullCredentialsType="CODEBUILD",
                PrivilegedMode=False,
                EnvironmentVariables=[codebuild.EnvironmentVariable(Name="TOPIC", Value=topic)],
            ),
            LogsConfig=codebuild.LogsConfig(CloudWatchLogs=codebuild.CloudWatchLogs(Status="ENABLED", GroupName=group.ref())),
            TimeoutInMinutes=TIMEOUT_MINUTES,
            # A second one would ask the same.
            ConcurrentBuildLimit=1,
        )
    )
    _schedule(t, project, name, arn)
    return t


def _schedule(t: Template, project: Project, name: str, arn: str) -> None:
    config = project.pipeline
    # The group, not the schedule, is what the service says it acts for (EventBridge Scheduler, confused deputy).
    group = f"arn:aws:scheduler:{config.region}:{config.account}:schedule-group/default"
    role = t.add_resource(
        iam.Role(
            "ScheduleRole",
            AssumeRolePolicyDocument=trust.service(policy.SCHEDULER, account=config.account, source=group),
            Policies=[iam.Policy(PolicyName="start", PolicyDocument=policy.start(arn))],
        )
    )
    t.add_resource(
        scheduler.Schedule(
            "Schedule",
            DependsOn="Project",
            Name=name,
            Description="Looks for drift",
            ScheduleExpression=RATES[config.drift.every],
            FlexibleTimeWindow=scheduler.FlexibleTimeWindow(Mode="OFF"),
            # No queue for what could not be started: the next one asks the same.
            Target=scheduler.Target(Arn=arn, RoleArn=GetAtt(role, "Arn")),
        )
    )


def _regions(project: Project, account: str) -> list[str]:
    return sorted({project.pipeline.region, *(env.region for env in project.environments if env.account == account)})


def add_outputs(t: Template, project: Project, *, topic: object, key: object) -> None:
    """What the pipeline's stack hands on to this one."""
    if on(project):
        t.add_output(Output(TOPIC, Value=topic))
        t.add_output(Output(KEY, Value=key))


STACK = StackSpec(name=NAME, build=build, wanted=on)
