"""The build that looks for drift, and the schedule that starts it: the branch that is deployed against what is live."""

from __future__ import annotations

from awacs.aws import Statement
from troposphere import GetAtt, Output, Parameter, Template, iam, scheduler

from pipeline import guard_hook, own_source
from pipeline.builds import project_name
from pipeline.wiring import planned_arns
from policy import chat, hooks, replication, trust
from policy import drift as policy
from stacks import deployroles, registry, supply
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
    readers = [deployroles.read_role(config.project, other.account) for other in deployroles.accounts(project)]
    arn = own_source.add(
        t,
        project,
        NAME,
        connection=connection,
        policy=lambda log_group: policy.build(
            log_group=log_group,
            connection=connection,
            stacks=planned_arns(project),
            project=config.project,
            account=config.account,
            regions=_regions(project, config.account),
            parts=_parts(project),
            topic=topic,
            key=key,
            roles=readers,
        ),
        source={"GitCloneDepth": 1},
        role={"RoleName": deployroles.drift_role(project)},
        variables={"TOPIC": topic},
        SourceVersion=config.repository.branch,
        TimeoutInMinutes=TIMEOUT_MINUTES,
        # A second one would ask the same.
        ConcurrentBuildLimit=1,
    )
    _schedule(t, project, arn)
    return t


def _schedule(t: Template, project: Project, arn: str) -> None:
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
            Name=project_name(project, NAME),
            Description="Looks for drift",
            ScheduleExpression=RATES[config.drift.every],
            FlexibleTimeWindow=scheduler.FlexibleTimeWindow(Mode="OFF"),
            # No queue for what could not be started: the next one asks the same.
            Target=scheduler.Target(Arn=arn, RoleArn=GetAtt(role, "Arn")),
        )
    )


def _parts(project: Project) -> list[Statement]:
    """What the configuration turns on, in the pipeline's account."""
    config = project.pipeline
    return [
        *supply.seen(project),
        *([replication.see()] if registry.copied_to(project) else []),
        *(chat.see(account=config.account, project=config.project) if config.chat else []),
        *([hooks.see()] if guard_hook.on(project) else []),
    ]


def _regions(project: Project, account: str) -> list[str]:
    return sorted({project.pipeline.region, *(env.region for env in project.environments if env.account == account)})


def add_outputs(t: Template, project: Project, *, topic: object, key: object) -> None:
    """What the pipeline's stack hands on to this one."""
    if on(project):
        t.add_output(Output(TOPIC, Value=topic))
        t.add_output(Output(KEY, Value=key))


STACK = StackSpec(name=NAME, build=build, wanted=on)
