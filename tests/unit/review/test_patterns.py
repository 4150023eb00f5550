"""Patterns against the definition of IAM's wildcards, written out by recursion."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from pipeline.review import patterns

WRITTEN = st.text("ab*?", max_size=5)
# Every text of up to six characters over the letters of the patterns and one that no pattern has.
WORDS = tuple("".join(word) for length in range(1, 7) for word in product("abc", repeat=length))


def _matches(pattern: str, word: str) -> bool:
    if not pattern:
        return not word
    if pattern[0] == "*":
        return _matches(pattern[1:], word) or (bool(word) and _matches(pattern, word[1:]))
    return bool(word) and pattern[0] in ("?", word[0]) and _matches(pattern[1:], word[1:])


@given(WRITTEN, st.text("abc*?", max_size=6))
def test_a_pattern_matches_what_its_wildcards_say(pattern: str, word: str) -> None:
    assert patterns.matches(patterns.glob(pattern), word) == _matches(pattern, word)


@given(st.sets(WRITTEN, max_size=4))
def test_there_is_one_text_for_every_combination_of_patterns(written: set[str]) -> None:
    texts = patterns.representatives(frozenset(patterns.glob(one) for one in written))
    assert texts is not None
    found = [frozenset(one for one in written if _matches(one, text)) for text in texts]
    assert len(found) == len(set(found))
    assert set(found) >= {frozenset(one for one in written if _matches(one, word)) for word in WORDS}


def test_a_literal_has_no_wildcards() -> None:
    assert not patterns.matches(patterns.literal("a*"), "ab")
    assert patterns.matches(patterns.literal("a*"), "a*")
    assert patterns.matches(patterns.glob("a${*}"), "a*")
    assert not patterns.matches(patterns.glob("a${*}"), "ab")


def test_patterns_made_to_be_slow_are_given_up() -> None:
    assert patterns.representatives(frozenset(patterns.glob(f"*{letter}*{letter}*") for letter in "abcdefghijkl")) is None


def test_names_of_a_cloud_are_told_apart() -> None:
    inner, outer = patterns.glob("arn:aws:s3:::kotei-artifacts/*"), patterns.glob("arn:*:s3:::k*")
    texts = patterns.representatives(frozenset({inner, outer}))
    assert texts is not None
    assert {(patterns.matches(inner, one), patterns.matches(outer, one)) for one in texts} == {(True, True), (False, True), (False, False)}
