"""What a review consists of. Plain data: two sides go in, changes and findings come out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

Verdict = Literal["safe", "risky", "blocked"]
VERDICTS: tuple[Verdict, ...] = ("safe", "risky", "blocked")
# What an update of one property does to its resource. `unknown`: the registry has no such type.
Update = Literal["in place", "some interruption", "conditional replacement", "replacement", "unknown"]
UPDATES: tuple[Update, ...] = ("in place", "some interruption", "unknown", "conditional replacement", "replacement")
REPLACING: tuple[Update, ...] = ("conditional replacement", "replacement")
Action = Literal["add", "modify", "remove"]
# What a finding is about, in the order in which a reader wants to know it.
Topic = Literal["addresses", "clients", "access", "sites", "pipeline", "permissions", "capacity", "data", "resources"]
TOPICS: tuple[Topic, ...] = ("addresses", "clients", "access", "sites", "pipeline", "permissions", "capacity", "data", "resources")


@dataclass(frozen=True, kw_only=True)
class Pin:
    """An address that partners were told: a line of the ledger stacks/pinned/<environment>.json. `leaves` is the day on which it may go."""

    zone: str
    address: str
    allocation: str
    leaves: date | None = None


@dataclass(frozen=True, kw_only=True)
class Stack:
    """One stack on one side. `path` is its rendered file, relative to the checkout.

    `parameters` and `outputs` are the values that are known: all of them where the side is what is live, else none.
    `name`, `status`, `resources` (logical to physical id) and `drifted` (logical ids) are known of what is live only.
    """

    stack: str
    path: str
    template: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    policy: Mapping[str, Any] | None = None
    parameters: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    status: str = ""
    resources: Mapping[str, str] = field(default_factory=dict)
    drifted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Side:
    """Everything of one owner (an environment, `shared`, accounts/<id>) on one side. `nginx` is the text of its nginx.conf, if any.

    `base` is what the image is built on, where it is known: a matter of `shared`.
    """

    stacks: Mapping[str, Stack] = field(default_factory=dict)
    nginx: str | None = None
    pinned: tuple[Pin, ...] = ()
    base: str = ""


@dataclass(frozen=True, kw_only=True)
class Property:
    """A difference below one resource. `path` as in the template (`SubnetMappings[0].AllocationId`); None: not there on that side.

    `because` names what it refers to (`addresses/EipA`) where the text of the template is the same and the value is not.
    """

    path: str
    before: Any
    after: Any
    update: Update
    because: str = ""
    access: Literal["", "read-only", "write-only"] = ""

    @property
    def top(self) -> str:
        return self.path.partition(".")[0].partition("[")[0]


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happens to one resource. `update` is the worst of its properties.

    `retained`: CloudFormation lets go of the old resource without deleting it. `attributes` are differences beside the properties
    (DeletionPolicy, DependsOn ...), which change nothing in AWS by themselves.
    """

    stack: str
    logical_id: str
    type: str
    action: Action
    update: Update = "in place"
    properties: tuple[Property, ...] = ()
    attributes: tuple[Property, ...] = ()
    renamed_from: str = ""
    retained: bool = False

    @property
    def replaces(self) -> bool:
        return self.action == "modify" and self.update in REPLACING

    @property
    def culprits(self) -> tuple[Property, ...]:
        """The properties for which it is replaced."""
        return tuple(one for one in self.properties if one.update in REPLACING)

    @property
    def old_id(self) -> str:
        """Its logical id on the old side."""
        return self.renamed_from or self.logical_id

    @property
    def touches(self) -> bool:
        """Whether anything happens in AWS."""
        return self.action != "modify" or bool(self.properties) or bool(self.renamed_from)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Both sides of one owner, and what differs. `order` is the order of deployment; `parameters` has the parameters with a new value.

    `today` is for rules about what has a day on which it ends; without it, nothing has ended.
    """

    owner: str
    before: Side
    after: Side
    order: tuple[str, ...]
    changes: tuple[Change, ...]
    parameters: Mapping[str, tuple[str, ...]]
    today: date | None = None

    def of_type(self, *types: str) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.type in types)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One sentence for people. `stack` and `resource` say where, as far as there is a place; `mend` says what to do instead.

    A safe finding only tells. `accepted` is who accepted it and until when; its verdict is then one step milder.
    """

    rule: str
    topic: Topic
    verdict: Verdict
    text: str
    stack: str = ""
    resource: str = ""
    mend: str = ""
    accepted: str = ""


@dataclass(frozen=True, kw_only=True)
class Cost:
    """An estimate in US dollars a month without traffic; None where there is nothing on that side."""

    before: float | None
    after: float | None
    region: str
    prices_of: str


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long the deployment takes, in seconds, and what becomes of open connections, in one sentence. `steps` say what takes how long."""

    shortest: int
    longest: int
    connections: str
    steps: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StackReview:
    """`takes`: the stacks whose outputs feed its parameters, with the names of these."""

    stack: str
    name: str
    action: Literal["create", "update", "remove", "none"]
    changes: tuple[Change, ...]
    parameters: tuple[str, ...]
    takes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OwnerReview:
    """`findings` are sorted, the worst first."""

    owner: str
    verdict: Verdict
    stacks: tuple[StackReview, ...]
    findings: tuple[Finding, ...]
    cost: Cost | None = None
    timing: Timing | None = None

    @property
    def empty(self) -> bool:
        return not self.findings and all(stack.action == "none" for stack in self.stacks)

    def verdict_of(self, change: Change) -> Verdict:
        own = [one.verdict for one in self.findings if (one.stack, one.resource) == (change.stack, change.logical_id)]
        return worst(*own)


@dataclass(frozen=True, kw_only=True)
class PlanFacts:
    """What only a plan against AWS has. `fingerprint` is of everything that the plan rests on."""

    fingerprint: str
    needs_approval: bool


@dataclass(frozen=True, kw_only=True)
class Review:
    """`base` and `head` say in words what was compared. Owners are sorted, the worst first. `plan`: where this is a plan."""

    base: str
    head: str
    owners: tuple[OwnerReview, ...]
    plan: PlanFacts | None = None

    @property
    def verdict(self) -> Verdict:
        return worst(*(owner.verdict for owner in self.owners))

    @property
    def empty(self) -> bool:
        return all(owner.empty for owner in self.owners)


def worst(*verdicts: Verdict) -> Verdict:
    return max(verdicts, key=VERDICTS.index, default="safe")
