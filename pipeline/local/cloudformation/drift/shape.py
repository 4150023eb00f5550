"""What an API says in the words of a template, and how that differs from what the template said."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

EMPTY: tuple[Any, ...] = (None, "", [], {}, False, 0)


def like(expected: Any, found: Any, *, whole: bool = False) -> Any:
    """`found` with the names and order of `expected`; equal values in its spelling.

    Of an object only what the template names is looked at; of an object in a list (`whole`) everything, as CloudFormation does.
    """
    if isinstance(expected, Mapping) and isinstance(found, str):
        found = _json(found)
    if isinstance(expected, str) and isinstance(found, Mapping):
        expected_document = _json(expected)
        return expected if isinstance(expected_document, Mapping) and like(expected_document, found) == expected_document else found
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        return _object(expected, found, whole=whole)
    if isinstance(expected, list) and isinstance(found, list):
        return _list(expected, found)
    if isinstance(expected, list) and len(expected) == 1 and not isinstance(found, Mapping):
        return expected if _word(expected[0]) == _word(found) else found
    return expected if _word(expected) == _word(found) else found


def _object(expected: Mapping[str, Any], found: Mapping[str, Any], *, whole: bool) -> dict[str, Any]:
    spelled = {key.lower(): key for key in expected}
    result = {}
    for key, value in found.items():
        name = spelled.get(key.lower())
        if name is not None:
            result[name] = like(expected[name], value, whole=whole)
        elif whole and value not in EMPTY:
            result[key[:1].upper() + key[1:]] = value
    return {**{key: result[key] for key in expected if key in result}, **result}


def _list(expected: list[Any], found: list[Any]) -> list[Any]:
    """Those that the template has, in its order, then the others."""
    left = list(found)
    kept, pairs = [], []
    for wanted in expected:
        match = next((one for one in left if like(wanted, one, whole=True) == wanted), None)
        if match is not None:
            left.remove(match)
            kept.append(wanted)
        else:
            pairs.append(wanted)
    words: dict[str, Any] = {}
    for item in (one for one in expected if isinstance(one, Mapping)):
        words |= item
    # One that is missing and one that is new are the same one, changed.
    if len(pairs) == len(left) == 1 and isinstance(left[0], Mapping):
        return [one if one in kept else like(one, left[0], whole=True) for one in expected]
    return [*kept, *(like(words, one, whole=True) if isinstance(one, Mapping) else one for one in left)]


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _word(value: Any) -> Any:
    """Templates and APIs write numbers and booleans in their own ways."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}" if value < 1e6 else str(int(value))  # noqa: PLR2004 - %g rounds what is longer
    if isinstance(value, str):
        try:
            return _word(float(value)) if value and value[-1].isdigit() and len(value) < 7 else value.lower()  # noqa: PLR2004 - as above
        except ValueError:
            return value.lower()
    return value


def differences(expected: Any, actual: Any, path: str = "") -> Iterator[dict[str, str]]:
    """As CloudFormation lists them; a path is a JSON pointer into the properties."""
    if expected == actual:
        return
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for key in {**expected, **actual}:
            yield from _member(expected.get(key), actual.get(key), f"{path}/{key}")
    elif isinstance(expected, list) and isinstance(actual, list):
        yield from _members(expected, actual, path)
    else:
        yield _difference(path, expected, actual, "NOT_EQUAL")


def _members(expected: list[Any], actual: list[Any], path: str) -> Iterator[dict[str, str]]:
    if len(expected) == len(actual) and sum(one != other for one, other in zip(expected, actual, strict=True)) == 1:
        for index, (one, other) in enumerate(zip(expected, actual, strict=True)):
            yield from differences(one, other, f"{path}/{index}")
        return
    yield from (_difference(f"{path}/{index}", one, None, "REMOVE") for index, one in enumerate(expected) if one not in actual)
    yield from (_difference(f"{path}/{index}", None, one, "ADD") for index, one in enumerate(actual) if one not in expected)


def _member(one: Any, other: Any, path: str) -> Iterator[dict[str, str]]:
    if one is None or other is None:
        yield _difference(path, one, other, "ADD" if one is None else "REMOVE")
    else:
        yield from differences(one, other, path)


def _difference(path: str, expected: Any, actual: Any, kind: str) -> dict[str, str]:
    # AWS writes null where a side has nothing.
    return {"PropertyPath": path, "ExpectedValue": _text(expected), "ActualValue": _text(actual), "DifferenceType": kind}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
