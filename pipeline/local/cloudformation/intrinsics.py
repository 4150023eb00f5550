"""Turning a template's values into plain ones: the intrinsic functions that our templates use, and a value that is not known yet."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pipeline.local.cloudformation import template


class _Unknown:
    """What a change set cannot know before execution (an id of something not made yet). It equals nothing, not even itself."""

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "{{changeSet:KNOWN_AFTER_APPLY}}"


UNKNOWN: Any = _Unknown()
_NO_VALUE = object()


@dataclass(frozen=True, kw_only=True)
class Names:
    """How a name is looked up: `ref` answers Ref, `attribute` Fn::GetAtt, `zones` Fn::GetAZs."""

    ref: Callable[[str], Any]
    attribute: Callable[[str, str], Any]
    zones: Callable[[str], list[str]]


def resolve(value: Any, names: Names) -> Any:
    resolved = _resolve(value, names)
    return None if resolved is _NO_VALUE else resolved


def _resolve(value: Any, names: Names) -> Any:
    if isinstance(value, list):
        return [one for one in (_resolve(item, names) for item in value) if one is not _NO_VALUE]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, argument),) = value.items()
        if key == "Ref":
            return _NO_VALUE if argument == "AWS::NoValue" else names.ref(argument)
        if key.startswith("Fn::"):
            if key not in _FUNCTIONS:
                raise template.invalid(f"Template error: the local CloudFormation does not know {key}")
            return _FUNCTIONS[key](argument, names)
    pairs = ((key, _resolve(item, names)) for key, item in value.items())
    return {key: one for key, one in pairs if one is not _NO_VALUE}


def _get_att(argument: Any, names: Names) -> Any:
    parts = argument.split(".", 1) if isinstance(argument, str) else argument
    return names.attribute(parts[0], parts[1])


def _sub(argument: Any, names: Names) -> Any:
    text, given = (argument, {}) if isinstance(argument, str) else argument
    pieces: list[Any] = []
    rest = text
    while "${" in rest:
        head, _, tail = rest.partition("${")
        name, _, rest = tail.partition("}")
        pieces.append(head)
        if name.startswith("!"):  # ${!Literal} is written as ${Literal}
            pieces.append("${" + name[1:] + "}")
        elif name in given:
            pieces.append(_resolve(given[name], names))
        else:
            pieces.append(names.attribute(*name.split(".", 1)) if "." in name else names.ref(name))
    return _joined([*pieces, rest], "")


def _joined(pieces: list[Any], delimiter: str) -> Any:
    if any(piece is UNKNOWN for piece in pieces):
        return UNKNOWN
    if wrong := [piece for piece in pieces if isinstance(piece, (dict, list))]:
        raise template.invalid(f"Template error: every value of Fn::Join and Fn::Sub must be a text, not {wrong[0]!r}")
    return delimiter.join(str(piece).lower() if isinstance(piece, bool) else str(piece) for piece in pieces)


def _join(argument: Any, names: Names) -> Any:
    delimiter, items = argument
    items = _resolve(items, names)
    return UNKNOWN if items is UNKNOWN else _joined(items, delimiter)


def _select(argument: Any, names: Names) -> Any:
    index, items = argument
    items = _resolve(items, names)
    if items is UNKNOWN:
        return UNKNOWN
    position = int(_resolve(index, names))
    if position >= len(items):
        raise template.invalid(f"Template error: Fn::Select cannot select nonexistent value at index {position}")
    return items[position]


def _split(argument: Any, names: Names) -> Any:
    delimiter, text = argument
    text = _resolve(text, names)
    return UNKNOWN if text is UNKNOWN else text.split(delimiter)


def _get_azs(argument: Any, names: Names) -> Any:
    return names.zones(_resolve(argument, names))


def _base64(argument: Any, names: Names) -> Any:
    text = _resolve(argument, names)
    return UNKNOWN if text is UNKNOWN else base64.b64encode(str(text).encode()).decode()


_FUNCTIONS: dict[str, Callable[[Any, Names], Any]] = {
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::GetAZs": _get_azs,
    "Fn::Base64": _base64,
}
