"""Where everything stands: the pipeline's runs, who is waited for, and what each environment runs."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline import approval, deployed, live
from pipeline.approval import Waiting
from pipeline.aws import Aws, Target
from pipeline.prepare import environment_aws, pipeline_aws
from stacks.environment import Environment
from stacks.project import Project

RUNS = 5


@dataclass(frozen=True, kw_only=True)
class Run:
    execution: str
    status: str
    started: str
    commit: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Stage:
    """`problem` is what failed, in AWS's words."""

    name: str
    status: str
    execution: str
    problem: str


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """`commit` None: not deployed by a run that the pipeline remembers. `stack` is the service stack's status, or that there is none."""

    environment: str
    stack: str
    digest: str | None
    commit: str | None


@dataclass(frozen=True, kw_only=True)
class Status:
    runs: tuple[Run, ...]
    stages: tuple[Stage, ...]
    waiting: tuple[Waiting, ...]
    deployed: tuple[Deployed, ...]


def read(project: Project, target: Target) -> Status:
    aws = pipeline_aws(project, target)
    return Status(
        runs=_runs(aws, project),
        stages=_stages(aws, project),
        waiting=tuple(approval.waiting(aws, project)),
        deployed=tuple(_deployed(aws, environment_aws(env, target), project, env) for env in project.environments),
    )


def _runs(aws: Aws, project: Project) -> tuple[Run, ...]:
    answer = aws.call("codepipeline", "list_pipeline_executions", pipelineName=project.pipeline.project, maxResults=RUNS)
    runs = []
    for item in answer["pipelineExecutionSummaries"]:
        revision: dict[str, str] = next(iter(item.get("sourceRevisions", [])), {})
        started = item.get("startTime")
        runs.append(
            Run(
                execution=item["pipelineExecutionId"],
                status=item["status"],
                started=started.isoformat(timespec="seconds") if started else "",
                commit=revision.get("revisionId", ""),
                message=next(iter(revision.get("revisionSummary", "").splitlines()), ""),
            )
        )
    return tuple(runs)


def _stages(aws: Aws, project: Project) -> tuple[Stage, ...]:
    state = aws.call("codepipeline", "get_pipeline_state", name=project.pipeline.project)
    stages = []
    for stage in state["stageStates"]:
        latest = stage.get("latestExecution", {})
        failed = [action for action in stage.get("actionStates", []) if action.get("latestExecution", {}).get("status") == "Failed"]
        problem = "; ".join(
            f"{action['actionName']}: {action['latestExecution'].get('errorDetails', {}).get('message', 'failed')}" for action in failed
        )
        stages.append(
            Stage(
                name=stage["stageName"],
                status=latest.get("status", "NotRun"),
                execution=latest.get("pipelineExecutionId", ""),
                problem=problem,
            )
        )
    return tuple(stages)


def _deployed(pipeline: Aws, aws: Aws, project: Project, env: Environment) -> Deployed:
    stack = live.describe(aws, env.stack_name("service"))
    if stack is None:
        return Deployed(environment=env.name, stack="not deployed", digest=None, commit=None)
    given = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    digest = given.get("ImageDigest")
    run = deployed.last_run(pipeline, project, env.name)
    return Deployed(
        environment=env.name,
        stack=stack["StackStatus"],
        digest=digest,
        commit=run.commit if run else None,
    )
