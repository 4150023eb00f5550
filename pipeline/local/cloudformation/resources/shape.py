"""CloudFormation properties as an API's parameters, guided by botocore's model of the operation."""

from __future__ import annotations

import json
from typing import Any

from pipeline.local.cloudformation.resources.handler import Properties, ResourceError


def params(client: Any, operation: str, properties: Properties) -> dict[str, Any]:
    """Names in the API's spelling, values in its types. A name that the API does not have is an error, at any depth."""
    shape = client.meta.service_model.operation_model(operation).input_shape
    converted: dict[str, Any] = _convert(properties, shape, operation)
    return converted


def _convert(value: Any, shape: Any, where: str) -> Any:
    if shape.type_name == "structure":
        return _structure(value, shape, where)
    if shape.type_name == "list":
        items = value if isinstance(value, list) else [value]
        return [_convert(item, shape.member, f"{where}[{index}]") for index, item in enumerate(items)]
    if shape.type_name == "map":
        return {str(key): _convert(item, shape.value, f"{where}.{key}") for key, item in value.items()}
    return _scalar(value, shape.type_name, where)


def _structure(value: Any, shape: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ResourceError(f"{where}: expected an object, found {value!r}")
    members = {name.lower(): name for name in shape.members}
    converted = {}
    for key, item in value.items():
        member = members.get(key.lower())
        if member is None:
            raise ResourceError(f"{where}.{key}: the API {where.split('.', 1)[0].split('[', 1)[0]} has no such parameter")
        converted[member] = _convert(item, shape.members[member], f"{where}.{key}")
    return converted


def _scalar(value: Any, kind: str, where: str) -> Any:
    try:
        if kind == "boolean":
            return {"true": True, "false": False}[str(value).lower()]
        if kind in {"integer", "long"}:
            return int(value)
        if kind in {"float", "double"}:
            return float(value)
    except (KeyError, ValueError, TypeError) as error:
        raise ResourceError(f"{where}: {value!r} is not of type {kind}") from error
    if kind == "string":
        if isinstance(value, dict):  # a policy document, where the API wants its text
            return json.dumps(value)
        return str(value).lower() if isinstance(value, bool) else str(value)
    return value
