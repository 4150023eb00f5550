"""Whether an image may go on: what its scan found, less what somebody has accepted for a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from pipeline.checks.accepted import AcceptedVulnerability
from pipeline.image import Finding, Scan

# From bad to worse (ECR API, FindingSeverity; Amazon Inspector says UNTRIAGED). A word that is not here counts as the worst.
SEVERITIES = ("INFORMATIONAL", "UNDEFINED", "UNTRIAGED", "LOW", "MEDIUM", "HIGH", "CRITICAL")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`unlisted` are vulnerabilities that the registry counts and does not list, by severity: they stop an image, too."""

    stops: tuple[Finding, ...]
    accepted: tuple[Finding, ...]
    unlisted: dict[str, int]
    unused: tuple[AcceptedVulnerability, ...]

    @property
    def passes(self) -> bool:
        return not self.stops and not self.unlisted


def judge(scan: Scan, limit: str, exceptions: Sequence[AcceptedVulnerability], today: date) -> Verdict:
    """`limit` is the mildest severity that stops an image."""
    severe = [finding for finding in scan.findings if _severe(finding.severity, limit)]
    valid = [exception for exception in exceptions if exception.expires >= today]
    accepted = [finding for finding in severe if any(exception.covers(finding.name, finding.package) for exception in valid)]
    unlisted = {}
    for severity, count in scan.counts.items():
        listed = sum(finding.severity == severity for finding in scan.findings)
        if _severe(severity, limit) and count > listed:
            unlisted[severity] = count - listed
    return Verdict(
        stops=tuple(finding for finding in severe if finding not in accepted),
        accepted=tuple(accepted),
        unlisted=unlisted,
        unused=tuple(one for one in valid if not any(one.covers(finding.name, finding.package) for finding in severe)),
    )


def _severe(severity: str, limit: str) -> bool:
    return severity not in SEVERITIES or SEVERITIES.index(severity) >= SEVERITIES.index(limit)


def describe(finding: Finding) -> str:
    where = " ".join(part for part in (finding.package, finding.version) if part) or "an unnamed package"
    return f"{finding.severity} {finding.name} in {where}" + (f", mended in {finding.fixed}" if finding.fixed else "")
