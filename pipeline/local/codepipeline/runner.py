"""Starts a walk for every execution in progress that has none: new ones, retried ones, and those that a stopped engine left behind."""

from __future__ import annotations

import threading
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pipeline.local.codepipeline import records
from pipeline.local.codepipeline.walk import Walk

if TYPE_CHECKING:
    from pipeline.local.world import World


@dataclass(frozen=True, kw_only=True)
class Runner:
    world: World
    walks: dict[str, threading.Thread] = field(default_factory=dict)

    def start(self) -> threading.Thread:
        thread = threading.Thread(target=self._loop, name="pipeline-runner", daemon=True)
        thread.start()
        return thread

    def leave(self) -> None:
        """When the engine stops: until every walk has let go of what it runs."""
        for walk in list(self.walks.values()):
            walk.join()

    def _loop(self) -> None:
        while not self.world.closing.is_set():
            with self.world.changed:
                for execution in (one for status in records.RUNNING for one in self.world.store.where(records.EXECUTION, "status", status)):
                    walk = self.walks.get(execution["id"])
                    if walk is None or not walk.is_alive():
                        self.walks[execution["id"]] = self._walk(execution)
                self.world.changed.wait(5)

    def _walk(self, execution: records.Document) -> threading.Thread:
        thread = threading.Thread(
            target=self._run, args=(execution["pipeline"], execution["id"]), name=f"walk-{execution['id'][:8]}", daemon=True
        )
        thread.start()
        return thread

    def _run(self, pipeline: str, execution_id: str) -> None:
        try:
            declaration = records.pipeline(self.world, pipeline)["declaration"]
            Walk(world=self.world, execution_id=execution_id, pipeline=declaration).run()
        # The top of a walk's thread: a bug must end the execution visibly.
        except Exception as error:  # noqa: BLE001
            if self.world.closing.is_set():
                return
            traceback.print_exc()
            with records.changing(self.world, records.EXECUTION, execution_id) as execution:
                execution.update(
                    status="Failed", statusSummary=f"local engine: {type(error).__name__}: {error}", updated=records.now(self.world)
                )
