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
from pipeline.errors import PipelineError
from pipeline.review import exceptions
from pipeline.review.exceptions import EXCEPTIONS


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


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    accepted: tuple[Accepted, ...] = ()
    # Findings of reviews, which pipeline/review/exceptions.py reads.
    review: Any = ()


def load(root: Path) -> tuple[Accepted, ...]:
    if not (root / EXCEPTIONS).is_file():
        return ()
    try:
        return _File.model_validate(tomllib.loads((root / EXCEPTIONS).read_text())).accepted
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
    text = (root / EXCEPTIONS).read_text() if (root / EXCEPTIONS).is_file() else None
    return [
        Finding(
            path=str(EXCEPTIONS),
            where=f"{one.stack} {one.resource}".strip(),
            rule="exceptions",
            message=f"the exception for {one.rule} expired on {one.expires}: mend it, or ask {one.owner}",
        )
        for one in exceptions.parse(text)
        if one.expires < today
    ]


def unused(findings: Sequence[Finding], accepted: Sequence[Accepted]) -> list[Finding]:
    """Meaningful only after every check has run."""
    return [
        _about(exception, f"nothing needs the exception for {exception.rule} any more: remove it")
        for exception in accepted
        if not any(exception.covers(finding) for finding in findings)
    ]


def _about(exception: Accepted, message: str) -> Finding:
    return Finding(path=str(EXCEPTIONS), where=f"{exception.path} {exception.where}", rule="exceptions", message=message)
