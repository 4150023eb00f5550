"""What drift consists of. Plain data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from pipeline.review.model import Finding, Verdict, worst

# Where Git stands between what was deployed and what is live.
Stands = Literal["as deployed", "as live", "otherwise", "gone"]
# `beside`: something that no template has, hung on what one has.
Kind = Literal["changed", "deleted", "beside"]


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
    """One resource. `stack` is the name of its file, `module` what writes that; `findings` are what the drift does to people.

    `status` is of the stack, `wanted` whether Git still has it; `needed_by` names what in its stack refers to it.
    `mend` are commands that undo it where CloudFormation cannot.
    """

    owner: str
    stack: str
    stack_name: str
    logical_id: str
    physical_id: str
    type: str
    kind: Kind
    module: str = ""
    status: str = ""
    wanted: bool = True
    properties: tuple[PropertyDrift, ...] = ()
    findings: tuple[Finding, ...] = ()
    needed_by: tuple[str, ...] = ()
    mend: tuple[str, ...] = ()
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

    `busy` are those of `unchecked` that are being changed. `missing` is stack -> when somebody deleted it, `ahead` the stacks whose
    template in Git is not the one that was deployed; `unused` tells of exceptions that nothing needs.
    """

    owner: str
    checked: int = 0
    drifts: tuple[Drift, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    unchecked: dict[str, str] = field(default_factory=dict)
    busy: tuple[str, ...] = ()
    unsupported: dict[str, tuple[str, ...]] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    ahead: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()

    @property
    def open(self) -> tuple[Drift, ...]:
        return tuple(one for one in self.drifts if not one.accepted)

    @property
    def telling(self) -> bool:
        """Whether somebody should look. What is only being changed now is compared the next time."""
        return bool(self.open or self.missing or self.unchecked.keys() - set(self.busy))
