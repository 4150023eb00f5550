"""What a checkout generates, and whether it holds."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.common import DONE, tell
from pipeline.errors import PipelineError
from pipeline.paths import ROOT

app = typer.Typer()


@app.command()
def render(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a file is stale.")] = False,
) -> int:
    """Write every generated file: templates, their configurations, nginx configurations, the schema."""
    from pipeline import render as renderer

    files = renderer.files(configuration())
    if not check:
        changed = renderer.write(ROOT, files)
        tell("\n".join(changed) if changed else f"{len(files)} files are up to date")
        return DONE
    if stale := renderer.stale(ROOT, files):
        raise PipelineError("\n".join(f"{path} is stale" for path in stale) + "\nrun: kotei render")
    return DONE


@app.command()
def check(only: Annotated[list[str] | None, typer.Option(help="One of the checks; may be given several times.")] = None) -> int:
    """Check everything without AWS: configuration, generated files, templates, nginx, image, scripts. Writes only its cache."""
    from pipeline import check as checker

    if unknown := sorted(set(only or ()) - checker.CHECKS.keys()):
        raise PipelineError(f"no check is called {', '.join(unknown)}; there are: {', '.join(checker.CHECKS)}")
    findings = checker.check(ROOT, configuration(), only=only or (), progress=lambda name, count: tell(f"{name}: {count or 'no'} findings"))
    for finding in findings:
        print(finding)
    if findings:
        raise PipelineError(f"{len(findings)} findings; mend them, or accept them for a time in policy/exceptions.toml")
    return DONE


@app.command()
def schema() -> int:
    """Print the JSON Schema of the configuration files. Writes nothing."""
    from pipeline.schema import text

    print(text(), end="")
    return DONE
