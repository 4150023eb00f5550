"""What a check gets, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline import live
from pipeline.aws import Aws
from stacks.environment import Environment
from stacks.project import Project

State = Literal["ok", "warning", "broken", "unknown"]
STATES: tuple[State, ...] = ("ok", "unknown", "warning", "broken")


@dataclass(frozen=True, kw_only=True)
class Told:
    """`mend` is a command where there is one."""

    state: State
    text: str
    mend: str = ""


@dataclass(frozen=True, kw_only=True)
class Finding(Told):
    """`about` is an environment, `shared` or `computer`."""

    about: str
    check: str


@dataclass(frozen=True, kw_only=True)
class Shared:
    root: Path
    project: Project
    aws: Aws


@dataclass(frozen=True, kw_only=True)
class Place:
    """One environment. `beside` are all that have the same account and region: they share its quotas."""

    root: Path
    env: Environment
    aws: Aws
    registry: Aws
    repository: str
    beside: tuple[Environment, ...]

    def outputs(self, stack: str) -> dict[str, str] | None:
        """None where the stack is not there yet."""
        found = self.described(stack)
        return None if found is None else live.outputs(found)

    def described(self, stack: str) -> dict[str, Any] | None:
        return live.describe(self.aws, self.env.stack_name(stack))

    @property
    def balancer(self) -> str | None:
        found = self.outputs("loadbalancer")
        name = found and found.get("LoadBalancerFullName")
        return f"arn:aws:elasticloadbalancing:{self.env.region}:{self.env.account}:loadbalancer/{name}" if name else None


Look = Callable[[Place], Iterator[Told]]
LookShared = Callable[[Shared], Iterator[Told]]


def ok(text: str) -> Told:
    return Told(state="ok", text=text)


def warning(text: str, mend: str = "") -> Told:
    return Told(state="warning", text=text, mend=mend)


def broken(text: str, mend: str = "") -> Told:
    return Told(state="broken", text=text, mend=mend)


def unknown(text: str, mend: str = "") -> Told:
    return Told(state="unknown", text=text, mend=mend)


def not_deployed(stack: str) -> Told:
    return unknown(f"the {stack} stack is not deployed yet")
