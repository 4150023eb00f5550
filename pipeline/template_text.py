"""A template's text as data. Reads the short forms (!Ref), too, because somebody may have changed a stack by hand."""

from __future__ import annotations

from typing import Any

import yaml


def document(template: Any) -> dict[str, Any]:
    """Botocore parses a JSON template itself and leaves a YAML one as text. Raises ValueError where it is no mapping, or no YAML.

    Dates become text, as CloudFormation reads them.
    """
    try:
        parsed = yaml.load(template, Loader=_Loader) if isinstance(template, str) else template  # noqa: S506 - a SafeLoader below
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
    if not isinstance(parsed, dict):
        raise ValueError("not a mapping")  # noqa: TRY004 - what the text says is wrong, not what the caller passed
    return parsed


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # the C one is ten times as fast, where there is one
    """Without dates: a version like 2012-10-17 is text. Keys are text, as in the JSON that CloudFormation makes of it."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - PyYAML's
        found = super().construct_mapping(node, deep)
        return found if all(type(key) is str for key in found) else {str(key): value for key, value in found.items()}


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def _short_form(loader: Any, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
