"""Resolution of `#{Namespace.Variable}` in configurations."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

REFERENCE = re.compile(r"#\{([A-Za-z0-9@\-_]+)\.([A-Za-z0-9@\-_]+)\}")


class UnresolvedError(Exception):
    """A reference to something that no action of this execution has put out."""


def resolve(text: str, namespaces: Mapping[str, Mapping[str, str]]) -> str:
    def value(match: re.Match[str]) -> str:
        namespace, name = match[1], match[2]
        if namespace not in namespaces:
            known = ", ".join(sorted(namespaces))
            raise UnresolvedError(f"#{{{namespace}.{name}}}: no action with namespace {namespace} has finished (known: {known})")
        if name not in namespaces[namespace]:
            known = ", ".join(sorted(namespaces[namespace])) or "none"
            raise UnresolvedError(f"#{{{namespace}.{name}}}: namespace {namespace} has no variable {name} (it has: {known})")
        return namespaces[namespace][name]

    return REFERENCE.sub(value, text)


def resolve_all(configuration: Mapping[str, str], namespaces: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    return {key: resolve(value, namespaces) for key, value in configuration.items()}


def of_execution(execution: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What a configuration may refer to: the pipeline's own, its declared variables, and every finished action's namespace."""
    own = {"codepipeline": {"PipelineExecutionId": execution["id"]}, "variables": execution["variables"]}
    return {**execution["namespaces"], **own}
