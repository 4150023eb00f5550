"""The proxy's image in the registry: its digest by commit, what its scan found, whether it is signed, and where copies are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.aws import Aws, RefusedError
from pipeline.errors import PipelineError
from pipeline.prepare import DIGEST
from stacks import registry
from stacks.project import Project

WAIT_SECONDS = 600
POLL_SECONDS = 5


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """One vulnerability in one package. `fixed` is the version to go to, where the scanner knows one."""

    severity: str
    name: str
    package: str
    version: str
    fixed: str = ""


@dataclass(frozen=True, kw_only=True)
class Scan:
    """`counts` are the registry's own, of vulnerabilities by severity."""

    findings: tuple[Finding, ...]
    counts: Mapping[str, int]


def digest(aws: Aws, project: Project, commit: str) -> str:
    try:
        images = aws.call("ecr", "describe_images", **_where(project), imageIds=[{"imageTag": commit}])["imageDetails"]
    except RefusedError as refused:
        if refused.code == "ImageNotFoundException":
            raise PipelineError(
                f"{project.repository_name}: there is no image of commit {commit}; the pipeline's Image stage builds it"
            ) from refused
        raise
    return str(images[0]["imageDigest"])


def scan(aws: Aws, project: Project, image_digest: str) -> Scan:
    """Once the scan that the push started is over."""
    image = _image(project, image_digest)

    def over() -> bool:
        state = _scan_state(aws, image)
        status = state.get("status", "PENDING")
        # ACTIVE is what enhanced scanning says of an image that it keeps watching.
        if status not in ("COMPLETE", "ACTIVE", "NOT_STARTED", "PENDING", "IN_PROGRESS"):
            raise PipelineError(f"{_name(project, image_digest)}: the scan ended as {status}: {state.get('description', '')}")
        return status in ("COMPLETE", "ACTIVE")

    _wait(over, f"{_name(project, image_digest)}: the scan is not over", again=f"kotei image scan {image_digest}")
    findings: list[Finding] = []
    counts: Mapping[str, int] = {}
    # The pages hold two lists, only one of which is filled: by the kind of the scan.
    for found in _pages(aws, image):
        counts = found.get("findingSeverityCounts", counts)
        findings += [one for basic in found.get("findings", []) for one in _basic(basic)]
        findings += [one for enhanced in found.get("enhancedFindings", []) for one in _enhanced(enhanced)]
    return Scan(findings=tuple(sorted(findings)), counts=counts)


def wait_until_signed(aws: Aws, project: Project, image_digest: str) -> None:
    """ECR signs what is pushed as its pusher, a little later. Raises PipelineError where it could not."""
    image = _image(project, image_digest)

    def signed() -> bool:
        states = aws.call("ecr", "describe_image_signing_status", **image).get("signingStatuses", [])
        for state in states:
            if state["status"] == "FAILED":
                why = f"{state.get('failureCode', '')} {state.get('failureReason', '')}".strip()
                raise PipelineError(f"{_name(project, image_digest)}: could not be signed with {state['signingProfileArn']}: {why}")
        return bool(states) and all(state["status"] == "COMPLETE" for state in states)

    _wait(signed, f"{_name(project, image_digest)}: has no signature", again=f"kotei image scan {image_digest}")


def wait_until_copied(aws: Aws, project: Project, image_digest: str) -> None:
    """To every region whose environments start tasks from a copy. Raises PipelineError where ECR gave up, or never began."""
    image, name, regions = _image(project, image_digest), _name(project, image_digest), registry.copied_to(project)
    if not regions:
        return

    def copied() -> bool:
        states = aws.call("ecr", "describe_image_replication_status", **image).get("replicationStatuses", [])
        for state in states:
            if state["region"] in regions and state["status"] == "FAILED":
                raise PipelineError(f"{name}: could not be copied to {state['region']}: {state.get('failureCode', '')}")
        return set(regions) <= {state["region"] for state in states if state["status"] == "COMPLETE"}

    # ECR copies only what is pushed after it was told to (Amazon ECR, private image replication).
    again = f"kotei image scan {image_digest} (an image that is older than replicate_image is never copied: commit anew)"
    _wait(copied, f"{name}: is not in {', '.join(regions)}", again=again)


def _wait(is_over: Callable[[], bool], what: str, *, again: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_over():
        if time.monotonic() > deadline:
            raise PipelineError(f"{what} after {WAIT_SECONDS} seconds; try again: {again}")
        time.sleep(POLL_SECONDS)


def _where(project: Project) -> dict[str, str]:
    return {"registryId": project.pipeline.account, "repositoryName": project.repository_name}


def _image(project: Project, image_digest: str) -> dict[str, Any]:
    if not DIGEST.fullmatch(image_digest):
        raise PipelineError(f"{image_digest!r} is not an image digest; see: kotei image digest COMMIT")
    return {**_where(project), "imageId": {"imageDigest": image_digest}}


def _name(project: Project, image_digest: str) -> str:
    return f"{project.repository_name}@{image_digest}"


def _scan_state(aws: Aws, image: Mapping[str, Any]) -> Mapping[str, str]:
    try:
        state: Mapping[str, str] = aws.call("ecr", "describe_image_scan_findings", **image).get("imageScanStatus", {})
    except RefusedError as refused:
        # The scan on push is announced some seconds after the push.
        if refused.code == "ScanNotFoundException":
            return {"status": "NOT_STARTED"}
        raise
    return state


def _pages(aws: Aws, image: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    more: dict[str, str] = {}
    while True:
        page = aws.call("ecr", "describe_image_scan_findings", **image, **more)
        yield page.get("imageScanFindings", {})
        if not page.get("nextToken"):
            return
        more = {"nextToken": page["nextToken"]}


def _basic(finding: Mapping[str, Any]) -> Iterator[Finding]:
    attributes = {one["key"]: one.get("value", "") for one in finding.get("attributes", [])}
    yield Finding(
        severity=finding.get("severity", "UNDEFINED"),
        name=finding.get("name", ""),
        package=attributes.get("package_name", ""),
        version=attributes.get("package_version", ""),
    )


def _enhanced(finding: Mapping[str, Any]) -> Iterator[Finding]:
    details = finding.get("packageVulnerabilityDetails", {})
    for package in details.get("vulnerablePackages") or [{}]:
        yield Finding(
            severity=finding.get("severity", "UNDEFINED"),
            name=details.get("vulnerabilityId") or finding.get("title", ""),
            package=package.get("name", ""),
            version=package.get("version", ""),
            fixed=package.get("fixedInVersion", ""),
        )
