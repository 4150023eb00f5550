"""The stages of the pipeline, in order. CodePipeline and the local engine read them from the rendered template."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from troposphere import codepipeline as aws

from pipeline import actions
from pipeline.paths import RENDERED
from pipeline.wiring import IMAGE_DIGEST_VARIABLE, Step, environment_steps, overrides, title
from stacks import deployroles
from stacks.environment import Environment
from stacks.project import Project

SHARED = "shared"


@dataclass(frozen=True, kw_only=True)
class Links:
    """What the stages refer to in the pipeline's own stack. `roles` maps an owner (`shared`, an environment) to CloudFormation's role."""

    connection: Any
    topic: Any
    roles: dict[str, str]


def stages(project: Project, links: Links, shared: tuple[Step, ...]) -> list[aws.Stages]:
    config = project.pipeline
    source = actions.source(connection=links.connection, repository=config.repository.name, branch=config.repository.branch)
    check = actions.build("Check", project=f"{config.project}-check", variables={"COMMIT": "#{Source.CommitId}"})
    result = [
        aws.Stages(Name="Source", Actions=[source]),
        aws.Stages(Name="Check", Actions=[check]),
        *_own_stages(project, links, shared),
        aws.Stages(Name="Image", Actions=[_image(project)]),
    ]
    for env in project.environments:
        result += _environment_stages(project, links, env)
    return result


def _image(project: Project) -> aws.Actions:
    return actions.build(
        "Image", project=f"{project.pipeline.project}-image", variables={"COMMIT": "#{Source.CommitId}"}, namespace="Image"
    )


def _own_stages(project: Project, links: Links, shared: tuple[Step, ...]) -> list[aws.Stages]:
    """The pipeline's change of itself comes before everything that it would deploy, and its plan decides whether a person is asked.

    The pipeline's stack is the stage's last action: CodePipeline stops the running execution when its definition changes, and
    RestartExecutionOnUpdate starts the same commit again on the new definition.
    """
    update = [
        _stack_action(step, SHARED, region=project.pipeline.region, role=links.roles[SHARED], run_order=number)
        for number, step in enumerate(shared, start=2)
    ]
    return [
        aws.Stages(Name="Pipeline-Plan", Actions=[_plan(project, SHARED)]),
        _approve(project, links, SHARED, always=False),
        aws.Stages(Name="Pipeline-Update", Actions=[_gate(project, SHARED), *update]),
    ]


def _environment_stages(project: Project, links: Links, env: Environment) -> list[aws.Stages]:
    prefix = title(env.name)
    result = [aws.Stages(Name=f"{prefix}-Plan", Actions=[_plan(project, env.name)])]
    if env.approval != "never":
        result.append(_approve(project, links, env.name, always=env.approval == "always"))
    steps = environment_steps(env)
    delivery = None if env.account == env.pipeline_account else deployroles.delivery_role(env.project, env.account)
    deploy = [
        _stack_action(step, env.name, region=env.region, role=links.roles[env.name], run_order=number, action_role=delivery)
        for number, step in enumerate(steps, start=2)
    ]
    # Inside the stage: CodePipeline rolls back the stage that fails, so what does not run as it should goes back as well.
    verify = actions.build(
        "Verify",
        project=f"{project.pipeline.project}-verify",
        variables={"ENVIRONMENT": env.name, "IMAGE_DIGEST": IMAGE_DIGEST_VARIABLE, "EXECUTION": actions.EXECUTION_ID},
        run_order=len(steps) + 2,
    )
    result.append(
        aws.Stages(
            Name=f"{prefix}-Deploy",
            Actions=[_gate(project, env.name), *deploy, verify],
            # Template, image digest and nginx config go back together: they are one commit.
            OnFailure=aws.FailureConditions(Result="ROLLBACK"),
            **_window(env),
        )
    )
    return result


def prefix(owner: str) -> str:
    """How the stages of an owner begin: `shared` is the pipeline itself."""
    return "Pipeline" if owner == SHARED else title(owner)


def deploy_stage(owner: str) -> str:
    """The stage that changes the owner's stacks."""
    return f"{prefix(owner)}-{'Update' if owner == SHARED else 'Deploy'}"


def _plan(project: Project, owner: str) -> aws.Actions:
    return actions.build(
        "Plan", project=f"{project.pipeline.project}-plan", variables=_plan_variables(owner), namespace=f"{prefix(owner)}Plan"
    )


def _plan_variables(owner: str) -> dict[str, str]:
    # The shared stacks are planned before there is an image.
    image = {} if owner == SHARED else {"IMAGE_DIGEST": IMAGE_DIGEST_VARIABLE}
    return {"ENVIRONMENT": owner, **image}


def _gate(project: Project, owner: str) -> aws.Actions:
    """Plans again and refuses when the result is not what was approved.

    It does not trust the approval stage to have run: a SKIP condition skips whenever its variable is anything but "true", so the
    gate itself looks for the approval of this execution.
    """
    variables = {**_plan_variables(owner), "EXPECT": f"#{{{prefix(owner)}Plan.FINGERPRINT}}", "EXECUTION": actions.EXECUTION_ID}
    return actions.build("Gate", project=f"{project.pipeline.project}-plan", variables=variables)


def _approve(project: Project, links: Links, owner: str, *, always: bool) -> aws.Stages:
    config = project.pipeline
    namespace = f"{prefix(owner)}Plan"
    ask = actions.approval(
        text=f"#{{{namespace}.SUMMARY}}",
        topic=links.topic,
        # The commit is in the run's source; the plan's page tells what it does.
        link=f"#{{{namespace}.REPORT}}",
        timeout_minutes=config.approval_timeout_minutes,
    )
    # Where a person always decides there is no condition that could skip the stage.
    needed = actions.rule(
        "NeedsApproval",
        provider="VariableCheck",
        configuration={"Variable": f"#{{{namespace}.NEEDS_APPROVAL}}", "Operator": "EQ", "Value": "true"},
        result="SKIP",
    )
    condition = {} if always else {"BeforeEntry": aws.BeforeEntryConditions(Conditions=[needed])}
    return aws.Stages(Name=f"{prefix(owner)}-Approve", Actions=[ask], **condition)


def _window(env: Environment) -> dict[str, Any]:
    if env.deploy_window is None:
        return {}
    window = actions.rule(
        "DeployWindow",
        provider="DeploymentWindow",
        configuration={"Cron": env.deploy_window.cron, "TimeZone": env.deploy_window.timezone},
        result="FAIL",
    )
    return {"BeforeEntry": aws.BeforeEntryConditions(Conditions=[window])}


def _stack_action(step: Step, owner: str, *, region: str, role: Any, run_order: int, action_role: str | None = None) -> aws.Actions:
    return actions.stack(
        step.stack,
        folder=f"{RENDERED}/{owner}",
        stack_name=step.stack_name,
        namespace=step.namespace,
        parameters=overrides(step),
        names_roles=step.names_roles,
        role=role,
        region=region,
        run_order=run_order,
        action_role=action_role,
    )
