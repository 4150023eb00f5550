"""Policy documents as statements that can be compared: names, order and spelling of a document do not matter."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import product
from typing import Any, Literal

from pipeline.review import patterns
from pipeline.review.conditions import Test, tests
from pipeline.review.read import items, text

EVERYTHING = patterns.glob("*")


@dataclass(frozen=True, kw_only=True)
class Names:
    """Patterns of one element; `inverted` where it is NotAction, NotResource or NotPrincipal."""

    patterns: frozenset[str]
    inverted: bool = False

    @cached_property
    def globs(self) -> tuple[str, ...]:
        return tuple(one for one in self.patterns if patterns.is_glob(one))

    def cover(self, word: str) -> bool:
        return (word in self.patterns or any(patterns.matches(one, word) for one in self.globs)) != self.inverted

    def each(self) -> Iterator[Names]:
        if self.inverted:
            yield self
        else:
            yield from (replace(self, patterns=frozenset({one})) for one in self.patterns)

    def shown(self, word: str) -> str:
        """The pattern that covers the word, the most telling one."""
        if self.inverted:
            return f"everything but {', '.join(sorted(patterns.shown(one) for one in self.patterns))}"
        found = [patterns.shown(one) for one in self.patterns if patterns.matches(one, word)]
        return max(sorted(found), key=len, default="*")


@dataclass(frozen=True, kw_only=True)
class Statement:
    """`spelling` has actions as they were written: IAM compares them without regard to case."""

    allow: bool
    actions: Names
    resources: Names
    principals: Names
    tests: frozenset[Test] = frozenset()
    spelling: Mapping[str, str] = field(default_factory=dict, compare=False)

    def atoms(self) -> Iterator[Statement]:
        """Statements of one action, one resource and one principal that say the same together."""
        for action, resource, principal in product(self.actions.each(), self.resources.each(), self.principals.each()):
            yield replace(self, actions=action, resources=resource, principals=principal)


@dataclass(frozen=True)
class Policy:
    """`unread` is what cannot be understood: an intrinsic function in place of a document, a policy that only AWS has."""

    statements: frozenset[Statement] = frozenset()
    unread: frozenset[str] = frozenset()

    def __or__(self, other: Policy) -> Policy:
        return Policy(self.statements | other.statements, self.unread | other.unread)


ALL = Policy(
    frozenset(
        {
            Statement(
                allow=True,
                actions=Names(patterns=frozenset({EVERYTHING})),
                resources=Names(patterns=frozenset({EVERYTHING})),
                principals=Names(patterns=frozenset({EVERYTHING})),
            )
        }
    )
)


def policy(document: Any, names: Mapping[str, str] | None = None) -> Policy:
    """`names` maps logical ids to the ones that they have on the other side."""
    if document is None:
        return Policy()
    written = document if isinstance(document, str) else json.dumps(document, default=str, skipkeys=True)
    return _read(written, tuple((names or {}).items()))


@lru_cache(maxsize=4096)
def _read(written: str, names: tuple[tuple[str, str], ...]) -> Policy:
    """Kept by content, because several rules ask and both sides are mostly the same."""
    try:
        document = json.loads(written)
    except ValueError:
        return Policy(unread=frozenset({written}))
    if not isinstance(document, Mapping) or "Statement" not in document:
        return Policy(unread=frozenset({text(document)}))
    result = Policy()
    for one in items(document["Statement"]):
        found = _statement(one, dict(names))
        result |= Policy(frozenset({found})) if found else Policy(unread=frozenset({text(one)}))
    return result


def _statement(value: Any, names: Mapping[str, str]) -> Statement | None:
    if not isinstance(value, Mapping) or value.get("Effect") not in ("Allow", "Deny"):
        return None
    actions = _names(value, "Action", names)
    lower = frozenset(one.lower() for one in actions.patterns)
    return Statement(
        allow=value["Effect"] == "Allow",
        actions=replace(actions, patterns=lower),
        resources=_names(value, "Resource", names, missing=EVERYTHING),
        principals=_principals(value, names),
        tests=tests(value.get("Condition")),
        spelling={patterns.shown(one).lower(): patterns.shown(one) for one in actions.patterns},
    )


def _names(value: Mapping[str, Any], element: Literal["Action", "Resource"], names: Mapping[str, str], missing: str = "") -> Names:
    inverted = f"Not{element}" in value
    if not inverted and element not in value:
        return Names(patterns=frozenset({missing} if missing else ()))
    written = items(value[f"Not{element}" if inverted else element])
    return Names(patterns=frozenset(_pattern(one, names) for one in written), inverted=inverted)


def _principals(value: Mapping[str, Any], names: Mapping[str, str]) -> Names:
    """A policy of an identity names no principal: it is the identity's own."""
    inverted = "NotPrincipal" in value
    if not inverted and "Principal" not in value:
        return Names(patterns=frozenset({EVERYTHING}))
    written = value["NotPrincipal" if inverted else "Principal"]
    found: set[str] = set()
    blocks = written.items() if isinstance(written, Mapping) and not _is_function(written) else [("AWS", written)]
    for kind, several in blocks:
        for one in items(several):
            name = _text(one, names)
            # Everybody, with and without an account (IAM user guide, Principal). No other wildcard means anything here.
            found.add(EVERYTHING if name == "*" and kind == "AWS" else patterns.literal(name))
    return Names(patterns=frozenset(found), inverted=inverted)


def _is_function(value: Mapping[Any, Any]) -> bool:
    return any(key == "Ref" or str(key).startswith("Fn::") for key in value)


def _pattern(value: Any, names: Mapping[str, str]) -> str:
    words = _text(value, names)
    unread = not isinstance(value, str) and words.startswith(("{", "["))
    return patterns.literal(words) if unread else patterns.glob(words)


def _text(value: Any, names: Mapping[str, str]) -> str:
    words = text(value)
    for old, new in names.items():
        words = words.replace(f"${{{old}}}", f"${{{new}}}").replace(f"${{{old}.", f"${{{new}.")
    return words
