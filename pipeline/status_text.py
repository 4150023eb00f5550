"""The status in words, for a terminal of 80 columns or a pipe. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pipeline.approval import Waiting
from pipeline.status import Deployed, Run, Stage, Status, Wait

SHORT = 8
WIDTH = 80
PASSED = ("Succeeded", "Skipped", "NotRun")


def text(status: Status) -> str:
    return "\n".join(_lines(status)) + "\n"


def _lines(status: Status) -> Iterator[str]:
    yield "environments"
    for one in status.deployed:
        yield from _deployed(one)
    yield "waits for a person" if status.waiting else "nothing waits for a person"
    for number, waiting in enumerate(status.waiting):
        yield from _waiting(waiting, status.waits[number] if number < len(status.waits) else None)
    yield "last runs" if status.runs else "the pipeline has not run yet"
    yield from (_run(run) for run in status.runs)
    if status.stages:
        yield "stages"
        yield from _stages(status.stages)


def _deployed(one: Deployed) -> Iterator[str]:
    if one.digest is None:
        yield f"  {one.environment:<16} {one.stack}"
    else:
        commit = f"commit {one.commit[:SHORT]}" if one.commit else "no run known"
        yield f"  {one.environment:<16} {one.stack:<22} {one.digest[:19]} {commit}"
    if one.following:
        further = f", {one.ahead} {'commit' if one.ahead == 1 else 'commits'} further on" if one.ahead else ""
        yield f"    gets next: {one.following[:SHORT]}{further}"
    if one.held:
        yield from _wrapped(f"held: {one.held}")
    if one.drifted:
        found = ", ".join(f"{stack} (seen {_minute(when)})" for stack, when in one.drifted.items())
        yield from _wrapped(f"drifted: {found}")
        yield f"    kotei drift {one.environment}  (looks again)"
    if one.unread:
        yield from _wrapped(f"could not look: {', '.join(one.unread)} denied")


def _waiting(waiting: Waiting, wait: Wait | None) -> Iterator[str]:
    yield from _wrapped(f"{waiting.stage}: {waiting.text or waiting.execution}", indent=2)
    if wait and wait.until:
        who = f"{wait.asked} was asked" if wait.asked else "nobody gets a mail"
        yield from _wrapped(f"since {_minute(waiting.since)} until {_minute(wait.until)}, then its run fails; {who}")
    yield f"    kotei approve {waiting.owner} --reason ...  (or kotei reject ...)"


def _run(run: Run) -> str:
    what = f"rollback: {run.message}" if run.kind == "ROLLBACK" else run.message
    return f"  {run.execution[:SHORT]} {run.status:<11} {_minute(run.started)} {run.commit[:SHORT]} {what[:31]}".rstrip()


def _stages(stages: tuple[Stage, ...]) -> Iterator[str]:
    """Those that are well by what they are, the others by name."""
    well: dict[tuple[str, str], list[str]] = {}
    for stage in stages:
        if _well(stage):
            well.setdefault((stage.status, stage.execution[:SHORT]), []).append(stage.name)
    for (status, execution), names in well.items():
        yield from _wrapped(f"{status} {execution}".rstrip() + f": {', '.join(names)}", indent=2)
    for stage in stages:
        if not _well(stage):
            then = f", then {stage.next[0][:SHORT]}" if stage.next else ""
            then += f" and {len(stage.next) - 1} more" if stage.next[1:] else ""
            yield f"  {stage.name:<24} {stage.status:<12} {stage.execution[:SHORT]}{then}".rstrip()
            if stage.shut:
                yield from _wrapped(f"nothing gets in: {stage.shut}")
            if stage.problem:
                yield from _wrapped(stage.problem)


def _well(stage: Stage) -> bool:
    return stage.status in PASSED and not stage.next and not stage.shut


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _wrapped(told: str, *, indent: int = 4) -> list[str]:
    return textwrap.wrap(
        told, WIDTH, initial_indent=" " * indent, subsequent_indent=" " * (indent + 2), break_long_words=False, break_on_hyphens=False
    )
