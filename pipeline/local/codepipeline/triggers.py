"""Does a push start the pipeline? The rules of CodePipeline V2's Git triggers over the pushed commits."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any


def glob(pattern: str) -> re.Pattern[str]:
    """`*` within a folder, `**` across folders, `?` one character, `{a,b}` either, as CodePipeline's trigger filters have them."""
    out = ""
    position = 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            out, position = out + "(?:.*/)?", position + 3
        elif pattern.startswith("**", position):
            out, position = out + ".*", position + 2
        elif pattern[position] == "*":
            out, position = out + "[^/]*", position + 1
        elif pattern[position] == "?":
            out, position = out + "[^/]", position + 1
        elif pattern[position] == "{" and "}" in pattern[position:]:
            end = pattern.index("}", position)
            choices = "|".join(re.escape(choice) for choice in pattern[position + 1 : end].split(","))
            out, position = f"{out}(?:{choices})", end + 1
        else:
            out, position = out + re.escape(pattern[position]), position + 1
    return re.compile(out)


def _any(patterns: Sequence[str], value: str) -> bool:
    return any(glob(pattern).fullmatch(value) for pattern in patterns)


def _accepts(criteria: Mapping[str, Any] | None, value: str) -> bool:
    """Excludes win; without includes everything else is in."""
    if criteria is None:
        return True
    if _any(criteria.get("excludes", ()), value):
        return False
    return not criteria.get("includes") or _any(criteria["includes"], value)


def refused(declaration: Mapping[str, Any], source_action: str, branch: str, files: Sequence[str]) -> str | None:
    """None when a push of these files to the branch starts the pipeline, otherwise why it does not."""
    triggers = [
        trigger["gitConfiguration"]
        for trigger in declaration.get("triggers", ())
        if trigger["gitConfiguration"]["sourceActionName"] == source_action
    ]
    if not triggers:
        return None
    reasons = []
    for push in (push for trigger in triggers for push in trigger.get("push", ())):
        if "tags" in push and "branches" not in push:
            reasons.append("only tags start it")
        elif not _accepts(push.get("branches"), branch):
            reasons.append(f"branch {branch} is not one that starts it")
        # Each changed file is judged alone: one that is let through is enough.
        elif "filePaths" in push and not any(_accepts(push["filePaths"], file) for file in files):
            reasons.append("every changed file is excluded from its trigger")
        else:
            return None
    return "; ".join(dict.fromkeys(reasons)) or "it has no trigger for pushes"
