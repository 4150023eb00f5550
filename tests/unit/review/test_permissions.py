"""What is reported broader or narrower against IAM's own order of decision, carried out over every request of a small world."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from itertools import product
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.review.permits import Difference, difference
from pipeline.review.statements import Policy, policy

Document = dict[str, Any]

ACTIONS = ("s:", "s:a", "s:aa", "s:ab", "s:abc", "s:b", "s:c", "s:cc", "t:a", "t:ab")
RESOURCES = ("a", "b", "c", "aa", "ab", "ac", "bb", "cc", "aab", "abc", "bbc")
PRINCIPALS = ("anonymous", "arn:p", "arn:q", "service")
# What a request may say: a name or nothing, whether it is encrypted or nothing, whether it comes from the range or not.
CONTEXTS = tuple(product((None, "x", "y", "yz", "z", "w", "ww"), (None, "true", "false"), (False, True)))


def one_or_more(*choices: str) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from(choices), st.lists(st.sampled_from(choices), min_size=1, max_size=2, unique=True))


CONDITIONS = st.fixed_dictionaries(
    {},
    optional={
        "StringEquals": st.fixed_dictionaries({"k:Name": one_or_more("x", "y", "z")}),
        "StringLike": st.fixed_dictionaries({"K:name": one_or_more("y*", "?", "x")}),
        "StringNotEquals": st.fixed_dictionaries({"k:name": one_or_more("x", "y")}),
        "StringEqualsIfExists": st.fixed_dictionaries({"k:name": one_or_more("x", "y")}),
        "Bool": st.fixed_dictionaries({"k:secure": st.sampled_from(("true", "false", True))}),
        "Null": st.fixed_dictionaries({"k:name": st.sampled_from(("true", "false"))}),
        "IpAddress": st.fixed_dictionaries({"k:ip": st.just("10.0.0.0/8")}),
        "NotIpAddress": st.fixed_dictionaries({"k:ip": st.just("10.0.0.0/8")}),
    },
).map(lambda found: dict(list(found.items())[:2]))


@st.composite
def statements(draw: st.DrawFn, *, principals: bool) -> Document:
    found: Document = {
        "Effect": draw(st.sampled_from(("Allow", "Allow", "Deny"))),
        draw(st.sampled_from(("Action", "Action", "NotAction"))): draw(one_or_more("s:aa", "S:A*", "s:?", "s:*", "t:a", "*", "s:b")),
        draw(st.sampled_from(("Resource", "Resource", "NotResource"))): draw(one_or_more("a", "a*", "b", "*", "?b*", "ab")),
    }
    if condition := draw(st.one_of(st.just({}), CONDITIONS)):
        found["Condition"] = condition
    if sid := draw(st.sampled_from(("", "One", "Two"))):
        found["Sid"] = sid
    if principals:
        who = st.sampled_from(("*", {"AWS": "*"}, {"AWS": ["arn:p", "arn:q"]}, {"AWS": "arn:q"}, {"Service": "service"}))
        found[draw(st.sampled_from(("Principal", "Principal", "NotPrincipal")))] = draw(who)
    return found


IDENTITY = st.lists(statements(principals=False), max_size=3)
RESOURCE = st.lists(statements(principals=True), max_size=3)


@cache
def _like(pattern: str, word: str) -> bool:
    if not pattern:
        return not word
    if pattern[0] == "*":
        return any(_like(pattern[1:], word[start:]) for start in range(len(word) + 1))
    return bool(word) and pattern[0] in ("?", word[0]) and _like(pattern[1:], word[1:])


def _several(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


# An operator on what a request says: its name, whether it is encrypted, whether it comes from the range.
OPERATORS: dict[str, Callable[[list[Any], str | None, str | None, bool], bool]] = {
    "StringEquals": lambda values, name, _, __: name in values,
    "StringLike": lambda values, name, _, __: name is not None and any(_like(one, name) for one in values),
    "StringNotEquals": lambda values, name, _, __: name not in values,
    "StringEqualsIfExists": lambda values, name, _, __: name is None or name in values,
    "Bool": lambda values, _, secure, __: secure in [str(one).lower() for one in values],
    "Null": lambda values, name, _, __: str(name is None).lower() in values,
    "IpAddress": lambda _, __, ___, inside: inside,
    "NotIpAddress": lambda _, __, ___, inside: not inside,
}


def _applies(statement: Document, action: str, resource: str, principal: str, context: tuple[Any, ...]) -> bool:
    for element, word in (("Action", action), ("Resource", resource)):
        wanted = _several(statement.get(element, statement.get(f"Not{element}")))
        if any(_like(one.lower() if element == "Action" else one, word) for one in wanted) != (element in statement):
            return False
    if "Principal" in statement or "NotPrincipal" in statement:
        who = statement.get("Principal", statement.get("NotPrincipal"))
        wanted = ["*"] if who == "*" else [name for several in who.values() for name in _several(several)]
        if ("*" in wanted or principal in wanted) != ("Principal" in statement):
            return False
    blocks = statement.get("Condition", {})
    return all(OPERATORS[operator](_several(value), *context) for operator, block in blocks.items() for value in block.values())


def _answer(document: list[Document], *request: Any) -> str:
    found = {one["Effect"] for one in document if _applies(one, *request)}
    return "refused" if "Deny" in found else "allowed" if "Allow" in found else "neither"


def _answers(before: list[list[Document]], after: list[list[Document]], principals: tuple[str, ...]) -> set[tuple[str, str]]:
    """Every pair of answers that some request gets. A boundary is one more document that has to allow."""
    found = set()
    for request in product(ACTIONS, RESOURCES, principals, CONTEXTS):
        pair = []
        for documents in (before, after):
            each = [_answer(one, *request) for one in documents]
            pair.append("refused" if "refused" in each else "allowed" if set(each) == {"allowed"} else "neither")
        found.add(tuple(pair))
    return found


def _policy(document: list[Document]) -> Policy:
    return policy({"Statement": document})


def _agree(found: Difference, answers: set[tuple[str, str]]) -> None:
    assert not found.undecided
    assert bool(found.gained) == any(new == "allowed" != old for old, new in answers)
    assert bool(found.lost) == any(old == "allowed" != new for old, new in answers)
    assert bool(found.unrefused) == (("refused", "neither") in answers)
    assert bool(found.refused) == (("neither", "refused") in answers)


def _compared(before: list[list[Document]], after: list[list[Document]]) -> Difference:
    return difference(tuple(_policy(one).statements for one in before), tuple(_policy(one).statements for one in after))


@settings(max_examples=100, deadline=None)
@given(IDENTITY, IDENTITY)
def test_an_identity_is_broader_where_some_request_becomes_allowed(before: list[Document], after: list[Document]) -> None:
    _agree(_compared([before], [after]), _answers([before], [after], ("anonymous",)))


@settings(max_examples=40, deadline=None)
@given(RESOURCE, RESOURCE)
def test_a_resource_is_open_to_more_where_some_request_becomes_allowed(before: list[Document], after: list[Document]) -> None:
    _agree(_compared([before], [after]), _answers([before], [after], PRINCIPALS))


@settings(max_examples=40, deadline=None)
@given(IDENTITY, IDENTITY, IDENTITY)
def test_a_boundary_has_to_allow_too(identity: list[Document], before: list[Document], after: list[Document]) -> None:
    _agree(_compared([identity, before], [identity, after]), _answers([identity, before], [identity, after], ("anonymous",)))
