"""Every IAM action in a template exists. IAM takes any word, and a misspelt one is missed only on the day it is needed."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from pipeline.checks.documents import Document
from pipeline.checks.finding import Finding
from pipeline.review.action_names import known


def findings(document: Document) -> Iterator[Finding]:
    for where, statement in statements(document.content.get("Resources", {}), ""):
        for action in _list(statement.get("Action", [])) + _list(statement.get("NotAction", [])):
            if message := _problem(action):
                yield Finding(path=document.path, where=where, rule="iam-actions", message=message)


def statements(value: Any, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Whatever has an Effect and actions, wherever it stands: role, key, bucket, repository and topic policies."""
    if isinstance(value, dict) and "Effect" in value and value.keys() & {"Action", "NotAction"}:
        yield where, value
    elif isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from statements(inner, f"{where}.{key}" if where else str(key))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _problem(action: Any) -> str | None:
    prefix, colon, name = str(action).partition(":")
    if action == "*":
        return None  # what a wildcard may do is a house rule's business
    names = known(prefix)
    if not colon or names is None:
        return f"{action!r}: no service has the prefix {prefix!r}"
    # IAM compares actions without regard to case; spelling them as AWS does keeps them searchable.
    return None if any(fnmatchcase(candidate, f"{prefix}:{name}") for candidate in names) else f"{action!r}: {prefix} has no such action"
