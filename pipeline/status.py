"""Where everything stands: the pipeline's runs, who is waited for, and what each environment runs."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pipeline import approval, catalog, deployed, deployment_window, live
from pipeline.approval import Waiting
from pipeline.aws import DENIED, Aws, RefusedError, Target
from pipeline.errors import PipelineError
from pipeline.git import git
from pipeline.prepare import environment_aws, freeze_of, pipeline_aws
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
    kind: str = "STANDARD"


@dataclass(frozen=True, kw_only=True)
class Stage:
    """`problem` is what failed, in AWS's words; `next` are the runs that wait to enter, `shut` why nobody lets them in."""

    name: str
    status: str
    execution: str
    problem: str
    next: tuple[str, ...] = ()
    shut: str = ""


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """`commit` None: not deployed by a run that the pipeline remembers. `stack` is the service stack's status, or that there is none.

    `following` is the newest commit that the pipeline has seen, where that is another one, and `ahead` how many commits it is further
    on, where Git knows. `held` says why nothing is deployed now. `drifted` names stacks by when their drift was detected, and
    `unread` the calls that the caller may not make.
    """

    environment: str
    stack: str
    digest: str | None
    commit: str | None
    following: str = ""
    ahead: int | None = None
    held: str = ""
    drifted: Mapping[str, str]
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Wait:
    """`asked` is who gets a mail about it; empty: nobody. `until` is when the approval expires, and its run fails."""

    asked: str
    until: str


@dataclass(frozen=True, kw_only=True)
class Status:
    """`waits` has one for each of `waiting`."""

    runs: tuple[Run, ...]
    stages: tuple[Stage, ...]
    waiting: tuple[Waiting, ...]
    deployed: tuple[Deployed, ...]
    waits: tuple[Wait, ...] = ()


def read(project: Project, target: Target, root: Path, now: datetime) -> Status:
    aws = pipeline_aws(project, target)
    runs = _runs(aws, project)
    newest = next((run.commit for run in runs if run.kind != "ROLLBACK"), "")
    waiting = tuple(approval.waiting(aws, project))
    ran = {env.name: deployed.last_run(aws, project, env.name) for env in project.environments}

    def look(env: Environment) -> Deployed:
        return _deployed(root, environment_aws(env, target), env, ran[env.name], newest=newest, now=now)

    with ThreadPoolExecutor(max_workers=8) as together:
        found = tuple(together.map(look, project.environments))
    return Status(
        runs=runs,
        stages=_stages(aws, project),
        waiting=waiting,
        deployed=found,
        waits=tuple(_wait(project, one) for one in waiting),
    )


def _wait(project: Project, one: Waiting) -> Wait:
    minutes = timedelta(minutes=project.pipeline.approval_timeout_minutes)
    until = (datetime.fromisoformat(one.since) + minutes).isoformat(timespec="seconds") if one.since else ""
    return Wait(asked=project.pipeline.approvers_email or "", until=until)


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
                kind=item.get("executionType", "STANDARD"),
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
                next=approval.inbound(stage),
                shut=_shut(stage.get("inboundTransitionState", {})),
            )
        )
    return tuple(stages)


def _shut(transition: Mapping[str, Any]) -> str:
    """A person shuts the way into a stage in the console, or with DisableStageTransition."""
    if transition.get("enabled", True):
        return ""
    return f"{transition.get('disabledReason', 'no reason given')} ({transition.get('lastChangedBy', 'by nobody known')})"


def _deployed(root: Path, aws: Aws, env: Environment, run: deployed.Run | None, *, newest: str, now: datetime) -> Deployed:
    held = _held(env, now)
    unread: list[str] = []
    try:
        stacks = {name: live.describe(aws, name) for name in _names(env)}
    except RefusedError as refused:
        if refused.code not in DENIED:
            raise
        stacks, unread = {}, ["cloudformation:DescribeStacks"]
    stack = stacks.get(env.stack_name("service"))
    drifted = {name: when for name, one in stacks.items() if one and (when := _drift(one))}
    if stack is None:
        told = "not known" if unread else "not deployed"
        return Deployed(environment=env.name, stack=told, digest=None, commit=None, held=held, drifted=drifted, unread=tuple(unread))
    given = {item["ParameterKey"]: item["ParameterValue"] for item in stack.get("Parameters", [])}
    commit = run.commit if run else None
    following = newest if commit and newest != commit else ""
    return Deployed(
        environment=env.name,
        stack=stack["StackStatus"],
        digest=given.get("ImageDigest"),
        commit=commit,
        following=following,
        ahead=_ahead(root, commit, following) if commit and following else None,
        held=held,
        drifted=drifted,
    )


def _names(env: Environment) -> list[str]:
    return [env.stack_name(spec.name) for spec in catalog.ENVIRONMENT_STACKS if spec.wanted(env)]


def _drift(stack: Mapping[str, Any]) -> str:
    """When it was detected; empty where there was none then, or nobody looked."""
    found = stack.get("DriftInformation", {})
    if found.get("StackDriftStatus") != "DRIFTED":
        return ""
    when = found.get("LastCheckTimestamp")
    return when.isoformat(timespec="seconds") if when else "once"


def _ahead(root: Path, commit: str, following: str) -> int | None:
    try:
        found = git(root, "rev-list", "--count", f"{commit}..{following}")
    except PipelineError:
        return None
    return int(found.stdout) if found.returncode == 0 else None


def _held(env: Environment, now: datetime) -> str:
    window = env.deploy_window
    if frozen := freeze_of(env, now):
        return frozen
    if window and not deployment_window.matches(window.cron, now.astimezone(deployment_window.zone(window.timezone))):
        return f"outside of its window ({window.cron}, {window.timezone})"
    return ""
