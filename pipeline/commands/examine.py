"""What could go wrong, and where to look."""

from __future__ import annotations

import sys
from dataclasses import asdict
from typing import Annotated

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.common import DONE, REFUSED, AsJson, aws_target, document, environments, tell
from pipeline.errors import PipelineError
from pipeline.paths import ROOT

app = typer.Typer()


def _pages() -> list[str]:
    from pipeline.console import INSTEAD

    return list(INSTEAD)


@app.command()
def doctor(
    name: Annotated[
        str, typer.Argument(help="An environment (default: all of them).", metavar="ENVIRONMENT", autocompletion=environments)
    ] = "",
    as_json: AsJson = False,
) -> int:
    """Look for what stops a deployment or loses a client tomorrow: quotas, names, certificates, roles, protection. Reads only."""
    from pipeline.doctor import run
    from pipeline.prepare import environment

    project = configuration()
    only = environment(project, name) if name else None
    target = aws_target()
    tell("looking; this takes some seconds")
    found = run.examine(ROOT, project, target, only)
    print(document([asdict(one) for one in found]) if as_json else run.text(found), end="")
    return REFUSED if run.worst(found) == "broken" else DONE


@app.command(name="open")
def open_page(
    name: Annotated[
        str, typer.Argument(help="An environment (default: the first).", metavar="ENVIRONMENT", autocompletion=environments)
    ] = "",
    what: Annotated[
        str,
        typer.Argument(
            help="pipeline, approval, connection, stacks, service, logs, dashboard, loadbalancer or addresses.",
            metavar="PAGE",
            autocompletion=_pages,
        ),
    ] = "pipeline",
    only_print: Annotated[bool, typer.Option("--print", help="Print the address instead of opening it.")] = False,
    as_json: AsJson = False,
) -> int:
    """Open the page of the AWS console that shows it. Calls no AWS."""
    import webbrowser

    from pipeline.console import INSTEAD, links
    from pipeline.prepare import environment

    project = configuration()
    if name in INSTEAD:
        name, what = "", name
    if what not in INSTEAD:
        raise typer.BadParameter(f"{what!r} is none of {', '.join(INSTEAD)}")
    if name and name not in project.pipeline.environments:
        raise typer.BadParameter(
            f"{name!r} is neither an environment ({', '.join(project.pipeline.environments)}) nor a page ({', '.join(INSTEAD)})"
        )
    env = environment(project, name) if name else project.environments[0]
    if engine := _emulated():
        raise PipelineError(f"{engine} has no console; instead: {INSTEAD[what].format(name=env.name)}")
    address = links(project, env)[what]
    if as_json or only_print or not sys.stdout.isatty():
        print(document({"url": address}) if as_json else f"{address}\n", end="")
        return DONE
    tell(address)
    if not webbrowser.open(address):
        raise PipelineError("no browser could be started here; open that address yourself")
    return DONE


def _emulated() -> str:
    """The engine's address; empty where it is AWS, or may be: whoever is logged in with a browser needs no credentials here."""
    from pipeline.aws import NoAwsError

    try:
        found = aws_target()
    except NoAwsError:
        return ""
    return found.name if found.endpoint else ""
