"""The way back: an environment as an earlier run left it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipeline.checkout import project as configuration
from pipeline.commands.asking import typed
from pipeline.commands.common import BLOCKED, DONE, AsJson, EnvironmentName, aws_target, document, report, tell
from pipeline.errors import PipelineError
from pipeline.paths import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.aws import Target
    from pipeline.deployed import Run
    from pipeline.prepare import Prepared
    from pipeline.rollback import Candidate
    from stacks.project import Project

app = typer.Typer()


@app.command()
def rollback(  # noqa: PLR0917 - typer reads arguments and options from one signature
    name: EnvironmentName,
    to: Annotated[str, typer.Option(help="A run of the pipeline or a commit (default: the newest run that AWS accepts).")] = "",
    by_commit: Annotated[bool, typer.Option("--commit", help="Prepare a commit, also where AWS would roll back.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> int:
    """Put template, image and nginx configuration of an environment back together. Rolls back its stage, or prepares a commit."""
    from pipeline import deployed
    from pipeline import rollback as back
    from pipeline.apply import refuse_while_deploying
    from pipeline.prepare import environment, pipeline_aws

    project = configuration()
    environment(project, name)
    target = aws_target()
    aws = pipeline_aws(project, target)
    refuse_while_deploying(aws, project, name)
    running = deployed.last_run(aws, project, name)
    found = back.candidates(aws, project, name, running)
    choice = back.chosen(found, to)
    _tell_candidates(found)
    accepted = choice is not None and not choice.why_not and not by_commit
    done: dict[str, Any] = {"environment": name, "candidates": [asdict(one) for one in found], "chosen": choice and choice.execution}
    if choice is not None and accepted:
        prepared = _review(project, target, name, choice)
        code = _judged(prepared)
        done |= {"verdict": prepared.review.verdict}
        if code == DONE and not dry_run:
            if not yes:
                typed(name, f"kotei rollback {name} --to {choice.execution} --yes")
            done |= {"run": back.start(aws, project, name, choice)}
    else:
        if choice is not None and choice.why_not:
            tell(f"AWS does not take run {choice.execution}: it {choice.why_not}")
        revision = choice.commit if choice else to or back.earlier(found, running)
        code, more = _by_commit(project, target, name, revision, running, dry_run=dry_run, yes=yes)
        done |= more
    print(document(done) if as_json else _ending(name, project, choice, done), end="")
    return code


def _tell_candidates(found: tuple[Candidate, ...]) -> None:
    for one in found:
        unread = f" (could not look: {', '.join(one.unread)})" if one.unread else ""
        word = one.why_not or f"can be rolled back to{unread}"
        tell(f"{one.execution} {one.started[:16]} {one.commit[:8]} {one.message[:40]}: {word}")


def _review(project: Project, target: Target, name: str, choice: Candidate) -> Prepared:
    from pipeline import rollback_commit
    from pipeline.review import sides

    if not sides.has(ROOT, choice.commit):
        raise PipelineError(
            f"commit {choice.commit} is not in this repository, so nobody can say what the way back to it changes; run: git fetch --all"
        )
    with rollback_commit.work_tree(ROOT, choice.commit) as place:
        return _prepared(place, project, target, name, digest=choice.digest, head=f"commit {choice.commit[:10]}")


def _prepared(place: Path, project: Project, target: Target, name: str, *, digest: str | None, head: str) -> Prepared:
    """The plan, made from other files than those of this checkout."""
    from pipeline.prepare import prepare

    found = prepare(place, project, target, name, digest)
    # Nobody approves this plan by its fingerprint.
    tell(report(replace(found.review, head=head, plan=None), "text", public=False))
    return found


def _judged(prepared: Prepared) -> int:
    from pipeline.gate import BlockedError, refuse_if_blocked

    try:
        refuse_if_blocked(prepared)
    except BlockedError as blocked:
        tell(str(blocked))
        return BLOCKED
    return DONE


def _by_commit(
    project: Project, target: Target, name: str, revision: str, running: Run | None, *, dry_run: bool, yes: bool
) -> tuple[int, dict[str, Any]]:
    from pipeline import rollback_commit

    to = rollback_commit.resolved(ROOT, revision)
    base = rollback_commit.base(ROOT, project, running.commit if running else None)
    tell(f"by a commit: the files of {to[:10]} on top of {base[:10]}")
    with rollback_commit.work_tree(ROOT, base) as place:
        change = rollback_commit.take_back(place, name, to)
        if not change.files:
            raise PipelineError(f"{name}: the branch holds what commit {to[:10]} has already; deploy it: git push")
        prepared = _prepared(place, project, target, name, digest=None, head=f"the files of {to[:10]}")
        done: dict[str, Any] = {"commit": to, "files": list(change.files), "whole": change.whole, "verdict": prepared.review.verdict}
        code = _judged(prepared)
        if code != DONE or dry_run:
            return code, done
        if not yes:
            typed(name, f"kotei rollback {name} --to {to} --commit --yes")
        return code, done | {"branch": rollback_commit.commit(ROOT, place, name, change)}


def _ending(name: str, project: Project, choice: Candidate | None, done: dict[str, Any]) -> str:
    branch = project.pipeline.repository.branch
    if "run" in done and choice:
        return (
            f"{name}: rolls back to commit {choice.commit[:10]} in run {done['run']}; see: kotei status\n"
            f"The branch still holds what was rolled back, and the next push deploys it again: take it back there, too: "
            f"kotei rollback {name} --to {choice.commit} --commit\n"
        )
    if "branch" in done:
        whole = "It takes everything back, not only this environment: code has changed since.\n" if done["whole"] else ""
        return (
            f"{done['branch']} takes {name} back to commit {done['commit'][:10]}: {len(done['files'])} files\n{whole}"
            f"look at it: git show --stat {done['branch']}\n"
            f"have it reviewed: git push origin {done['branch']}, and open a pull request\n"
            f"or deploy it: git push origin {done['branch']}:{branch}\n"
        )
    return f"{name}: nothing was changed\n"
