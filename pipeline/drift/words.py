"""Values of AWS in the words of a template: with its references, and compared without regard to order and spelling."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def references(written: Any, resolved: Any) -> dict[str, Any]:
    """What a template's references came to: the text in AWS -> the reference."""
    if isinstance(written, Mapping) and _is_reference(written):
        return {resolved: written} if isinstance(resolved, str) else {}
    found: dict[str, Any] = {}
    if isinstance(written, Mapping) and isinstance(resolved, Mapping):
        for key in written:
            found |= references(written[key], resolved.get(key))
    elif isinstance(written, list) and isinstance(resolved, list) and len(written) == len(resolved):
        for one, other in zip(written, resolved, strict=True):
            found |= references(one, other)
    return found


def _is_reference(value: Mapping[str, Any]) -> bool:
    return len(value) == 1 and all(key == "Ref" or str(key).startswith("Fn::") for key in value)


def written(value: Any, known: Mapping[str, Any]) -> Any:
    """The value with references in place of what they came to."""
    if isinstance(value, Mapping):
        return {key: written(one, known) for key, one in value.items()}
    if isinstance(value, list):
        return [written(one, known) for one in value]
    return known.get(value, value) if isinstance(value, str) else value


def same(one: Any, other: Any) -> bool:
    return canonical(one) == canonical(other)


def canonical(value: Any) -> str:
    """Lists as sets, numbers and booleans as text, JSON text as what it says, one thing and a list of it alike."""
    return json.dumps(_canonical(value), sort_keys=True, default=str)


def _canonical(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except ValueError:
            return value
    if isinstance(value, Mapping):
        return {str(key): _canonical(one) for key, one in value.items()}
    if isinstance(value, list):
        found = sorted((_canonical(one) for one in value), key=lambda one: json.dumps(one, sort_keys=True, default=str))
        return found[0] if len(found) == 1 else found
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if value is None else str(value)


def in_order_of(expected: Any, actual: Any) -> Any:
    """A list with what both have first, in the order of the template, so that what was added comes last."""
    if not isinstance(expected, list) or not isinstance(actual, list):
        return actual
    left = list(actual)
    kept = []
    for one in expected:
        match = next((other for other in left if same(one, other)), None)
        if match is not None:
            left.remove(match)
            kept.append(one)
    return [*kept, *left]


def apart(one: Any, other: Any) -> tuple[Any, Any]:
    """Two values without what they have in common, for people to compare."""
    if (first := by_key(one)) is not None and (second := by_key(other)) is not None:
        one, other = first, second
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = [key for key in dict.fromkeys([*one, *other]) if not same(one.get(key), other.get(key))]
        pairs = {key: apart(one.get(key), other.get(key)) for key in keys}
        return {key: left for key, (left, _) in pairs.items()}, {key: right for key, (_, right) in pairs.items()}
    if isinstance(one, list) and isinstance(other, list):
        return [item for item in one if not _among(item, other)], [item for item in other if not _among(item, one)]
    return one, other


def by_key(value: Any) -> dict[str, Any] | None:
    """A list of Key and Value, which tags and attributes are."""
    if not isinstance(value, list) or not all(isinstance(one, Mapping) and one.keys() == {"Key", "Value"} for one in value):
        return None
    return {one["Key"]: one["Value"] for one in value}


def _among(item: Any, some: list[Any]) -> bool:
    return any(same(item, one) for one in some)
