"""What a stack is: a name and a pure function from configuration to a template."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from troposphere import Template

C = TypeVar("C")


def always(_config: object) -> bool:
    """The default of `StackSpec.wanted`."""
    return True


@dataclass(frozen=True, kw_only=True)
class StackSpec(Generic[C]):
    """`build` is called only where `wanted(config)` holds; `protected` stacks refuse replacement and deletion of what they hold."""

    name: str
    build: Callable[[C], Template]
    protected: bool = False
    wanted: Callable[[C], bool] = always
