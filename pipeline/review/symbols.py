"""What a value of a template is before AWS has made anything: references become symbols, equal on both sides when they mean the same.

A resource that is new or replaced has another symbol than the one that was there before, so whatever refers to it differs, too: in its
own stack, and through outputs and parameters of the same name in the stacks after it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.review.model import Side

SUB = re.compile(r"\$\{(!?)([^}]*)\}")
SYMBOL = "symbol"


@dataclass(frozen=True, kw_only=True)
class World:
    """One side as far as it is resolved.

    `fresh` holds "stack/LogicalId" of what is new or replaced, `outputs` what the stacks before hand on.
    """

    side: Side
    fresh: Collection[str]
    outputs: Mapping[str, Any]


def resolve(value: Any, stack: str, world: World) -> Any:
    """The value with symbols in place of references. Never fails: what cannot be resolved stays as it is written."""
    if isinstance(value, list):
        return [resolve(item, stack, world) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (function, argument), *_ = value.items()
        if function == "Ref" and isinstance(argument, str):
            return _named(argument, stack, world)
        if function == "Fn::GetAtt" and _attribute_parts(argument)[0]:
            return _attribute(argument, stack, world)
        if function == "Fn::Sub" and _sub_parts(argument) is not None:
            return _substituted(argument, stack, world)
    return {key: resolve(item, stack, world) for key, item in value.items()}


def references(value: Any) -> Iterator[str]:
    """The logical ids and parameters that a value names."""
    if isinstance(value, list):
        for item in value:
            yield from references(item)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref" and isinstance(item, str):
                yield item
            elif key == "Fn::GetAtt":
                yield _attribute_parts(item)[0]
            elif key == "Fn::Sub":
                text, given = _sub_parts(item) or ("", {})
                yield from (name.partition(".")[0] for literal, name in SUB.findall(text) if not literal and name not in given)
                yield from references(given)
            else:
                yield from references(item)


def symbols(value: Any) -> Iterator[tuple[str, bool]]:
    """The symbols in a resolved value, as "stack/LogicalId", and whether that is new or replaced."""
    if isinstance(value, list):
        for item in value:
            yield from symbols(item)
    elif isinstance(value, dict):
        if isinstance(value.get(SYMBOL), str):
            yield value[SYMBOL], value.get("fresh") is True
        for item in value.values():
            yield from symbols(item)


def _named(name: str, stack: str, world: World) -> Any:
    here = world.side.stacks[stack]
    declared = here.template.get("Parameters")
    if isinstance(declared, dict) and name in declared:
        if name in here.parameters:
            return here.parameters[name]
        if name in world.outputs:
            return world.outputs[name]
        default = declared[name]
        return default["Default"] if isinstance(default, dict) and "Default" in default else {"parameter": name}
    return _symbol(stack, name, "", world)


def _attribute(argument: Any, stack: str, world: World) -> Any:
    name, attribute = _attribute_parts(argument)
    return _symbol(stack, name, attribute, world)


def _attribute_parts(argument: Any) -> tuple[str, str]:
    if isinstance(argument, str):
        name, _, attribute = argument.partition(".")
        return name, attribute
    if isinstance(argument, list) and argument and isinstance(argument[0], str):
        return argument[0], ".".join(
            part if isinstance(part, str) else json.dumps(part, sort_keys=True, default=str) for part in argument[1:]
        )
    return "", ""


def _symbol(stack: str, name: str, attribute: str, world: World) -> Any:
    if name.startswith("AWS::"):
        return {"pseudo": name}
    where = f"{stack}/{name}"
    return {SYMBOL: where, "attribute": attribute, "fresh": where in world.fresh}


def _sub_parts(argument: Any) -> tuple[str, Mapping[str, Any]] | None:
    if isinstance(argument, str):
        return argument, {}
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str) and isinstance(argument[1], Mapping):  # noqa: PLR2004 - text and its variables
        return argument[0], argument[1]
    return None


def _substituted(argument: Any, stack: str, world: World) -> Any:
    """Text where every part is text, else the parts, so that "${A}b" equals the same with A's value written out."""
    text, given = _sub_parts(argument) or ("", {})
    parts: list[Any] = []
    end = 0
    for match in SUB.finditer(text):
        parts.append(text[end : match.start()])
        literal, name = match.groups()
        if literal:
            parts.append(f"${{{name}}}")
        elif name in given:
            parts.append(resolve(given[name], stack, world))
        elif "." in name:
            parts.append(_attribute(name, stack, world))
        else:
            parts.append(_named(name, stack, world))
        end = match.end()
    parts.append(text[end:])
    return _joined(parts)


def _joined(parts: list[Any]) -> Any:
    joined: list[Any] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    if not joined:
        return ""
    return joined[0] if len(joined) == 1 else {"joined": joined}
