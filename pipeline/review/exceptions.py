"""Findings of a review that somebody has accepted for a time: the [[review]] tables of policy/exceptions.toml."""

from __future__ import annotations

from datetime import date
from fnmatch import fnmatchcase

from pydantic import BaseModel, ConfigDict

from pipeline.review.model import Finding


class Accepted(BaseModel):
    """One finding (`rule`) on one resource. `stack` is environment/stack; `owner` answers for it until `expires`.

    What was blocked is then risky, what was risky is safe.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rule: str
    stack: str
    resource: str
    owner: str
    reason: str
    expires: date

    def covers(self, finding: Finding, owner: str) -> bool:
        return (
            finding.rule == self.rule
            and fnmatchcase(f"{owner}/{finding.stack}", self.stack)
            and fnmatchcase(finding.resource, self.resource)
        )
