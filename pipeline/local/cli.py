"""`kotei local …`: the local engine's commands."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.checkout import project as _project
from pipeline.commands.asking import confirmed, somebody_is_there
from pipeline.commands.listing import Listed
from pipeline.errors import PipelineError
from pipeline.local.engine import home as engine_home
from pipeline.paths import ROOT

if TYPE_CHECKING:
    from pipeline.local.up import Local

app = typer.Typer(
    cls=Listed,
    help="The whole system on this computer: the real pipeline over an AWS in memory, real nginx serving.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON document.")]


def _say(line: str) -> None:
    typer.echo(line, err=True)


def _running() -> Local:
    from pipeline.local import engine
    from pipeline.local.up import Local

    endpoint = engine.endpoint(engine_home())
    if endpoint is None:
        raise PipelineError("the local engine is not running; run: kotei local up")
    return Local(home=engine_home(), root=ROOT, project=_project(), endpoint=endpoint)


@app.command()
def up() -> None:
    """Start the engine, deploy HEAD through the pipeline, say where it is served. Safe to repeat."""
    from pipeline.local.world import answering

    with answering():
        _up()


def _up() -> None:
    from pipeline.local import engine
    from pipeline.local import up as ups
    from pipeline.local.world import utc_now

    project = _project()
    with engine.alone(engine_home(), _say):
        local = ups.up(engine_home(), ROOT, project, _say)
    # A person at a terminal is asked where the pipeline asks one; everybody else gets the command for it.
    while somebody_is_there() and (asked := local.asked()):
        approval = asked[0]
        if not confirmed(f"Approve {approval['owner']} in run {approval['execution'][:8]}?"):
            break
        decided = utc_now().isoformat()
        ups.decide(local, approval, approved=True, reason="approved at kotei local up")
        ups.follow(local, approval["execution"], decided, _say)
    for line in ups.described(local):
        typer.echo(line)
    if failed := ups.failure(local):
        raise PipelineError(failed)


@app.command()
def pr() -> None:
    """Open HEAD as a pull request in the local remote, or update it, and show its review. Deploys nothing."""
    from pipeline.local import up as ups
    from pipeline.local.world import answering

    with answering():
        local = _running()
        ups.propose(local, _say)
        commit = ups.head(local.root)
        built = ups.reviews(local, commit)
    if not built:
        raise PipelineError(f"nothing reviews {commit[:10]}: it adds nothing to the branch that the pipeline follows, or no project asks")
    if failed := [build["projectName"] for build in built if build["buildStatus"] != "SUCCEEDED"]:
        raise PipelineError(f"{', '.join(failed)} did not pass {commit[:10]}")


@app.command()
def down() -> None:
    """Stop the engine and everything that serves. State, addresses and deployments are kept in .kotei/."""
    from pipeline.local import engine

    try:
        stopped = engine.stop(engine_home())
    except PermissionError as error:
        raise PipelineError(f"the local engine in {engine_home()} was started by another user, who can stop it") from error
    _say("the local engine is stopped; start it again with: make up" if stopped else "the local engine was not running")


@app.command()
def status(as_json: AsJson = False) -> None:  # noqa: FBT002 - typer options are booleans
    """Say whether the engine runs, what it serves and where, and what the pipeline does. Reads only."""
    from pipeline.local.world import answering

    with answering():
        _status(as_json=as_json)


def _status(*, as_json: bool) -> None:
    from pipeline.local import up as ups

    local = _running()
    plane = ups.plane(local.home)
    runs = local.runs()[:5]
    if as_json:
        document = {"endpoint": local.endpoint, **plane, "runs": runs, "waiting": local.asked(), "outputs": local.live()}
        typer.echo(json.dumps(document, indent=2, default=str))
        return
    typer.echo(f"engine: {local.endpoint}")
    for endpoint in plane["endpoints"]:
        typer.echo(f"  {endpoint['address']}:{endpoint['port']}  {endpoint['zone']}  {' '.join(endpoint['hosts'])}")
    for problem in plane["problems"]:
        typer.echo(f"  problem: {problem}")
    for run in runs:
        commit = next((source["revisionId"][:10] for source in run["sourceRevisions"]), "-")
        typer.echo(f"run {run['pipelineExecutionId']}  {commit}  {run['status']}  {run.get('statusSummary', '')}".rstrip())
    for line in ups.described(local):
        typer.echo(line)


@app.command()
def logs(
    environment: Annotated[str, typer.Argument(help="An environment: its proxy's log. Without one: the engine's own.")] = "",
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as lines are written.")] = False,  # noqa: FBT002 - typer options are booleans
) -> None:
    """Show the engine's log, or what an environment's proxy logs. Reads only."""
    from pipeline.local import engine

    files = _proxy_logs(environment) if environment else [engine_home() / engine.LOG]
    if not environment and not files[0].exists():
        raise PipelineError("the local engine never ran here, so there is no log; run: kotei local up")
    for line in _tail(files, follow=follow):
        typer.echo(line)


def _proxy_logs(environment: str) -> list[Path]:
    """Of the tasks that ECS says are running."""
    local = _running()
    found = {env.name: env for env in local.project.environments}
    if environment not in found:
        raise PipelineError(f"there is no environment {environment}; there are: {', '.join(found)}")
    env = found[environment]
    ecs = local.client("ecs", env)
    clusters = {arn.rpartition("/")[2] for arn in ecs.list_clusters()["clusterArns"]}
    name = f"{env.project}-{env.name}"
    tasks = ecs.list_tasks(cluster=name)["taskArns"] if name in clusters else []
    files = [local.home / "plane" / "tasks" / arn.rpartition("/")[2] / "stdout.log" for arn in tasks]
    if not files:
        raise PipelineError(f"{environment} runs nothing; deploy it first: make up")
    return [file for file in files if file.exists()]


def _tail(files: list[Path], *, follow: bool) -> Iterator[str]:
    places = dict.fromkeys(files, 0)
    while True:
        for file, place in places.items():
            with file.open(errors="replace") as log:
                log.seek(place)
                yield from (line.rstrip("\n") for line in log)
                places[file] = log.tell()
        if not follow:
            return
        time.sleep(0.3)


@app.command()
def env() -> None:
    """Print the variables that point any AWS program at the engine: eval "$(kotei local env)". Reads only."""
    local = _running()
    config = local.project.pipeline
    for name, value in {
        "AWS_ENDPOINT_URL": local.endpoint,
        "AWS_ACCESS_KEY_ID": config.account,
        "AWS_SECRET_ACCESS_KEY": "local",  # pragma: allowlist secret
        "AWS_REGION": config.region,
        "AWS_DEFAULT_REGION": config.region,
    }.items():
        typer.echo(f"export {name}={value}")


@app.command()
def coverage() -> None:
    """Say for each resource type what the engine enforces and what it only records. Reads only."""
    from pipeline.local.coverage import text

    typer.echo(text(), nl=False)
