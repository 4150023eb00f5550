"""The proxy's image in the registry: its digest by commit, and whether its scan lets it pass."""

from __future__ import annotations

import time

from pipeline.aws import Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.prepare import DIGEST
from stacks.project import Project

# From bad to worse (ECR API: FindingSeverity).
SEVERITIES = ("UNDEFINED", "INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
SCAN_SECONDS = 600
POLL_SECONDS = 5


def digest(aws: Aws, project: Project, commit: str) -> str:
    try:
        images = aws.call(
            "ecr",
            "describe_images",
            registryId=project.pipeline.account,
            repositoryName=project.repository_name,
            imageIds=[{"imageTag": commit}],
        )["imageDetails"]
    except RefusedError as refused:
        if refused.code == "ImageNotFoundException":
            raise PipelineError(
                f"{project.repository_name}: there is no image of commit {commit}; the pipeline's Image stage builds it"
            ) from refused
        raise
    return str(images[0]["imageDigest"])


def findings(aws: Aws, project: Project, image_digest: str) -> dict[str, int]:
    """Number of findings by severity, once the scan that the push started is over."""
    if not DIGEST.fullmatch(image_digest):
        raise PipelineError(f"{image_digest!r} is not an image digest; see: kotei image digest COMMIT")
    deadline = time.monotonic() + SCAN_SECONDS
    while True:
        status, counts, why = _scan(aws, project, image_digest)
        # ACTIVE is what enhanced scanning says of an image that it keeps watching.
        if status in ("COMPLETE", "ACTIVE"):
            return counts
        if status not in ("NOT_STARTED", "PENDING", "IN_PROGRESS"):
            raise PipelineError(f"{project.repository_name}@{image_digest}: the scan ended as {status}: {why}")
        if time.monotonic() > deadline:
            raise PipelineError(
                f"{project.repository_name}@{image_digest}: the scan is still {status} after {SCAN_SECONDS} seconds; "
                f"try again: kotei image scan {image_digest}"
            )
        time.sleep(POLL_SECONDS)


def _scan(aws: Aws, project: Project, image_digest: str) -> tuple[str, dict[str, int], str]:
    try:
        answer = aws.call(
            "ecr",
            "describe_image_scan_findings",
            registryId=project.pipeline.account,
            repositoryName=project.repository_name,
            imageId={"imageDigest": image_digest},
        )
    except RefusedError as refused:
        # The scan on push is announced some seconds after the push.
        if refused.code == "ScanNotFoundException":
            return "NOT_STARTED", {}, refused.detail
        raise
    state = answer.get("imageScanStatus", {})
    counts = answer.get("imageScanFindings", {}).get("findingSeverityCounts", {})
    return state.get("status", "PENDING"), {str(severity): int(count) for severity, count in counts.items()}, state.get("description", "")


def too_severe(counts: dict[str, int], limit: str) -> dict[str, int]:
    """The findings that are `limit` or worse."""
    refused = SEVERITIES[SEVERITIES.index(limit) :]
    return {severity: counts[severity] for severity in reversed(refused) if counts.get(severity)}
