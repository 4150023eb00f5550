"""What drift consists of. Plain data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from pipeline.review.model import Finding, Verdict, worst

# Where Git stands between what was deployed and what is live.
Stands = Literal["as deployed", "as live", "otherwise", "gone"]
Kind = Literal["changed", "deleted"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A resource as CloudFormation's detection answers. `expected` and `actual` are resolved; `differing` are top-level properties."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    expected: dict[str, Any]
    actual: dict[str, Any]
    differing: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class PropertyDrift:
    """One property in three ways, in the template's words. None: not there."""

    name: str
    live: Any
    deployed: Any
    git: Any
    stands: Stands


@dataclass(frozen=True, kw_only=True)
class Ignored:
    """A difference that is none, and why."""

    stack: str
    logical_id: str
    property: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One resource. `stack` is the name of its file, `module` what writes that; `findings` are what the drift does to people."""

    owner: str
    stack: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    kind: Kind
    module: str
    properties: tuple[PropertyDrift, ...] = ()
    findings: tuple[Finding, ...] = ()
    accepted: str = ""

    @property
    def place(self) -> str:
        return f"{self.stack}/{self.logical_id}"

    @property
    def verdict(self) -> Verdict:
        return worst(*(one.verdict for one in self.findings))

    @property
    def value(self) -> str:
        """What an exception is for: this drift, and no other that the resource may get later."""
        live = [self.kind, [[one.name, one.live, one.deployed] for one in self.properties]]
        return hashlib.sha256(json.dumps(live, sort_keys=True, default=str).encode()).hexdigest()[:12]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Of one owner. `unchecked` is stack -> why nothing is known about it, `unsupported` type -> the places that no detection reads.

    `ahead` are the stacks whose template in Git is not the one that was deployed; `unused` tells of exceptions that nothing needs.
    """

    owner: str
    checked: int
    drifts: tuple[Drift, ...]
    ignored: tuple[Ignored, ...]
    unchecked: dict[str, str]
    unsupported: dict[str, tuple[str, ...]]
    ahead: tuple[str, ...]
    unused: tuple[str, ...]

    @property
    def open(self) -> tuple[Drift, ...]:
        return tuple(one for one in self.drifts if not one.accepted)
