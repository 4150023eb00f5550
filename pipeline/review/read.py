"""Reading templates that may hold anything: what is missing or odd is empty, never an error."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from operator import itemgetter
from typing import Any

from pipeline.review.model import Change, Comparison, Side, Stack
from pipeline.review.symbols import SUB, references

# A value that is nothing but one reference, as text() writes it.
REFERENCE = re.compile(r"\$\{([A-Za-z0-9]+)(?:\.[^}]*)?\}")


def resources(stack: Stack | None) -> dict[str, Mapping[str, Any]]:
    found = stack.template.get("Resources") if stack else None
    if not isinstance(found, dict):
        return {}
    # Nearly always there is nothing to leave out, and this is asked thousands of times.
    odd = any(type(one) is not dict for one in found.values())
    return {name: one for name, one in found.items() if isinstance(one, dict)} if odd else found


def properties(stack: Stack | None, logical_id: str) -> Mapping[str, Any]:
    return mapping(resources(stack).get(logical_id, {}).get("Properties"))


def resources_of(side: Side, *types: str) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Stack, logical id and properties of every resource of the types, in that order: whoever takes the first has always the same."""
    found = (
        (name, logical_id, mapping(resource.get("Properties")))
        for name, stack in side.stacks.items()
        for logical_id, resource in resources(stack).items()
        if resource.get("Type") in types
    )
    yield from sorted(found, key=itemgetter(0, 1))


def both_sides(comparison: Comparison, change: Change) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Its properties before and after, under the logical id that it has there."""
    before, after = comparison.before.stacks.get(change.stack), comparison.after.stacks.get(change.stack)
    return properties(before, change.old_id), properties(after, change.logical_id)


def place(side: Side, type_name: str) -> tuple[str, str]:
    """Stack and logical id of the first resource of the type; empty where there is none."""
    return next(((stack, name) for stack, name, _ in resources_of(side, type_name)), ("", ""))


def anew(comparison: Comparison, type_name: str) -> set[str]:
    """`stack/LogicalId` of what is replaced."""
    return {f"{change.stack}/{change.logical_id}" for change in comparison.of_type(type_name) if change.replaces}


def mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def items(value: Any) -> list[Any]:
    """One thing and a list of one thing mean the same in most documents of AWS."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def mappings(value: Any) -> list[Mapping[str, Any]]:
    return [one for one in items(value) if isinstance(one, dict)]


def text(value: Any) -> str:
    """A value as Fn::Sub would write it: the same reference is the same text, however it is spelled."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, dict) and len(value) == 1:
        (function, argument), *_ = value.items()
        if (spelled := _function(function, argument)) is not None:
            return spelled
    return json.dumps(in_order(value), default=str) if isinstance(value, dict | list) else str(value)


def in_order(value: Any) -> Any:
    """YAML has keys of any type, and those of different types have no order of their own."""
    if isinstance(value, dict):
        return {str(key): in_order(value[key]) for key in sorted(value, key=str)}
    return [in_order(item) for item in value] if isinstance(value, list) else value


def _function(function: Any, argument: Any) -> str | None:
    if function == "Ref" and isinstance(argument, str):
        return f"${{{argument}}}"
    if function == "Fn::GetAtt" and isinstance(argument, str):
        return f"${{{argument}}}"
    if function == "Fn::GetAtt" and isinstance(argument, list):
        return f"${{{'.'.join(text(part) for part in argument)}}}"
    if function == "Fn::Sub":
        template, given = argument if isinstance(argument, list) and len(argument) == 2 else (argument, {})  # noqa: PLR2004 - text and its variables
        if isinstance(template, str) and isinstance(given, dict):
            return SUB.sub(lambda found: text(given[found[2]]) if not found[1] and found[2] in given else f"${{{found[2]}}}", template)
    if function == "Fn::Join" and isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], list):  # noqa: PLR2004 - separator and parts
        return text(argument[0]).join(text(part) for part in argument[1])
    return None


def outputs(stack: Stack | None) -> dict[str, Any]:
    """Name -> value as it is written."""
    found = mapping(stack.template.get("Outputs") if stack else None)
    return {name: one["Value"] for name, one in found.items() if isinstance(one, dict) and "Value" in one}


def keyed(value: Any) -> dict[str, str]:
    """A list of Key and Value, as load balancers and target groups have their attributes."""
    return {text(one.get("Key")): text(one.get("Value")) for one in mappings(value)}


def standing(comparison: Comparison) -> Side:
    """The new side with the stacks that are no longer rendered: they stay in AWS, and hand on what they handed on."""
    return Side(stacks={**comparison.before.stacks, **comparison.after.stacks})


def origin(side: Side, stack: str, value: Any) -> str:
    """`stack/LogicalId` of the resource that a value names, through parameters and the outputs that feed them; else its text."""
    for _ in range(len(side.stacks) + 1):
        found, here = REFERENCE.fullmatch(text(value)), side.stacks.get(stack)
        if not found or here is None:
            break
        name = found[1]
        if name in resources(here):
            return f"{stack}/{name}"
        feeding = next(((other, outputs(one)[name]) for other, one in side.stacks.items() if other != stack and name in outputs(one)), None)
        if feeding is None:
            return text(here.parameters.get(name, value))
        stack, value = feeding
    return text(value)


def origins(side: Side, stack: str, value: Any) -> set[str]:
    """Of everything that a value refers to, wherever in it."""
    return {origin(side, stack, {"Ref": name}) for name in references(value)}


def users(side: Side, wanted: str) -> Iterator[tuple[str, str, str]]:
    """Stack, logical id and type of every resource that refers to `stack/LogicalId`."""
    for name, stack in side.stacks.items():
        for logical_id, resource in resources(stack).items():
            if wanted in origins(side, name, resource.get("Properties")):
                yield name, logical_id, text(resource.get("Type"))
