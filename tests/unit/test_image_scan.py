"""The scan of an image: what stops it, what somebody has accepted until when, and how long it is waited for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from pipeline import check, image, image_gate
from pipeline.aws import Aws
from pipeline.checks import accepted
from pipeline.checks.accepted import AcceptedVulnerability
from pipeline.errors import PipelineError
from pipeline.exception_tables import EXCEPTIONS
from pipeline.image import Finding, Scan
from stacks.project import PipelineConfig, Project

DIGEST = f"sha256:{'a' * 64}"
ASKED = {"registryId": "111122223333", "repositoryName": "demo/proxy", "imageId": {"imageDigest": DIGEST}}
DAY = date(2030, 1, 31)
HIGH = Finding(severity="HIGH", name="CVE-2026-1", package="libexpat", version="2.6")
EXCEPTION = AcceptedVulnerability(finding="CVE-2026-1", package="libexpat", owner="team", reason="not reachable", expires=DAY)
ENTRY = """
[[image]]
finding = "CVE-2026-1"
package = "libexpat"
owner = "platform team"
reason = "no XML is read"
expires = 2030-01-31
"""


@pytest.fixture
def project() -> Project:
    config = {"project": "demo", "account": "111122223333", "region": "ap-northeast-1", "environments": ["test"]}
    pipeline = PipelineConfig.model_validate({**config, "repository": {"name": "example-org/demo"}})
    return Project.model_construct(pipeline=pipeline, environments=())


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.image.POLL_SECONDS", 0)


def page(*, status: str = "COMPLETE", token: str | None = None, **findings: Any) -> dict[str, Any]:
    return {"imageScanStatus": {"status": status}, "imageScanFindings": findings, **({"nextToken": token} if token else {})}


def basic(name: str, severity: str = "HIGH", package: str = "libexpat") -> dict[str, Any]:
    attributes = [{"key": "package_name", "value": package}, {"key": "package_version", "value": "2.6"}]
    return {"name": name, "severity": severity, "attributes": attributes}


def test_every_page_of_a_basic_scan_is_read(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("ecr", "describe_image_scan_findings", page(status="IN_PROGRESS"), ASKED)
    first = page(token="more", findings=[basic("CVE-2026-1")], findingSeverityCounts={"HIGH": 2})
    answers("ecr", "describe_image_scan_findings", first, ASKED)
    answers("ecr", "describe_image_scan_findings", first, ASKED)
    second = page(findings=[basic("CVE-2026-2")], findingSeverityCounts={"HIGH": 2})
    answers("ecr", "describe_image_scan_findings", second, {**ASKED, "nextToken": "more"})
    found = image.scan(aws, project, DIGEST)
    assert found.findings == (HIGH, Finding(severity="HIGH", name="CVE-2026-2", package="libexpat", version="2.6"))
    assert found.counts == {"HIGH": 2}


def test_each_package_of_an_enhanced_finding_is_one(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    packages = [{"name": "curl", "version": "8.1", "fixedInVersion": "8.2"}, {"name": "libcurl", "version": "8.1"}]
    details = {"vulnerabilityId": "CVE-2026-3", "vulnerablePackages": packages}
    enhanced = page(status="ACTIVE", enhancedFindings=[{"severity": "CRITICAL", "packageVulnerabilityDetails": details}])
    for _ in range(2):
        answers("ecr", "describe_image_scan_findings", enhanced, ASKED)
    said = [image_gate.describe(finding) for finding in image.scan(aws, project, DIGEST).findings]
    assert said == ["CRITICAL CVE-2026-3 in curl 8.1, mended in 8.2", "CRITICAL CVE-2026-3 in libcurl 8.1"]


def test_a_scan_that_failed_stops(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("ecr", "describe_image_scan_findings", page(status="UNSUPPORTED_IMAGE"), ASKED)
    with pytest.raises(PipelineError, match="the scan ended as UNSUPPORTED_IMAGE"):
        image.scan(aws, project, DIGEST)


@pytest.mark.parametrize(("limit", "stops"), [("MEDIUM", True), ("HIGH", True), ("CRITICAL", False)])
def test_what_is_as_bad_as_the_limit_stops(limit: str, stops: bool) -> None:  # noqa: FBT001 - a row of the table
    assert image_gate.judge(Scan(findings=(HIGH,), counts={}), limit, (), DAY).passes == (not stops)


def test_a_severity_that_nobody_knows_stops() -> None:
    strange = Finding(severity="APOCALYPTIC", name="CVE-2026-4", package="x", version="1")
    assert image_gate.judge(Scan(findings=(strange,), counts={}), "CRITICAL", (), DAY).stops == (strange,)


def test_what_is_counted_and_not_listed_stops() -> None:
    verdict = image_gate.judge(Scan(findings=(HIGH,), counts={"HIGH": 2, "LOW": 9}), "HIGH", (EXCEPTION,), DAY)
    assert (verdict.stops, verdict.unlisted, verdict.passes) == ((), {"HIGH": 1}, False)


def test_an_accepted_finding_stops_nothing_until_its_day_is_over() -> None:
    scan = Scan(findings=(HIGH,), counts={"HIGH": 1})
    assert image_gate.judge(scan, "HIGH", (EXCEPTION,), DAY).passes
    assert image_gate.judge(scan, "HIGH", (EXCEPTION,), date(2030, 2, 1)).stops == (HIGH,)


@pytest.mark.parametrize("other", [{"name": "CVE-2026-11"}, {"package": "libexpat-dev"}])
def test_an_exception_is_for_one_finding_in_one_package(other: dict[str, str]) -> None:
    finding = Finding(**{"severity": "HIGH", "name": "CVE-2026-1", "package": "libexpat", "version": "2.6", **other})
    verdict = image_gate.judge(Scan(findings=(finding,), counts={}), "HIGH", (EXCEPTION,), DAY)
    assert (verdict.stops, verdict.unused) == ((finding,), (EXCEPTION,))


def test_exceptions_are_read_and_an_expired_one_fails_the_check(tmp_path: Path, project: Project) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / EXCEPTIONS).write_text(ENTRY)
    assert [one.finding for one in accepted.vulnerabilities(tmp_path)] == ["CVE-2026-1"]
    assert check.check(tmp_path, project, only=["shell"], today=DAY) == []
    (finding,) = check.check(tmp_path, project, only=["shell"], today=date(2030, 2, 1))
    assert "the exception for CVE-2026-1 expired on 2030-01-31: mend it, or ask platform team" in str(finding)


@pytest.mark.parametrize("key", ["finding", "package", "owner", "reason", "expires"])
def test_an_exception_lacks_nothing(tmp_path: Path, key: str) -> None:
    (tmp_path / "policy").mkdir()
    (tmp_path / EXCEPTIONS).write_text("\n".join(line for line in ENTRY.splitlines() if not line.startswith(key)))
    with pytest.raises(PipelineError, match=rf"image\.0\.{key}: Field required"):
        accepted.vulnerabilities(tmp_path)


def signing(*statuses: str) -> dict[str, Any]:
    profile = "arn:aws:signer:ap-northeast-1:111122223333:/signing-profiles/demo"
    return {"signingStatuses": [{"signingProfileArn": profile, "status": status, "failureReason": "denied"} for status in statuses]}


def test_a_signature_is_waited_for(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    for answer in (signing(), signing("IN_PROGRESS"), signing("COMPLETE")):
        answers("ecr", "describe_image_signing_status", answer, ASKED)
    image.wait_until_signed(aws, project, DIGEST)


def test_an_image_that_cannot_be_signed_stops(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("ecr", "describe_image_signing_status", signing("FAILED"), ASKED)
    with pytest.raises(PipelineError, match=r"could not be signed with .*signing-profiles/demo: denied"):
        image.wait_until_signed(aws, project, DIGEST)


def test_no_signature_after_the_wait_stops(
    aws: Aws, answers: Callable[..., None], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.image.WAIT_SECONDS", -1)
    answers("ecr", "describe_image_signing_status", signing(), ASKED)
    with pytest.raises(PipelineError, match="has no signature after"):
        image.wait_until_signed(aws, project, DIGEST)
