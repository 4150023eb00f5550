"""The command line: one function a command. The only place that prints and decides about exit codes."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from pipeline.checkout import project as _project
from pipeline.errors import PipelineError
from pipeline.local.cli import app as local_app
from pipeline.paths import ROOT

if TYPE_CHECKING:
    from pipeline.aws import Target
    from pipeline.review.model import Review

DONE, OUR_BUG, DIFFERENT, BLOCKED = 0, 3, 4, 5


def _finish(code: int | None, **_: object) -> None:
    raise typer.Exit(code or DONE)


app = typer.Typer(
    name="kotei",
    help="A reverse proxy with fixed IP addresses on AWS, run only through Git.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    result_callback=_finish,
)
image_app = typer.Typer(help="The proxy's image in the registry. Reads only.", no_args_is_help=True)
app.add_typer(image_app, name="image")
app.add_typer(local_app, name="local")

AsJson = Annotated[bool, typer.Option("--json", help="Print a JSON document.")]
Owner = Annotated[str, typer.Argument(help="An environment, or `shared` for the pipeline itself.")]
EnvironmentName = Annotated[str, typer.Argument(help="An environment.")]
Format = Annotated[Literal["text", "line", "markdown", "json", "html"], typer.Option("--format", help="How it is printed.")]
Public = Annotated[bool, typer.Option("--public", help="Without account ids, for readers outside.")]
ExitCode = Annotated[bool, typer.Option("--exit-code", help="Exit 4 when something would change.")]
ImageDigest = Annotated[str, typer.Option(help="The image, as sha256:... (empty: the one that is deployed).")]


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done, 1 refused, 2 usage, 3 our bug (with its traceback), 4 differences (with --exit-code), 5 blocked, 130."""
    try:
        app(args=None if argv is None else list(argv), prog_name="kotei")
    except SystemExit as end:
        return int(end.code or DONE)
    except PipelineError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except Exception:  # noqa: BLE001 - the one place where a bug ends
        traceback.print_exc()
        print("kotei: this is a bug of kotei itself, not of your input", file=sys.stderr)
        return OUR_BUG
    raise AssertionError("typer ends every command with SystemExit")


@app.command()
def render(
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a file is stale.")] = False,
) -> int:
    """Write every generated file: templates, their configurations, nginx configurations, the schema."""
    from pipeline import render as renderer

    files = renderer.files(_project())
    if not check:
        changed = renderer.write(ROOT, files)
        _tell("\n".join(changed) if changed else f"{len(files)} files are up to date")
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
    findings = checker.check(ROOT, _project(), only=only or (), progress=lambda name, count: _tell(f"{name}: {count or 'no'} findings"))
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


@app.command()
def review(  # noqa: PLR0917 - typer reads arguments and options from one signature
    base: Annotated[str, typer.Argument(help="A commit (default: where this branch left the main branch).")] = "",
    head: Annotated[str, typer.Argument(help="A commit (default: the work tree).")] = "",
    form: Format = "text",
    as_json: AsJson = False,
    public: Public = False,
    exit_code: ExitCode = False,
) -> int:
    """Say what a change of the rendered files does to the people who use the addresses. Needs Git, no AWS; writes nothing."""
    from pipeline.review.between import between

    found = between(ROOT, base, head, date.today())  # noqa: DTZ011 - an exception expires where it is read
    print(_report(found, "json" if as_json else form, public=public), end="")
    if found.verdict == "blocked":
        return BLOCKED
    return DIFFERENT if exit_code and not found.empty else DONE


@app.command()
def plan(  # noqa: PLR0917 - as above
    owner: Owner,
    form: Format = "text",
    as_json: AsJson = False,
    public: Public = False,
    exit_code: ExitCode = False,
    image_digest: ImageDigest = "",
    expect: Annotated[str, typer.Option(help="Refuse unless the plan still has this fingerprint.", metavar="FINGERPRINT")] = "",
    execution: Annotated[str, typer.Option(help="With --expect: refuse unless this run of the pipeline was approved where needed.")] = "",
    publish: Annotated[str, typer.Option(help="Put the plan as a page into this bucket; with --expect, only read from it.")] = "",
    export: Annotated[Path | None, typer.Option(help="Write NEEDS_APPROVAL, VERDICT, SUMMARY, FINGERPRINT and REPORT for a shell.")] = None,
) -> int:
    """Say what a deployment of this checkout would change. Reads the live stacks; changes nothing in AWS but the page of --publish."""
    from pipeline import gate, plan_page
    from pipeline.prepare import environment, pipeline_aws, prepare
    from pipeline.report.shell import exports
    from pipeline.stages import SHARED

    project = _project()
    if owner != SHARED:
        environment(project, owner)
    target = _target()
    prepared = prepare(ROOT, project, target, owner, image_digest or None)
    print(_report(prepared.review, "json" if as_json else form, public=public), end="")
    aws, link = pipeline_aws(project, target), ""
    if publish and not expect:
        link = plan_page.publish(aws, publish, prepared, _report(prepared.review, "html", public=False))
        _tell(f"the whole plan: {link}")
    gate.refuse_if_blocked(prepared)
    if expect:
        planned = plan_page.planned(aws, publish, owner, expect) if publish else None
        if moved := gate.pass_or_refuse(prepared, project, aws, expected=expect, execution=execution or None, planned=planned):
            _tell(f"{moved}; this is the plan anew, and it needs nobody's approval")
    if export is not None:
        export.write_text(exports(prepared.review, link=link), encoding="utf-8")
    return DIFFERENT if exit_code and prepared.changes else DONE


@app.command()
def status(as_json: AsJson = False) -> int:
    """Say where everything stands: runs of the pipeline, who is waited for, what each environment runs. Reads only."""
    from pipeline import status as statuses
    from pipeline.status_text import text

    now = statuses.read(_project(), _target())
    print(_document(asdict(now)) if as_json else text(now), end="")
    return DONE


@app.command()
def approve(owner: Owner, reason: Annotated[str, typer.Option(help="Kept with the decision.")] = "approved with kotei") -> int:
    """Let the plan that waits run. Changes the pipeline's state, nothing else."""
    return _decide(owner, approved=True, reason=reason)


@app.command()
def reject(owner: Owner, reason: Annotated[str, typer.Option(help="Kept with the decision.")] = "rejected with kotei") -> int:
    """Refuse the plan that waits: its run of the pipeline ends there. Changes the pipeline's state, nothing else."""
    return _decide(owner, approved=False, reason=reason)


def _decide(owner: str, *, approved: bool, reason: str) -> int:
    from pipeline import approval
    from pipeline.prepare import environment, pipeline_aws
    from pipeline.stages import SHARED

    project = _project()
    if owner != SHARED:
        environment(project, owner)
    decided = approval.decide(pipeline_aws(project, _target()), project, owner, "Approved" if approved else "Rejected", reason)
    print(f"{owner}: {'approved' if approved else 'rejected'} {decided.text or 'run ' + decided.execution}")
    return DONE


@app.command()
def addresses(
    name: EnvironmentName,
    form: Annotated[Literal["text", "json", "csv", "nft", "terraform"], typer.Option("--format", help="How it is printed.")] = "text",
    as_json: AsJson = False,
    pin: Annotated[bool, typer.Option("--pin", help="Write into stacks/pinned what is not there yet; a plan then holds to it.")] = False,
) -> int:
    """Print the fixed addresses that clients allow. Changes nothing in AWS."""
    from pipeline.address_formats import written
    from pipeline.addresses import pin as pinned
    from pipeline.addresses import read
    from pipeline.prepare import environment, environment_aws

    env, target = environment(_project(), name), _target()
    found = read(environment_aws(env, target), env)
    print(written("json" if as_json else form, env.project, name, found), end="")
    if pin:
        path, new = pinned(ROOT, env, found)
        if target.endpoint:
            _tell(f"{target.name} is not AWS: {path} now holds addresses that no partner knows; keep it out of the branch that you deploy")
        _tell(f"{path} has {', '.join(new)} now; commit it: git add {path}" if new else f"{path} has them all")
    return DONE


@app.command()
def cost(name: EnvironmentName, as_json: AsJson = False) -> int:
    """Estimate what AWS bills a month for an environment without traffic, from its configuration. Reads no AWS."""
    from pipeline import cost as estimate
    from pipeline.prepare import environment

    lines = estimate.monthly(environment(_project(), name))
    if as_json:
        print(_document([asdict(line) for line in lines]), end="")
        return DONE
    for line in (*lines, estimate.Line(item="Together, in US dollars", quantity="", dollars=estimate.total(lines))):
        print(f"{line.item:<32}{line.quantity:<26}{line.dollars:>8.2f}")
    return DONE


@app.command()
def protect(name: EnvironmentName) -> int:
    """Turn on termination protection of the stacks that hold an environment's addresses. Changes nothing else."""
    from pipeline import protect as protection
    from pipeline.prepare import environment, environment_aws

    env = environment(_project(), name)
    changed = protection.turn_on(environment_aws(env, _target()), env)
    print("\n".join(f"{stack}: termination protection is on" for stack in changed) or f"{name}: every stack was protected already")
    return DONE


@app.command()
def verify(
    name: EnvironmentName,
    image_digest: ImageDigest = "",
    seconds: Annotated[int, typer.Option(help="How long it may take until all is well.", min=0)] = 120,
) -> int:
    """Check that an environment runs the image that was approved, and has a healthy task in every zone. Reads only."""
    from pipeline import verify as verifier
    from pipeline.prepare import environment, environment_aws

    env = environment(_project(), name)
    verifier.wait(environment_aws(env, _target()), env, image_digest or None, seconds=seconds)
    print(f"{name}: every task runs the approved image, every zone is healthy")
    return DONE


@image_app.command("digest")
def image_digest(commit: Annotated[str, typer.Argument(help="The commit that the image was built from.")]) -> int:
    """Print the digest of the image of a commit."""
    from pipeline import image
    from pipeline.prepare import pipeline_aws

    project = _project()
    print(image.digest(pipeline_aws(project, _target()), project, commit))
    return DONE


@image_app.command("scan")
def image_scan(digest: Annotated[str, typer.Argument(help="The image, as sha256:...")]) -> int:
    """Wait for the registry's scan and refuse an image with findings as bad as scan_fail_severity or worse."""
    from pipeline import image
    from pipeline.prepare import pipeline_aws

    project = _project()
    counts = image.findings(pipeline_aws(project, _target()), project, digest)
    limit = project.pipeline.scan_fail_severity
    if severe := image.too_severe(counts, limit):
        words = ", ".join(f"{count} {severity}" for severity, count in severe.items())
        raise PipelineError(
            f"{project.repository_name}@{digest}: {words} (scan_fail_severity is {limit}); take a newer base image in docker/Dockerfile"
        )
    print(", ".join(f"{count} {severity}" for severity, count in sorted(counts.items())) or "no findings")
    return DONE


def _target() -> Target:
    from pipeline.aws import target

    found = target(ROOT)
    _tell(f"talking to {found.name} ({found.why})")
    return found


def _report(found: Review, form: str, *, public: bool) -> str:
    from pipeline.report import FORMATS
    from pipeline.report.mask import public as masked

    return FORMATS[form](masked(found) if public else found)


def _document(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"


def _tell(text: str) -> None:
    """What is not the result goes to stderr, so that the result can be piped."""
    print(text, file=sys.stderr)
