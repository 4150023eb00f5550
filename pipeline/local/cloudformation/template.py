"""Reading a template: YAML or JSON, short and long intrinsics, parameters, references between resources, order."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.local.protocol import AwsError

BODY_LIMIT = 51_200
SECTIONS = {"AWSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Resources", "Outputs"}
ATTRIBUTES = {"Type", "Properties", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy", "Metadata"}
DELETION_POLICIES = {"Delete", "Retain", "RetainExceptOnCreate"}
LIST_TYPES = re.compile(r"^(CommaDelimitedList|List<.+>)$")


def invalid(message: str) -> AwsError:
    return AwsError("ValidationError", message)


class _Loader(yaml.CSafeLoader):
    """Plain YAML plus the `!Ref` spelling; CloudFormation has no dates, so 2012-10-17 stays a text."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@functools.lru_cache(maxsize=64)
def parse(body: str) -> Mapping[str, Any]:
    """The template as a document (shared: not to be changed); whatever this engine would have to ignore is refused by name."""
    try:
        document = json.loads(body) if body.lstrip().startswith("{") else yaml.load(body, Loader=_Loader)  # noqa: S506  # a SafeLoader
    except (ValueError, yaml.YAMLError) as error:
        raise invalid(f"Template format error: {error}") from error
    if not isinstance(document, dict):
        raise invalid("Template format error: unsupported structure.")
    if unknown := sorted(set(document) - SECTIONS):
        raise invalid(f"Template format error: the local CloudFormation does not know the section(s) {unknown}")
    if not document.get("Resources"):
        raise invalid("Template format error: At least one Resources member must be defined.")
    for name, resource in document["Resources"].items():
        _check_resource(name, resource)
    order(document)
    return document


def _check_resource(name: str, resource: Any) -> None:
    if not re.fullmatch(r"[A-Za-z0-9]{1,255}", name):
        raise invalid(f"Template format error: Resource name {name} is non alphanumeric.")
    if not isinstance(resource, dict) or not isinstance(resource.get("Type"), str):
        raise invalid(f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member.")
    if unknown := sorted(set(resource) - ATTRIBUTES):
        raise invalid(f"Invalid template resource property '{unknown[0]}' (resource {name})")
    if resource.get("DeletionPolicy", "Delete") not in DELETION_POLICIES:
        raise invalid(f"Template error: resource {name}: DeletionPolicy {resource['DeletionPolicy']} is not known here")
    if resource.get("UpdateReplacePolicy", "Delete") not in {"Delete", "Retain"}:
        raise invalid(f"Template error: resource {name}: UpdateReplacePolicy {resource['UpdateReplacePolicy']} is not known here")


def parameters(document: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    """Every declared parameter's value as text, from what the caller gave and the defaults."""
    declared = document.get("Parameters") or {}
    if extra := sorted(set(given) - set(declared)):
        raise invalid(f"Parameters: [{', '.join(extra)}] do not exist in the template")
    values = {}
    missing = []
    for name, rule in declared.items():
        if name in given:
            values[name] = given[name]
        elif "Default" in rule:
            values[name] = _text(rule["Default"])
        else:
            missing.append(name)
    if missing:
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    for name, value in values.items():
        _check_value(name, declared[name], value)
    return values


def _check_value(name: str, rule: Mapping[str, Any], value: str) -> None:
    if "AllowedPattern" in rule and not re.fullmatch(rule["AllowedPattern"], value):
        why = rule.get("ConstraintDescription") or f"must match pattern {rule['AllowedPattern']}"
        raise invalid(
            f"Parameter '{name}' {why}" if "ConstraintDescription" not in rule else f"Parameter {name} failed to satisfy constraint: {why}"
        )
    if "AllowedValues" in rule and value not in [_text(one) for one in rule["AllowedValues"]]:
        raise invalid(f"Parameter '{name}' must be one of AllowedValues")
    if rule.get("Type") == "Number" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        raise invalid(f"Parameter '{name}' must be a number.")
    for key, wrong in (
        ("MinLength", len(value) < int(rule.get("MinLength", 0))),
        ("MaxLength", len(value) > int(rule.get("MaxLength", 1 << 20))),
    ):
        if wrong:
            raise invalid(f"Parameter '{name}' violates {key} {rule[key]}")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def references(value: Any) -> set[str]:
    """The logical names that a value mentions by Ref, Fn::GetAtt or Fn::Sub (parameters and pseudo parameters included)."""
    if isinstance(value, list):
        return set().union(*map(references, value)) if value else set()
    if not isinstance(value, dict):
        return set()
    if len(value) == 1:
        ((key, argument),) = value.items()
        if key == "Ref":
            return {argument}
        if key == "Fn::GetAtt":
            return {_attribute_path(argument)[0]}
        if key == "Fn::Sub":
            text, extra = _sub_parts(argument)
            names = {match.split(".", 1)[0] for match in _VARIABLE.findall(text)}
            return (names - set(extra)) | references(list(extra.values()))
    return references(list(value.values()))


_VARIABLE = re.compile(r"\$\{([^!}][^}]*)\}")


def _sub_parts(argument: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(argument, str):
        return argument, {}
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str) and isinstance(argument[1], dict):  # noqa: PLR2004  # text and variables
        return argument[0], argument[1]
    raise invalid("Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments.")


def _attribute_path(argument: Any) -> tuple[str, str]:
    if isinstance(argument, str):
        argument = argument.split(".", 1)
    if isinstance(argument, list) and len(argument) == 2 and all(isinstance(part, str) for part in argument):  # noqa: PLR2004  # name and attribute
        return argument[0], argument[1]
    raise invalid("Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute")


def dependencies(document: Mapping[str, Any], name: str) -> list[str]:
    """The resources that must exist before this one, sorted."""
    resource = document["Resources"][name]
    explicit = resource.get("DependsOn") or []
    explicit = [explicit] if isinstance(explicit, str) else explicit
    known = set(document["Resources"]) | set(document.get("Parameters") or {})
    named = references(resource.get("Properties") or {})
    unresolved = {one for one in named if one not in known and not one.startswith("AWS::")} | (set(explicit) - set(document["Resources"]))
    if unresolved:
        raise invalid(f"Template format error: Unresolved resource dependencies [{', '.join(sorted(unresolved))}] in the Resources block")
    return sorted((named | set(explicit)) & set(document["Resources"]))


def order(document: Mapping[str, Any]) -> list[str]:
    """Logical names with dependencies first; among equals in the template's order. A cycle is refused by its members."""
    needs = {name: set(dependencies(document, name)) for name in document["Resources"]}
    done: list[str] = []
    while needs:
        ready = next((name for name, wanted in needs.items() if wanted <= set(done)), None)
        if ready is None:
            raise invalid(f"Circular dependency between resources: [{', '.join(sorted(_cycle(needs)))}]")
        done.append(ready)
        del needs[ready]
    return done


def _cycle(needs: Mapping[str, set[str]]) -> set[str]:
    """Only the members of cycles, without those that merely depend on one."""
    members = set(needs)
    while leaves := {name for name in members if not any(name in needs[other] for other in members)}:
        members -= leaves
    return members
