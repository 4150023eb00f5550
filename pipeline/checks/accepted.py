"""What somebody has accepted for a time: policy/exceptions.toml, the only place where a finding is set aside."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.checks.finding import Finding
from pipeline.drift import accepted as drift
from pipeline.errors import PipelineError
from pipeline.exception_tables import EXCEPTIONS
from pipeline.review import exceptions


class Accepted(BaseModel):
    """`path` and `where` may hold shell wildcards; `owner` answers for it until `expires`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    path: str
    where: str = "*"
    owner: str
    reason: str
    expires: date

    def covers(self, finding: Finding) -> bool:
        return finding.rule == self.rule and fnmatchcase(finding.path, self.path) and fnmatchcase(finding.where, self.where)


class AcceptedVulnerability(BaseModel):
    """One finding of an image's scan in one package, each by its whole name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    finding: str
    package: str
    owner: str
    reason: str
    expires: date

    def covers(self, finding: str, package: str) -> bool:
        return (finding, package) == (self.finding, self.package)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    accepted: tuple[Accepted, ...] = ()
    image: tuple[AcceptedVulnerability, ...] = ()
    # Findings of reviews and drift, which pipeline/review/exceptions.py and pipeline/drift/accepted.py read, without pydantic.
    review: Any = ()
    drift: Any = ()


def load(root: Path) -> tuple[Accepted, ...]:
    return _read(root).accepted


def vulnerabilities(root: Path) -> tuple[AcceptedVulnerability, ...]:
    return _read(root).image


def _text(root: Path) -> str | None:
    return (root / EXCEPTIONS).read_text() if (root / EXCEPTIONS).is_file() else None


def _read(root: Path) -> _File:
    try:
        return _File.model_validate(tomllib.loads(_text(root) or ""))
    except tomllib.TOMLDecodeError as error:
        raise PipelineError(f"{EXCEPTIONS}: {error}") from error
    except ValidationError as error:
        problems = "\n".join(
            f"{EXCEPTIONS}: {'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()
        )
        raise PipelineError(problems) from error


def apply(findings: Sequence[Finding], accepted: Sequence[Accepted], today: date) -> list[Finding]:
    """What is left, and a finding for each exception that has expired."""
    valid = [exception for exception in accepted if exception.expires >= today]
    left = [finding for finding in findings if not any(exception.covers(finding) for exception in valid)]
    return left + [
        _about(exception, f"the exception for {exception.rule} expired on {exception.expires}: mend it, or ask {exception.owner}")
        for exception in accepted
        if exception not in valid
    ]


def expired_reviews(root: Path, today: date) -> list[Finding]:
    """A finding for each accepted finding of reviews whose time is over. Whether one is needed, only the review that it is for can tell."""
    return [
        _expired(f"{one.stack} {one.resource}".strip(), one.rule, one.owner, one.expires)
        for one in exceptions.parse(_text(root))
        if one.expires < today
    ]


def expired_drift(root: Path, today: date) -> list[Finding]:
    """The same for drift: `kotei drift` tells which exception nothing needs."""
    entries = [one for one in drift.parse(_text(root)) if one.expires < today]
    return [_expired(one.stack, f"the drift of {one.resource}", one.owner, one.expires) for one in entries]


def expired_vulnerabilities(root: Path, today: date) -> list[Finding]:
    """The same for what scans of images found: `kotei image scan` tells which exception nothing needs."""
    return [_expired(one.package, one.finding, one.owner, one.expires) for one in vulnerabilities(root) if one.expires < today]


def _expired(where: str, what: str, owner: str, expires: date) -> Finding:
    message = f"the exception for {what} expired on {expires}: mend it, or ask {owner}"
    return Finding(path=str(EXCEPTIONS), where=where, rule="exceptions", message=message)


def unused(findings: Sequence[Finding], accepted: Sequence[Accepted]) -> list[Finding]:
    """Meaningful only after every check has run."""
    return [
        _about(exception, f"nothing needs the exception for {exception.rule} any more: remove it")
        for exception in accepted
        if not any(exception.covers(finding) for finding in findings)
    ]


def _about(exception: Accepted, message: str) -> Finding:
    return Finding(path=str(EXCEPTIONS), where=f"{exception.path} {exception.where}", rule="exceptions", message=message)
