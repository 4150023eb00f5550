"""The review for programs: a JSON document, and its JSON Schema (docs/review.schema.json), both from the types below.

Within a version keys may be added; none is removed or changes its meaning.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from pipeline.report import words
from pipeline.review.model import Action, Change, Cost, Finding, OwnerReview, Property, Review, StackReview, Timing, Topic, Update, Verdict

VERSION: Literal[1] = 1


class _Described:
    """The text under a field is its description in the schema."""

    __pydantic_config__: ClassVar[dict[str, Any]] = {"use_attribute_docstrings": True}


@dataclass(frozen=True, kw_only=True)
class PropertyDocument(_Described):
    """A difference below one resource."""

    path: str
    """As in the template: SubnetMappings[0].AllocationId."""
    before: Any
    """The old value, null where there was none. References are written as in the template."""
    after: Any
    """The new value, null where there is none."""
    update: Update
    """What this does to the resource."""
    because: str
    """stack/LogicalId of a new or replaced resource to which the value refers, where the text of the template is the same; else empty."""
    access: Literal["", "read-only", "write-only"]
    """Whether AWS lets the property be set, or shows it."""


@dataclass(frozen=True, kw_only=True)
class ChangeDocument(_Described):
    """What happens to one resource."""

    resource: str
    """Its logical id."""
    type: str
    """As in AWS::EC2::EIP."""
    action: Action
    """`modify` may replace the resource: see `update`."""
    update: Update
    """The worst of its properties."""
    verdict: Verdict
    """The worst finding on this resource."""
    behaviour: str
    """What happens in AWS, in words."""
    renamed_from: str
    """Its logical id before, where only that is another one; else empty."""
    retained: bool
    """Whether the old resource stays in AWS when it is replaced or removed."""
    properties: tuple[PropertyDocument, ...]
    """What differs below Properties."""
    attributes: tuple[PropertyDocument, ...]
    """What differs beside Properties (DeletionPolicy, DependsOn and so on), which changes nothing in AWS by itself."""


@dataclass(frozen=True, kw_only=True)
class StackDocument(_Described):
    """One stack of an owner, in the order of deployment."""

    stack: str
    """As the rendered file is called."""
    name: str
    """As it is called in AWS, where that is known; else empty."""
    action: Literal["create", "update", "remove", "none"]
    """`remove`: it is deployed no more, and stays in AWS as it is."""
    parameters: tuple[str, ...]
    """The parameters with a new value."""
    changes: tuple[ChangeDocument, ...]


@dataclass(frozen=True, kw_only=True)
class FindingDocument(_Described):
    """What a change means to people."""

    rule: str
    """Its name in policy/exceptions.toml."""
    topic: Topic
    verdict: Verdict
    """After an exception, where there is one."""
    text: str
    """One sentence."""
    stack: str
    """Where it is; empty where it belongs to no stack."""
    resource: str
    """The logical id; empty where it belongs to no resource."""
    mend: str
    """What to do instead; empty where there is nothing to do."""
    accepted: str
    """Who accepted it, until when and why; empty where nobody did."""


@dataclass(frozen=True, kw_only=True)
class CostDocument(_Described):
    """An estimate in US dollars a month, without traffic."""

    before: float | None
    """null where there was nothing."""
    after: float | None
    """null where there is nothing."""
    region: str
    prices_of: str
    """The day of the price table."""


@dataclass(frozen=True, kw_only=True)
class TimingDocument(_Described):
    """How long the deployment takes."""

    shortest: int
    """Seconds."""
    longest: int
    """Seconds."""
    connections: str
    """What becomes of open connections."""
    steps: tuple[str, ...]
    """What takes how long."""


@dataclass(frozen=True, kw_only=True)
class OwnerDocument(_Described):
    """An environment, `shared` (the pipeline itself), or accounts/<id>."""

    owner: str
    verdict: Verdict
    """The worst of its findings."""
    empty: bool
    """Whether nothing changes."""
    summary: str
    """As in "2 replaced, 5 changed, 1 removed"."""
    findings: tuple[FindingDocument, ...]
    """The worst first."""
    stacks: tuple[StackDocument, ...]
    cost: CostDocument | None
    """null where it is not known."""
    timing: TimingDocument | None
    """null where it is not known."""


@dataclass(frozen=True, kw_only=True)
class ReviewDocument(_Described):
    """What a change does: printed by kotei review and kotei plan."""

    version: Literal[1]
    """Of this format."""
    kind: Literal["review", "plan"]
    """A review compares two sets of rendered files; a plan compares them with what is live in AWS."""
    base: str
    """What was compared, in words."""
    head: str
    """With what it was compared, in words."""
    verdict: Verdict
    """The worst of all owners."""
    summary: str
    """One line."""
    empty: bool
    """Whether nothing changes."""
    needs_approval: bool | None
    """Of a plan: whether a person must approve it. null in a review."""
    fingerprint: str | None
    """Of a plan: a hash of everything that it rests on. null in a review."""
    owners: tuple[OwnerDocument, ...]
    """The worst first."""


def text(review: Review) -> str:
    return json.dumps(asdict(document(review)), indent=2, allow_nan=False) + "\n"


def document(review: Review) -> ReviewDocument:
    return ReviewDocument(
        version=VERSION,
        kind="plan" if review.plan else "review",
        base=review.base,
        head=review.head,
        verdict=review.verdict,
        summary=words.headline(review),
        empty=review.empty,
        needs_approval=review.plan.needs_approval if review.plan else None,
        fingerprint=review.plan.fingerprint if review.plan else None,
        owners=tuple(_owner(owner) for owner in review.owners),
    )


def _owner(owner: OwnerReview) -> OwnerDocument:
    return OwnerDocument(
        owner=owner.owner,
        verdict=owner.verdict,
        empty=owner.empty,
        summary=words.owner_words(owner),
        findings=tuple(_finding(one) for one in owner.findings),
        stacks=tuple(_stack(owner, stack) for stack in owner.stacks),
        cost=_cost(owner.cost) if owner.cost else None,
        timing=_timing(owner.timing) if owner.timing else None,
    )


def _stack(owner: OwnerReview, stack: StackReview) -> StackDocument:
    changes = tuple(_change(owner, change) for change in stack.changes)
    return StackDocument(stack=stack.stack, name=stack.name, action=stack.action, parameters=stack.parameters, changes=changes)


def _change(owner: OwnerReview, change: Change) -> ChangeDocument:
    return ChangeDocument(
        resource=change.logical_id,
        type=change.type,
        action=change.action,
        update=change.update,
        verdict=owner.verdict_of(change),
        behaviour=words.behaviour(change),
        renamed_from=change.renamed_from,
        retained=change.retained,
        properties=tuple(_property(one) for one in change.properties),
        attributes=tuple(_property(one) for one in change.attributes),
    )


def _property(one: Property) -> PropertyDocument:
    before, after = _plain(one.before), _plain(one.after)
    return PropertyDocument(path=one.path, before=before, after=after, update=one.update, because=one.because, access=one.access)


def _finding(one: Finding) -> FindingDocument:
    return FindingDocument(**vars(one))


def _cost(cost: Cost) -> CostDocument:
    return CostDocument(**vars(cost))


def _timing(timing: Timing) -> TimingDocument:
    return TimingDocument(**vars(timing))


def _plain(value: Any) -> Any:
    """What JSON can hold: YAML knows dates, and numbers that are none."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
