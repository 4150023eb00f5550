"""Edits of rendered files, as the recorded cases write them: a small language, so that a case shows nothing but what it is about.

    - {in: production/loadbalancer, at: Resources.LoadBalancer.Properties.Scheme, put: internal}     a template: <owner>/<stack>
    - {in: production/loadbalancer, at: Resources.Listener, drop: true}
    - {in: production/loadbalancer, at: Resources.Listener, move: Resources.Front}                   with its references
    - {in: production/addresses.json, at: Tags.Project, put: other}                                  what stands beside the template
    - {in: production/nginx, find: "read_timeout 60s", replace: "read_timeout 30s"}                  every occurrence
    - {in: production/monitoring, drop: true}                                                        the whole stack, or nginx
    - {in: production/pinned, put: [{zone: a, address: 203.0.113.3, allocation: eipalloc-1}]}        the ledger
    - {in: shared/base, put: "public.ecr.aws/nginx/x:1.30.4"}                                      what the image is built on
    - {live: production/addresses, put: {status: ROLLBACK_COMPLETE}}                                 what only AWS tells (fields of Stack)

`at` is keys joined by dots, a number for a place in a list, `+` for a new last item, `Key=value` (or `Sid=value` ...) for the item that
has it, with / for a dot in the value.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.review.model import Side, Stack
from pipeline.review.sides import sides

BASE = Path(__file__).parent / "base"


@cache
def base_files() -> Mapping[str, str]:
    return {path.relative_to(BASE).as_posix(): path.read_text() for path in sorted(BASE.rglob("*")) if path.is_file()}


@cache
def _base_sides() -> Mapping[str, Side]:
    return sides(base_files())


def edited(side_of: Mapping[str, Side] | None, edits: Sequence[Mapping[str, Any]]) -> dict[str, Side]:
    """Owner -> side, with the edits applied to a copy of the base, or of `side_of`."""
    result = dict(_base_sides() if side_of is None else side_of)
    for edit in edits:
        where = edit.get("in") or edit["live"]
        owner, _, name = where.partition("/")
        result[owner] = _side(result.get(owner, Side()), owner, name, edit)
    return result


def _side(side: Side, owner: str, name: str, edit: Mapping[str, Any]) -> Side:
    if name == "nginx":
        if edit.get("drop"):
            return replace(side, nginx=None)
        assert side.nginx is not None, f"{owner} has no nginx.conf"
        assert edit["find"] in side.nginx, f"{edit['find']!r} is not in the nginx.conf of {owner}"
        return replace(side, nginx=side.nginx.replace(edit["find"], edit["replace"]))
    if name == "base":
        return replace(side, base=edit["put"])
    if name == "pinned":
        file = {f"stacks/pinned/{owner}.json": json.dumps({"addresses": edit["put"]})}
        texts = {f"stacks/rendered/{owner}/none.yaml": "Resources: {}", **file}
        pinned = sides(texts)[owner].pinned
        outputs = {f"Address{pin.zone.upper()}": pin.allocation for pin in pinned}
        stacks = {key: replace(one, outputs=outputs) if key == "addresses" else one for key, one in side.stacks.items()}
        return replace(side, pinned=pinned, stacks=stacks)
    stacks = dict(side.stacks)
    stack = name.removesuffix(".json")
    if "live" in edit:
        stacks[stack] = replace(stacks[stack], **edit["put"])
    elif edit.get("drop") and "at" not in edit:
        del stacks[stack]
    elif name.endswith(".json"):
        configuration = {"Tags": dict(stacks[stack].tags), "StackPolicy": copy.deepcopy(stacks[stack].policy)}
        _apply(configuration, edit)
        stacks[stack] = replace(stacks[stack], tags=configuration["Tags"], policy=configuration["StackPolicy"])
    else:
        known = stacks.get(stack) or Stack(stack=stack, path=f"stacks/rendered/{owner}/{stack}.yaml", template={"Resources": {}})
        document = copy.deepcopy(dict(known.template))
        _apply(document, edit)
        stacks[stack] = replace(known, template=document)
    return replace(side, stacks=stacks)


def _apply(document: dict[str, Any], edit: Mapping[str, Any]) -> None:
    *way, last = str(edit["at"]).split(".")
    target: Any = document
    for key in way:
        target = target[_place(target, key)] if isinstance(target, list) else target.setdefault(key, {})
    if "move" in edit:
        new = edit["move"].split(".")[-1]
        target[new] = target.pop(last)
        _rename_references(document, last, new)
    elif edit.get("drop"):
        del target[_place(target, last) if isinstance(target, list) else last]
    elif isinstance(target, list) and last == "+":
        target.append(edit["put"])
    else:
        target[_place(target, last) if isinstance(target, list) else last] = edit["put"]


def _place(items: list[Any], key: str) -> int:
    if "=" in key:
        name, _, value = key.partition("=")
        # A key with a dot in it is written with a slash: deregistration_delay/timeout_seconds.
        wanted = value.replace("/", ".")
        return next(number for number, item in enumerate(items) if isinstance(item, dict) and item.get(name) in (value, wanted))
    return int(key)


def _rename_references(value: Any, old: str, new: str) -> None:
    if isinstance(value, list):
        for item in value:
            _rename_references(item, old, new)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key == "Ref" and item == old:
                value[key] = new
            elif key == "Fn::GetAtt" and isinstance(item, list) and item[0] == old:
                value[key] = [new, *item[1:]]
            elif key == "Fn::Sub" and isinstance(item, str):
                value[key] = item.replace(f"${{{old}}}", f"${{{new}}}").replace(f"${{{old}.", f"${{{new}.")
            else:
                _rename_references(item, old, new)
