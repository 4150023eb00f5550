"""What a handler of an action gets, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pipeline.local.codepipeline import records

if TYPE_CHECKING:
    from pipeline.local.iam.sessions import Session
    from pipeline.local.world import World


class ActionFailedError(Exception):
    """The action fails with this code and message in its errorDetails."""

    def __init__(self, message: str, *, code: str = "JobFailed", summary: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.summary = summary


class AbandonedError(Exception):
    """The execution was stopped with `abandon`, or the engine is stopping: nothing more is to be written down."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """`configuration` is resolved; `inputs` holds the archives of the input artifacts by name."""

    world: World
    declaration: Mapping[str, Any]
    pipeline: Mapping[str, Any]
    execution_id: str
    stage: str
    id: str
    configuration: Mapping[str, str]
    inputs: Mapping[str, bytes]
    # As whom it acts.
    role: Session
    region: str

    @property
    def name(self) -> str:
        return str(self.declaration["name"])

    @property
    def output_names(self) -> tuple[str, ...]:
        return tuple(artifact["name"] for artifact in self.declaration.get("outputArtifacts", ()))

    def execution(self) -> dict[str, Any]:
        return records.execution(self.world, self.pipeline["name"], self.execution_id)

    def record(self) -> dict[str, Any]:
        found = self.world.store.get(records.ACTION, self.id)
        if found is None:
            raise LookupError(f"no action execution {self.id}")
        return found

    def note(self, **fields: Any) -> None:
        """Write fields of the action execution while it runs (externalExecutionId, summary, token)."""
        with records.changing(self.world, records.ACTION, self.id) as document:
            document.update(fields, lastUpdateTime=records.now(self.world))

    def check(self) -> None:
        """To be called while waiting."""
        if self.world.closing.is_set() or self.record()["status"] != "InProgress":
            raise AbandonedError

    def wait(self, seconds: float) -> None:
        """Until something changes, at most so long."""
        with self.world.changed:
            self.world.changed.wait(seconds)
        self.check()


@dataclass(frozen=True, kw_only=True)
class Result:
    """`artifacts`: archives of the output artifacts by name."""

    artifacts: Mapping[str, bytes] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    external_id: str = ""
    summary: str = ""


Handler = Callable[[Action], Result]


def known_keys(action: Action, allowed: frozenset[str], required: frozenset[str] = frozenset()) -> None:
    """A key that is not understood here might mean something in AWS: refuse it by name."""
    unknown = sorted(set(action.configuration) - allowed)
    if unknown:
        raise ActionFailedError(f"configuration key {', '.join(unknown)} is not supported by the local engine", code="ConfigurationError")
    missing = sorted(required - set(action.configuration))
    if missing:
        raise ActionFailedError(f"configuration key {', '.join(missing)} is missing", code="ConfigurationError")
