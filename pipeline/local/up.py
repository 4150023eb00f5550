"""`kotei local up`: from nothing, or from whatever is there, to a system that serves the checkout's HEAD."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.local import bootstrap, engine, remote, summary
from pipeline.local.world import make_client
from stacks.environment import Environment
from stacks.project import Project

Say = Callable[[str], None]
RUNNING = ("InProgress", "Stopping")
# The branch of a pull request that has no name of its own.
WORK = "work-in-progress"


@dataclass(frozen=True, kw_only=True)
class Local:
    """A running engine, seen from the command line."""

    home: Path
    root: Path
    project: Project
    endpoint: str

    def client(self, service: str, env: Environment | None = None) -> Any:
        config = env or self.project.pipeline
        return make_client(self.endpoint, service, config.account, config.region)

    def runs(self) -> list[dict[str, Any]]:
        """Newest first."""
        client, name = self.client("codepipeline"), self.project.pipeline.project
        try:
            found: list[dict[str, Any]] = client.list_pipeline_executions(pipelineName=name)["pipelineExecutionSummaries"]
        except client.exceptions.PipelineNotFoundException as error:
            raise PipelineError(f"the local engine runs, but has no pipeline {name} yet; run: kotei local up") from error
        return found

    def asked(self) -> list[dict[str, str]]:
        """The approvals that wait: owner, stage, action, token, execution."""
        from pipeline.approval import owner_of

        state = self.client("codepipeline").get_pipeline_state(name=self.project.pipeline.project)
        return [
            {
                "owner": owner_of(stage["stageName"], self.project),
                "stage": stage["stageName"],
                "action": action["actionName"],
                "token": action["latestExecution"]["token"],
                "execution": stage["latestExecution"]["pipelineExecutionId"],
            }
            for stage in state["stageStates"]
            for action in stage["actionStates"]
            if "token" in action.get("latestExecution", {})
        ]

    def live(self) -> dict[str, dict[str, str]]:
        """Outputs of each environment's stacks, where its service is deployed."""
        found = {}
        for env in self.project.environments:
            stacks = self.client("cloudformation", env).describe_stacks()["Stacks"]
            own = {stack["StackName"]: stack for stack in stacks if stack["StackName"].startswith(env.stack_name(""))}
            if env.stack_name("service") in own:
                found[env.name] = summary.outputs(list(own.values())) | self._adopted(env)
        return found

    def _adopted(self, env: Environment) -> dict[str, str]:
        """What the addresses stack would say, where the addresses are older than it."""
        if not env.addresses.adopt:
            return {}
        found = self.client("ec2", env).describe_addresses(AllocationIds=list(env.addresses.adopt.values()))["Addresses"]
        public = {address["AllocationId"]: address["PublicIp"] for address in found}
        return {f"PublicIp{zone.upper()}": public[allocation] for zone, allocation in env.addresses.adopt.items()}


def up(home: Path, root: Path, project: Project, say: Say) -> Local:
    commit = head(root)
    branch = project.pipeline.repository.branch
    found = engine.endpoint(home)
    fresh = found is None
    endpoint = found or engine.start(home, root, say)
    local = Local(home=home, root=root, project=project, endpoint=endpoint)
    remote.prepare(home, root, branch)
    _name_remote(home, root, say)
    bootstrap.deploy(endpoint, project, root, lambda arn: _told(home, "/_kotei/connect", {"arn": arn}, lambda _: None), say)
    if _uncommitted(root):
        say("uncommitted changes are not part of what is deployed; commit them first if they should be")
    _deploy(local, commit, branch, say, fresh=fresh)
    return local


def _deploy(local: Local, commit: str, branch: str, say: Say, *, fresh: bool) -> None:
    held = remote.commit(local.home, f"refs/heads/{branch}")
    if held is None or held.id != commit:
        say(f"pushing {commit[:10]} to {remote.path(local.home)}")
        _push(local, f"+{commit}:refs/heads/{branch}", say)
        return
    runs = local.runs()
    # One that has not read the branch yet will find HEAD there.
    mine = [run for run in runs if _is_of(run, commit) or (run["status"] in RUNNING and not run["sourceRevisions"])]
    running = [run for run in runs if run["status"] in RUNNING]
    if not mine or mine[0]["status"] in ("Failed", "Stopped", "Cancelled"):
        say(f"the last run of {commit[:10]} did not succeed; running it again" if mine else f"running {commit[:10]}")
        _told(local.home, "/_kotei/start", {"pipeline": local.project.pipeline.project}, say)
    elif running:
        asked = {approval["execution"] for approval in local.asked()}
        for run in reversed(running):
            if run["pipelineExecutionId"] not in asked:
                _told(local.home, "/_kotei/follow", {"execution": run["pipelineExecutionId"]}, say)
    elif fresh:
        say(f"{commit[:10]} is deployed; everything that serves it is started again")


def propose(local: Local, say: Say) -> None:
    """HEAD as a pull request in the local remote, under its branch's name."""
    commit = head(local.root)
    branch = _git(local.root, "symbolic-ref", "--quiet", "--short", "HEAD").stdout.strip()
    # Pushed under its own name, the branch that the pipeline follows would be deployed.
    name = WORK if branch in ("", local.project.pipeline.repository.branch) else branch
    if _uncommitted(local.root):
        say("uncommitted changes are not part of the pull request; commit them first if they should be")
    held = remote.commit(local.home, f"refs/heads/{name}")
    if held is None or held.id != commit:
        _push(local, f"+{commit}:refs/heads/{name}", say)
    else:
        _told(local.home, "/_kotei/pull-request", {"branch": name, "commit": commit}, say)


def reviews(local: Local, commit: str) -> list[dict[str, Any]]:
    """The newest build of the commit of each project that reviews pull requests."""
    client = local.client("codebuild")
    known = client.list_projects()["projects"]
    projects = client.batch_get_projects(names=known)["projects"] if known else []
    ids = [client.list_builds_for_project(projectName=one["name"])["ids"] for one in projects if "webhook" in one]
    newest = [build for some in ids if some for build in client.batch_get_builds(ids=some[:1])["builds"]]
    return [build for build in newest if build["resolvedSourceVersion"] == commit]


def _is_of(run: dict[str, Any], commit: str) -> bool:
    return any(source["revisionId"] == commit for source in run["sourceRevisions"])


def _push(local: Local, refspec: str, say: Say) -> None:
    process = subprocess.Popen(
        ["git", "push", "--quiet", str(remote.path(local.home)), refspec],
        cwd=local.root,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines = []
    for line in process.stdout or ():
        lines.append(line.rstrip())
        say(line.rstrip().removeprefix("remote: ").rstrip())
    if process.wait():
        raise PipelineError("git push to the local remote failed:\n" + "\n".join(lines[-5:]))


def _told(home: Path, path: str, body: Any, say: Say) -> None:
    for line in engine.ask(home, path, body):
        say(line)


def decide(local: Local, approval: dict[str, str], *, approved: bool, reason: str) -> None:
    local.client("codepipeline").put_approval_result(
        pipelineName=local.project.pipeline.project,
        stageName=approval["stage"],
        actionName=approval["action"],
        token=approval["token"],
        result={"summary": reason, "status": "Approved" if approved else "Rejected"},
    )


def follow(local: Local, execution: str, since: str, say: Say) -> None:
    _told(local.home, "/_kotei/follow", {"execution": execution, "since": since}, say)


def plane(home: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads("".join(engine.ask(home, "/_kotei/plane", {})))
    return found


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)


def head(root: Path) -> str:
    found = _git(root, "rev-parse", "--verify", "HEAD^{commit}")
    if found.returncode:
        raise PipelineError(f"{root} has no commit to deploy ({found.stderr.strip()}); run: git init && git add --all && git commit")
    return found.stdout.strip()


def _uncommitted(root: Path) -> bool:
    return bool(_git(root, "status", "--porcelain").stdout.strip())


def _name_remote(home: Path, root: Path, say: Say) -> None:
    url = _git(root, "remote", "get-url", "local")
    wanted = str(remote.path(home))
    if url.returncode:
        _git(root, "remote", "add", "local", wanted)
        say("git remote add local: from now on `git push local` deploys here")
    elif url.stdout.strip() != wanted:
        say(f"the git remote `local` is {url.stdout.strip()}, not this engine's; push here with: git push {wanted}")


def failure(local: Local) -> str | None:
    """Why the newest run of HEAD ended without success, if it did."""
    commit = head(local.root)
    run = next((run for run in local.runs() if _is_of(run, commit)), None)
    if run is None or run["status"] in (*RUNNING, "Succeeded"):
        return None
    return f"the run of {commit[:10]} {run['status'].lower()}: {run.get('statusSummary') or 'no reason given'}; see: kotei status"


def described(local: Local) -> Iterator[str]:
    yield from summary.lines(local.project.environments, local.live(), local.home, [approval["owner"] for approval in local.asked()])
