"""The status in words, for a terminal or a pipe. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.status import Deployed, Run, Status

SHORT = 8


def text(status: Status) -> str:
    return "\n".join(_lines(status)) + "\n"


def _lines(status: Status) -> Iterator[str]:
    yield "environments"
    yield from (f"  {_deployed(one)}" for one in status.deployed)
    yield "waits for a person" if status.waiting else "nothing waits for a person"
    for waiting in status.waiting:
        yield f"  {waiting.stage}: {waiting.text or waiting.execution}"
        yield f"    kotei approve {waiting.owner} --reason ...    or    kotei reject {waiting.owner} --reason ..."
    yield "last runs" if status.runs else "the pipeline has not run yet"
    yield from (f"  {_run(run)}" for run in status.runs)
    yield "stages"
    for stage in status.stages:
        yield f"  {stage.name:<24} {stage.status:<12} {stage.execution[:SHORT]}".rstrip()
        if stage.problem:
            yield f"    {stage.problem}"


def _deployed(one: Deployed) -> str:
    if one.digest is None:
        return f"{one.environment:<16} {one.stack}"
    commit = f"commit {one.commit[:SHORT]}" if one.commit else "not deployed by a run that the pipeline remembers"
    return f"{one.environment:<16} {one.stack:<24} {one.digest[:19]} {commit}"


def _run(run: Run) -> str:
    return f"{run.execution[:SHORT]} {run.status:<12} {run.started} {run.commit[:SHORT]} {run.message}".rstrip()
