"""Which resources only got another logical id. To CloudFormation that is a new resource and a deleted one."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from pipeline.review.read import in_order, mapping
from pipeline.review.symbols import SUB


def renames(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """New logical id -> old one: same type, same properties but for tags, and no other candidate.

    A renamed resource changes those that refer to it, so what has been found helps to find the next.
    """
    found: dict[str, str] = {}
    while new := _next(before, after, found):
        found |= new
    return found


def _next(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]], found: Mapping[str, str]) -> dict[str, str]:
    gone = {name: one for name, one in before.items() if name not in after and name not in found.values()}
    come = {name: one for name, one in after.items() if name not in before and name not in found}
    for tags in (True, False):
        old = {name: _key(one, {}, tags=tags) for name, one in gone.items()}
        new = {name: _key(one, found, tags=tags) for name, one in come.items()}
        owners = {key: name for name, key in old.items()}
        old_count, new_count = Counter(old.values()), Counter(new.values())
        matches = {name: owners[key] for name, key in new.items() if new_count[key] == 1 and old_count[key] == 1}
        if matches:
            return matches
    return {}


def _key(resource: Mapping[str, Any], found: Mapping[str, str], *, tags: bool) -> str:
    kept = {key: value for key, value in mapping(resource.get("Properties")).items() if tags or key != "Tags"}
    return json.dumps(in_order([resource.get("Type"), _with_old_names(kept, found)]), default=str)


def _with_old_names(value: Any, found: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_with_old_names(item, found) for item in value]
    if isinstance(value, dict):
        return {key: _renamed(key, item, found) for key, item in value.items()}
    return value


def _renamed(key: str, item: Any, found: Mapping[str, str]) -> Any:
    if key == "Ref" and isinstance(item, str):
        return found.get(item, item)
    if key == "Fn::GetAtt" and isinstance(item, list) and item and isinstance(item[0], str):
        return [found.get(item[0], item[0]), *item[1:]]
    if key == "Fn::GetAtt" and isinstance(item, str):
        name, dot, attribute = item.partition(".")
        return f"{found.get(name, name)}{dot}{attribute}"
    if key == "Fn::Sub" and isinstance(item, str):
        return _in_text(item, found, ())
    if key == "Fn::Sub" and isinstance(item, list) and len(item) == 2 and isinstance(item[0], str) and isinstance(item[1], Mapping):  # noqa: PLR2004 - text and its variables
        return [_in_text(item[0], found, item[1]), _with_old_names(item[1], found)]
    return _with_old_names(item, found)


def _in_text(text: str, found: Mapping[str, str], given: Collection[str]) -> str:
    def old(match: re.Match[str]) -> str:
        literal, whole = match.groups()
        name, dot, attribute = whole.partition(".")
        return match[0] if literal or whole in given else f"${{{found.get(name, name)}{dot}{attribute}}}"

    return SUB.sub(old, text)
