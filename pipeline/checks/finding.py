"""One thing that is wrong: where, which rule says so, and what mends it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True, order=True)
class Finding:
    """`where` is a place inside the file: a logical id with its property, a line, an action. `mend` may be empty."""

    path: str
    where: str = ""
    rule: str
    message: str
    severity: Severity = "error"
    mend: str = ""

    def __str__(self) -> str:
        place = f"{self.path}: {self.where}" if self.where else self.path
        mend = f" ({self.mend})" if self.mend else ""
        return f"{place}: {self.message} [{self.rule}]{mend}"
