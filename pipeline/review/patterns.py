"""Text patterns as IAM knows them: `*` is any text, `?` is any character. Decides exactly what a set of them tells apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

# In a pattern the wildcards are characters that no policy holds, so that the text of a literal needs no escaping.
ANY, ONE = "\ue000", "\ue001"
# Stands for every character that no pattern names.
OTHER = "\ue002"
# A bound for patterns made to be slow; those of a real policy need some hundreds.
LIMIT = 20_000

_WRITTEN = str.maketrans({"*": ANY, "?": ONE})
_READ = str.maketrans({ANY: "*", ONE: "?", OTHER: ""})
_RESERVED = str.maketrans({ANY: "", ONE: "", OTHER: ""})

State = tuple[tuple[int, frozenset[int]], ...]


def glob(text: str) -> str:
    """In a policy `${*}` is the character itself (IAM user guide, policy variables)."""
    if "*" not in text and "?" not in text:
        return literal(text)
    return literal(text).translate(_WRITTEN).replace(f"${{{ANY}}}", "*").replace(f"${{{ONE}}}", "?")


def literal(text: str) -> str:
    return text if text.isascii() else text.translate(_RESERVED)


def shown(pattern: str) -> str:
    return pattern.translate(_READ)


def is_glob(pattern: str) -> bool:
    return ANY in pattern or ONE in pattern


def matches(pattern: str, text: str) -> bool:
    return pattern == text or (is_glob(pattern) and _expression(pattern).fullmatch(text) is not None)


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = (".*" if one == ANY else "." if one == ONE else re.escape(one) for one in pattern)
    return re.compile("".join(parts), re.DOTALL)


def start(pattern: str) -> str:
    """What every text that it matches begins with."""
    return re.split(f"[{ANY}{ONE}]", pattern, maxsplit=1)[0]


@lru_cache(maxsize=1024)
def representatives(patterns: frozenset[str]) -> tuple[str, ...] | None:
    """One text for every combination of patterns that some text matches; two texts of one combination mean the same to all of them.

    None where there are too many. A search of the product of the patterns' automata, from the shortest text on.
    """
    ordered = tuple(sorted(patterns))
    first: State = tuple((number, _closed(pattern, {0})) for number, pattern in enumerate(ordered))
    words: dict[State, str] = {first: ""}
    found: dict[frozenset[int], str] = {}
    queue = [first]
    for state in queue:
        for character in sorted(_next_characters(ordered, state)):
            following, word = _step(ordered, state, character), words[state] + character
            found.setdefault(frozenset(number for number, places in following if len(ordered[number]) in places), word)
            if following not in words:
                words[following] = word
                queue.append(following)
        if len(queue) > LIMIT:
            return None
    return tuple(found.values())


def _next_characters(patterns: tuple[str, ...], state: State) -> Iterator[str]:
    yield OTHER
    seen = {patterns[number][place] for number, places in state for place in places if place < len(patterns[number])}
    yield from seen - {ANY, ONE}


def _step(patterns: tuple[str, ...], state: State, character: str) -> State:
    """Patterns that cannot match any more leave the state."""
    following = []
    for number, places in state:
        pattern = patterns[number]
        reached = set()
        for place in places:
            expected = pattern[place] if place < len(pattern) else ""
            if expected == ANY:
                reached.add(place)
            elif expected in (ONE, character):
                reached.add(place + 1)
        if reached:
            following.append((number, _closed(pattern, reached)))
    return tuple(following)


def _closed(pattern: str, places: set[int]) -> frozenset[int]:
    """Also the places after a `*`, which may be empty. Nothing matters beside a `*` at the end."""
    last = len(pattern) - 1
    result = set()
    for place in places:
        here = place
        result.add(here)
        while here < len(pattern) and pattern[here] == ANY:
            if here == last:
                return frozenset({last, last + 1})
            here += 1
            result.add(here)
    return frozenset(result)
