"""Which commit an environment runs, and what the commit's files say: from the pipeline's runs, since AWS keeps no nginx.conf."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline import executions
from pipeline.aws import DENIED, Aws, RefusedError
from pipeline.review import sides
from pipeline.stages import deploy_stage
from stacks.project import Project

# Where there is no pipeline yet, nothing has run.
NOTHING = ("PipelineNotFoundException", *DENIED)


@dataclass(frozen=True, kw_only=True)
class Run:
    """The run of the pipeline that deployed the service last."""

    execution: str
    commit: str


def last_run(aws: Aws, project: Project, owner: str) -> Run | None:
    """None where the pipeline remembers none. Not the image's tag: commits that change no image share one digest."""
    for action in executions.actions(aws, project):
        if (action["stageName"], action["actionName"], action["status"]) == (deploy_stage(owner), "service", "Succeeded"):
            execution = action["pipelineExecutionId"]
            found = executions.execution(aws, project, execution)
            revisions = found.get("artifactRevisions", [])
            # A rollback fetches no source; it takes that of the run which it returns to.
            source = found.get("rollbackMetadata", {}).get("rollbackTargetPipelineExecutionId", execution)
            return Run(execution=source, commit=revisions[0]["revisionId"]) if revisions else None
    return None


def files(root: Path, aws: Aws, project: Project, owner: str, paths: Sequence[str]) -> dict[str, str | None] | None:
    """The files of the commit that runs, from Git or from the pipeline's artifacts. None where neither has it."""
    try:
        run = last_run(aws, project, owner)
    except RefusedError as refused:
        if refused.code in NOTHING:
            return None
        raise
    if run is None:
        return None
    if sides.has(root, run.commit):
        return {path: sides.text(root, run.commit, path) for path in paths}
    try:
        return _from_artifact(aws, project, run, paths)
    except RefusedError as refused:
        if refused.code in (*DENIED, "NoSuchKey", "NoSuchBucket"):
            return None
        raise


def _from_artifact(aws: Aws, project: Project, run: Run, paths: Sequence[str]) -> dict[str, str | None] | None:
    for action in executions.actions(aws, project, run.execution):
        if action["stageName"] == "Source" and (made := action.get("output", {}).get("outputArtifacts")):
            where: dict[str, Any] = made[0]["s3location"]
            body: bytes = aws.call("s3", "get_object", Bucket=where["bucket"], Key=where["key"])["Body"].read()
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                held = set(archive.namelist())
                return {path: archive.read(path).decode() if path in held else None for path in paths}
    return None
