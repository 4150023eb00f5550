"""What two sets of policies allow and refuse differently: computed request by request, for one request of each kind that they tell apart.

The order of decision is IAM's: a matching Deny refuses, else a matching Allow in every layer allows (IAM user guide, policy evaluation).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product
from typing import Literal

from pipeline.review import patterns
from pipeline.review.action_names import known
from pipeline.review.conditions import Context, contexts
from pipeline.review.statements import Statement

# The statements of an identity, and of its permissions boundary: a request needs an Allow in each.
Layers = tuple[frozenset[Statement], ...]
Decision = Literal["refused", "neither", "allowed"]
# Requests of one action; more of them are no longer told apart.
LIMIT = 20_000


@dataclass(frozen=True, order=True, kw_only=True)
class Grant:
    """`action` as a policy says it; `actions` are those that it stands for and that the difference is about, where they are known.

    `partly`: some such request has the answer on both sides, so only the conditions differ.
    """

    resource: str
    principal: str
    action: str
    actions: tuple[str, ...]
    partly: bool


@dataclass(frozen=True, kw_only=True)
class Difference:
    gained: tuple[Grant, ...] = ()
    lost: tuple[Grant, ...] = ()
    # No longer, or newly, refused where nothing of these policies allows it: another policy may.
    unrefused: tuple[Grant, ...] = ()
    refused: tuple[Grant, ...] = ()
    # Actions with too many combinations to compare.
    undecided: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Action:
    """One action, or what a pattern stands for beside the actions that are named: `word` is such a request's action."""

    word: str
    literal: bool
    known: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Request:
    """One kind of request, whatever its action, and the statements about it on the side that gives less and on the other."""

    direction: str
    resource: str
    principal: str
    less: frozenset[Statement]
    more: frozenset[Statement]
    partly: bool


@dataclass
class _Found:
    grants: dict[tuple[str, str, str, str], list[Grant]] = field(default_factory=dict)

    def add(self, direction: str, grant: Grant) -> None:
        self.grants.setdefault((direction, grant.resource, grant.principal, grant.action), []).append(grant)

    def of(self, direction: str) -> tuple[Grant, ...]:
        """One grant for requests that read alike."""
        result = []
        for (way, resource, principal, action), several in self.grants.items():
            if way == direction:
                actions = tuple(sorted({name for one in several for name in one.actions}))
                partly = all(one.partly for one in several)
                result.append(Grant(resource=resource, principal=principal, action=action, actions=actions, partly=partly))
        return tuple(sorted(result))


@lru_cache(maxsize=1024)
def difference(before: Layers, after: Layers) -> Difference:
    """Kept, because several rules ask, and environments are alike."""
    touched = {atom for old, new in zip(before, after, strict=True) for atom in _atoms(old) ^ _atoms(new)}
    if not touched:
        return Difference()
    everything = [one for layers in (before, after) for layer in layers for one in layer]
    actions = _actions(touched, everything)
    if actions is None:
        return Difference(undecided=("*",))
    spelling = {lower: written for one in everything for lower, written in one.spelling.items()}
    found, undecided = _Found(), []
    compared: dict[tuple[Layers, Layers], list[_Request] | None] = {}
    for action in actions:
        both = _for(before, action.word), _for(after, action.word)
        if both not in compared:
            compared[both] = _requests(*both)
        requests = compared[both]
        if requests is None:
            undecided.append(action.word.replace(patterns.OTHER, "*"))
        for one in requests or ():
            found.add(one.direction, _grant(action, one, spelling))
    return Difference(
        gained=found.of("gained"),
        lost=found.of("lost"),
        unrefused=found.of("unrefused"),
        refused=found.of("refused"),
        undecided=tuple(sorted(undecided)),
    )


def _atoms(layer: Iterable[Statement]) -> set[Statement]:
    return {atom for statement in layer for atom in statement.atoms()}


def _actions(touched: Iterable[Statement], everything: Iterable[Statement]) -> list[_Action] | None:
    """One of each kind that the statements tell apart, as far as a difference touches it."""
    sets = {one.actions for one in touched}
    if not any(one.inverted or patterns.is_glob(name) for one in sets for name in one.patterns):
        return [_Action(name, literal=True) for name in sorted({name for one in sets for name in one.patterns})]
    starts = {"" if one.inverted else patterns.start(name) for one in sets for name in one.patterns}
    # What begins otherwise has nothing in common with what is touched.
    written = frozenset(
        name
        for one in everything
        for name in one.actions.patterns
        if any(start.startswith(patterns.start(name)) or patterns.start(name).startswith(start) for start in starts)
    )
    words = patterns.representatives(written)
    if words is None:
        return None
    prefixes = {patterns.shown(name).partition(":")[0] for one in sets for name in one.patterns if patterns.is_glob(name)}
    globs = {name for name in written if patterns.is_glob(name)}
    real: dict[frozenset[str], list[str]] = {}
    for prefix in sorted(prefixes):
        for name in known(prefix) or ():
            if name.lower() not in written:
                real.setdefault(_kind(globs, name.lower()), []).append(name)
    return [
        _Action(word, literal=word in written, known=tuple(real.get(_kind(written, word), ())))
        for word in words
        if any(one.cover(word) for one in sets)
    ]


def _kind(written: Iterable[str], word: str) -> frozenset[str]:
    return frozenset(name for name in written if name == word or (patterns.is_glob(name) and patterns.matches(name, word)))


def _for(layers: Layers, action: str) -> Layers:
    return tuple(frozenset(one for one in layer if one.actions.cover(action)) for layer in layers)


def _requests(old: Layers, new: Layers) -> list[_Request] | None:
    """Every kind of request that has another answer; None where there are too many to ask."""
    if old == new:
        return []
    together = [one for layers in (old, new) for layer in layers for one in layer]
    resources = patterns.representatives(frozenset(name for one in together for name in one.resources.patterns))
    principals = patterns.representatives(frozenset(name for one in together for name in one.principals.patterns))
    situations = contexts(test for one in together for test in one.tests)
    if resources is None or principals is None or situations is None or len(resources) * len(principals) * len(situations) > LIMIT:
        return None
    result = []
    for resource, principal in product(resources, principals):
        before, after = _about(old, resource, principal), _about(new, resource, principal)
        if before != after:
            result += [
                _Request(direction=direction, resource=resource, principal=principal, less=_flat(less), more=_flat(more), partly=partly)
                for direction, (less, more), partly in _directions(before, after, situations)
            ]
    return result


def _flat(layers: Layers) -> frozenset[Statement]:
    return frozenset(one for layer in layers for one in layer)


def _about(layers: Layers, resource: str, principal: str) -> Layers:
    return tuple(frozenset(one for one in layer if one.resources.cover(resource) and one.principals.cover(principal)) for layer in layers)


def _directions(before: Layers, after: Layers, situations: Sequence[Context]) -> Iterator[tuple[str, tuple[Layers, Layers], bool]]:
    """Each way in which the answers differ, with the sides as (the one that gives less, the one that gives more)."""
    answers = [(_decide(before, context), _decide(after, context)) for context in situations]
    allowed_before, allowed_after = (any(pair[side] == "allowed" for pair in answers) for side in (0, 1))
    ways = set(answers)
    if any(new == "allowed" != old for old, new in ways):
        yield "gained", (before, after), allowed_before
    if any(old == "allowed" != new for old, new in ways):
        yield "lost", (after, before), allowed_after
    if ("refused", "neither") in ways:
        yield "unrefused", (before, after), any(new == "refused" for _, new in ways)
    if ("neither", "refused") in ways:
        yield "refused", (after, before), any(old == "refused" for old, _ in ways)


def _decide(layers: Layers, context: Context) -> Decision:
    holding = [[one.allow for one in layer if all(test.holds(context) for test in one.tests)] for layer in layers]
    if any(not allow for layer in holding for allow in layer):
        return "refused"
    return "allowed" if all(holding) else "neither"


def _grant(action: _Action, request: _Request, spelling: Mapping[str, str]) -> Grant:
    """In the words of the statements that make the difference: an Allow of one side, else a Deny of the other."""
    less, more = request.less, request.more
    culprits = [one for one in more - less if one.allow] + [one for one in less - more if not one.allow] or list(more | less)
    telling = max(
        (
            (one.actions.shown(action.word), one.resources.shown(request.resource), one.principals.shown(request.principal))
            for one in culprits
        ),
        key=lambda words: (len(words[1]), words),
    )
    name = spelling.get(action.word, action.word) if action.literal else spelling.get(telling[0], telling[0])
    return Grant(resource=telling[1], principal=telling[2], action=name, actions=action.known, partly=request.partly)
