"""What a change would do, and the decision about it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.common import (
    BLOCKED,
    DIFFERENT,
    DONE,
    AsJson,
    ExitCode,
    Format,
    ImageDigest,
    Owner,
    Public,
    Reason,
    aws_target,
    report,
    tell,
)
from pipeline.paths import ROOT

app = typer.Typer()


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
    print(report(found, "json" if as_json else form, public=public), end="")
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

    project = configuration()
    if owner != SHARED:
        environment(project, owner)
    target = aws_target()
    prepared = prepare(ROOT, project, target, owner, image_digest or None)
    print(report(prepared.review, "json" if as_json else form, public=public), end="")
    aws, link = pipeline_aws(project, target), ""
    if publish and not expect:
        link = plan_page.publish(aws, publish, prepared, report(prepared.review, "html", public=False))
        tell(f"the whole plan: {link}")
    gate.refuse_if_blocked(prepared)
    if expect:
        planned = plan_page.planned(aws, publish, owner, expect) if publish else None
        if moved := gate.pass_or_refuse(prepared, project, aws, expected=expect, execution=execution or None, planned=planned):
            tell(moved)
    if export is not None:
        export.write_text(exports(prepared.review, link=link), encoding="utf-8")
    return DIFFERENT if exit_code and prepared.changes else DONE


@app.command()
def approve(owner: Owner, reason: Reason = "approved with kotei") -> int:
    """Let the plan that waits run. Changes the pipeline's state, nothing else."""
    return _decide(owner, approved=True, reason=reason)


@app.command()
def reject(owner: Owner, reason: Reason = "rejected with kotei") -> int:
    """Refuse the plan that waits: its run of the pipeline ends there. Changes the pipeline's state, nothing else."""
    return _decide(owner, approved=False, reason=reason)


def _decide(owner: str, *, approved: bool, reason: str) -> int:
    from pipeline import approval
    from pipeline.prepare import environment, pipeline_aws
    from pipeline.stages import SHARED

    project = configuration()
    if owner != SHARED:
        environment(project, owner)
    aws = pipeline_aws(project, aws_target())
    decided = approval.decide(aws, project, owner, "Approved" if approved else "Rejected", reason)
    if approved and (run := approval.overtaken(aws, project, decided)):
        tell(f"run {run} was deployed to {owner} after this was planned, so the gate plans anew: what was not in this plan stops there")
    print(f"{owner}: {'approved' if approved else 'rejected'} {decided.text or 'run ' + decided.execution}")
    return DONE


@app.command()
def release() -> int:
    """Send the branch's last commit through the pipeline once more, and follow until it ends or asks. Ctrl-C stops following only."""
    from pipeline import release as releases
    from pipeline.commands.happening import waiting
    from pipeline.prepare import pipeline_aws

    project = configuration()
    aws = pipeline_aws(project, aws_target())
    execution = releases.start(aws, project)
    with waiting(f"run {execution}") as show:
        for line in releases.follow(aws, project, execution):
            tell(line)
            show(line)
    print(f"run {execution}: done, or waiting for a person; see: kotei status")
    return DONE
