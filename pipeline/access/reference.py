"""What AWS says of each action: which resources it knows (Service Authorization Reference, as cfn-lint keeps it)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

ANY = "*"
PASS = "iam:PassRole"  # noqa: S105 - an action


@cache
def without_resource(action: str) -> bool:
    """Whether the action exists and knows no resource."""
    service, _, name = action.partition(":")
    known = _reference().get(service, {}).get("Actions", {}).get(name.lower())
    return known is not None and not known.get("Resources")


@cache
def kinds(action: str) -> tuple[str, ...]:
    """Expressions of the ARNs that the action may be allowed for; empty where it knows no resource."""
    service, _, name = action.partition(":")
    known = _reference().get(service, {})
    formats = [
        one
        for kind in known.get("Actions", {}).get(name.lower(), {}).get("Resources", [])
        for one in known.get("Resources", {}).get(kind.lower(), {}).get("ARNFormats", [])
    ]
    # One service under two names, whose ARNs have either.
    return tuple(re.sub(r"\$\{\w+\}", "[^:]*", one).replace(":codestar-connections:", ":code(?:star-)?connections:") for one in formats)


@cache
def _reference() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((files("cfnlint") / "data/AdditionalSpecs/Policies.json").read_text())
    return found


def context(region: str, more: Mapping[str, str | list[str]] | None = None) -> dict[str, str | list[str]]:
    """What every request says of itself."""
    return {"aws:requestedregion": region, "aws:securetransport": "true", **(more or {})}
