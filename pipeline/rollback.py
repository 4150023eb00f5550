"""To which earlier runs the stage of an environment can be rolled back, and why to the others not; and the rollback itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from pipeline import deployed, executions
from pipeline.aws import DENIED, Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.stages import deploy_stage
from stacks.project import Project

# Each costs three calls, and CodePipeline forgets none within a year.
CANDIDATES = 12
ROLLED_BACK = "is itself a rollback"
# HeadObject has no body, so what is not there has no other code (S3 API reference, HeadObject).
GONE_FROM_S3 = ("404", "NoSuchKey", "NoSuchBucket")


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A run that passed the stage. `why_not` is empty where AWS accepts it; `unread` names what could not be looked at."""

    execution: str
    started: str
    commit: str
    message: str
    digest: str
    why_not: str
    unread: tuple[str, ...] = ()


def candidates(aws: Aws, project: Project, owner: str, running: deployed.Run | None) -> tuple[Candidate, ...]:
    """Newest first. What runs now may be among them, as one that there is nothing to go back to."""
    pipeline = project.pipeline.project
    version = aws.call("codepipeline", "get_pipeline", name=pipeline)["pipeline"]["version"]
    passed = aws.pages(
        "codepipeline",
        "list_pipeline_executions",
        "pipelineExecutionSummaries",
        pipelineName=pipeline,
        filter={"succeededInStage": {"stageName": deploy_stage(owner)}},
    )
    found = []
    for summary in passed:
        found.append(_candidate(aws, project, summary, version, running))
        if len(found) == CANDIDATES:
            break
    return tuple(found)


def chosen(found: Sequence[Candidate], to: str) -> Candidate | None:
    """The one that `to` names by the beginning of its run or commit; without it the newest that AWS accepts."""
    if not to:
        return next((one for one in found if not one.why_not), None)
    named = [one for one in found if one.execution.startswith(to) or one.commit.startswith(to)]
    return next((one for one in named if not one.why_not), None) or next(iter(named), None)


def earlier(found: Sequence[Candidate], running: deployed.Run | None) -> str:
    """The commit to go back to where AWS accepts no run: that of the newest one which deployed another commit."""
    commits = (one.commit for one in found if one.why_not != ROLLED_BACK and one.commit)
    now = running.commit if running else ""
    other = next((commit for commit in commits if commit != now), None)
    if other is None:
        raise PipelineError("the pipeline remembers no earlier run that deployed this environment; name a commit: --to COMMIT")
    return other


def start(aws: Aws, project: Project, owner: str, target: Candidate) -> str:
    """The run that rolls back."""
    stage = deploy_stage(owner)
    try:
        answer = aws.call(
            "codepipeline",
            "rollback_stage",
            pipelineName=project.pipeline.project,
            stageName=stage,
            targetPipelineExecutionId=target.execution,
        )
    except RefusedError as refused:
        if refused.code in ("PipelineExecutionOutdatedException", "UnableToRollbackStageException", "ConflictException"):
            raise PipelineError(
                f"{owner}: AWS does not roll {stage} back to run {target.execution}: {refused.detail}; nothing was changed. "
                f"By a commit instead: kotei rollback {owner} --to {target.commit} --commit"
            ) from refused
        raise
    return str(answer["pipelineExecutionId"])


def _candidate(aws: Aws, project: Project, summary: dict[str, Any], version: int, running: deployed.Run | None) -> Candidate:
    revision: dict[str, str] = next(iter(summary.get("sourceRevisions", [])), {})
    started = summary.get("startTime")
    plain = Candidate(
        execution=summary["pipelineExecutionId"],
        started=started.isoformat(timespec="seconds") if started else "",
        commit=revision.get("revisionId", ""),
        message=next(iter(revision.get("revisionSummary", "").splitlines()), ""),
        digest="",
        why_not="",
    )
    if summary.get("executionType") == "ROLLBACK":
        return replace(plain, why_not=ROLLED_BACK)
    if running and plain.execution == running.execution:
        return replace(plain, why_not="is what runs now")
    ran = executions.execution(aws, project, plain.execution)
    if ran["pipelineVersion"] != version:
        return replace(plain, why_not=f"ran in version {ran['pipelineVersion']} of the pipeline's structure, which is now {version}")
    made = {
        (action["stageName"], action["actionName"]): action.get("output", {})
        for action in executions.actions(aws, project, plain.execution)
    }
    digest = made.get(("Image", "Image"), {}).get("outputVariables", {}).get("IMAGE_DIGEST", "")
    artifacts: list[dict[str, Any]] = made.get(("Source", "Source"), {}).get("outputArtifacts", [])
    source = artifacts[0].get("s3location", {}) if artifacts else {}
    unread: list[str] = []
    why_not = next(chain(_without_image(aws, project, digest, unread), _without_source(aws, source, unread)), "")
    return replace(plain, digest=digest, why_not=why_not, unread=tuple(unread))


def _without_image(aws: Aws, project: Project, digest: str, unread: list[str]) -> Iterator[str]:
    if not digest:
        yield "has no image that CodePipeline remembers"
        return
    try:
        found = aws.call("ecr", "describe_images", repositoryName=project.repository_name, imageIds=[{"imageDigest": digest}])
    except RefusedError as refused:
        if refused.code in DENIED:
            unread.append("ecr:DescribeImages")
        elif refused.code in ("ImageNotFoundException", "RepositoryNotFoundException"):
            yield f"its image {digest[:19]} is not in the registry any more"
        else:
            raise
        return
    # An archived image cannot be pulled until it is restored (ECR user guide, archiving images).
    if any(image.get("imageStatus", "ACTIVE") != "ACTIVE" for image in found["imageDetails"]):
        yield f"its image {digest[:19]} is archived"


def _without_source(aws: Aws, place: dict[str, str], unread: list[str]) -> Iterator[str]:
    if not place:
        yield "has no source that CodePipeline remembers"
        return
    try:
        aws.call("s3", "head_object", Bucket=place["bucket"], Key=place["key"])
    except RefusedError as refused:
        if refused.code in (*DENIED, "403"):
            unread.append("s3:GetObject")
        elif refused.code in GONE_FROM_S3:
            yield "its source is not in the artifact bucket any more"
        else:
            raise
