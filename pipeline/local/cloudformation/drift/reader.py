"""What reads a resource back: a function that answers its properties as they are, or None where it is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.local.cloudformation.resources.handler import Properties
from pipeline.local.cloudformation.stack import Resource


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The resource, the others of its stack, and the way to their services."""

    client: Callable[[str], Any]
    resource: Resource
    others: Sequence[Resource]


# What it does not answer is not compared.
Reader = Callable[[Seen], Properties | None]


def attributes(answer: Mapping[str, Any], named: Any) -> list[dict[str, str]]:
    """Only those that the template names: AWS keeps a default for each of the others."""
    keys = {one["Key"] for one in named or []}
    return [{"Key": one["Key"], "Value": one["Value"]} for one in answer["Attributes"] if one["Key"] in keys]


def tags(client: Any, arn: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = client.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    return found
