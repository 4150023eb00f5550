"""The walk of one execution through the stages of its pipeline: queueing, conditions, run order, stopping, and what follows a failure."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.local.codepipeline import records, rollback
from pipeline.local.codepipeline.action import AbandonedError
from pipeline.local.codepipeline.conditions import Evaluation
from pipeline.local.codepipeline.perform import abandon, perform

if TYPE_CHECKING:
    from pipeline.local.world import World

Declaration = Mapping[str, Any]
# Nothing is polled; this only bounds how long a missed notice could cost.
WAIT_SECONDS = 5.0
# How long the processes of a build get to end when the engine stops.
LEAVE_SECONDS = 8.0


class EndedError(Exception):
    """The execution ends here, with this status."""

    def __init__(self, status: str, summary: str) -> None:
        super().__init__(summary)
        self.status = status
        self.summary = summary


@dataclass(frozen=True, kw_only=True)
class Walk:
    world: World
    execution_id: str
    pipeline: Declaration

    def run(self) -> None:
        """From wherever the record says it is, to an end. Returns early when the engine stops; the next engine runs it again."""
        try:
            for stage in self._stages():
                self._pass(stage)
            self._end("Succeeded", "")
        except EndedError as end:
            self._end(end.status, end.summary)
        except AbandonedError:
            self._end_if_stopped()

    def _stages(self) -> list[Declaration]:
        execution = self._execution()
        stages = [stage for stage in self.pipeline["stages"] if execution.get("onlyStage") in (None, stage["name"])]
        return [stage for stage in stages if _stage(execution, stage["name"])["status"] not in records.PASSED]

    def _execution(self) -> records.Document:
        return records.execution(self.world, self.pipeline["name"], self.execution_id)

    def _pass(self, stage: Declaration) -> None:
        name = stage["name"]
        self._enter(name)
        if not self._execution()["stages"][name].get("entered"):
            if self._before_entry(stage) == "SKIP":
                self._set_stage(name, "Skipped")
                return
            self._set_stage(name, "InProgress", entered=True)
        failed = self._actions(stage)
        if not failed:
            failed = self._on_success(stage)
        if failed:
            self._failed(stage, failed)
        else:
            self._set_stage(name, "Succeeded")

    def _enter(self, name: str) -> None:
        """Waits for the stage to be free, in the order in which the executions were started."""
        with self.world.changed:
            while True:
                self._check()
                execution = self._execution()
                if _stage(execution, name)["status"] == "InProgress":
                    return
                if _open_transition(self.world, self.pipeline["name"], name) and self._turn(execution, name):
                    break
                self.world.changed.wait(WAIT_SECONDS)
            self._set_stage(name, "InProgress")

    def _turn(self, execution: records.Document, name: str) -> bool:
        order = [stage["name"] for stage in self.pipeline["stages"]]
        here = order.index(name)
        older = True
        for other in records.executions(self.world, self.pipeline["name"]):
            if other["id"] == execution["id"]:
                older = False
                continue
            if other["status"] not in records.RUNNING:
                continue
            if _stage(other, name)["status"] == "InProgress":
                return False
            if older and other["type"] == "STANDARD" and execution["type"] == "STANDARD" and _position(other, order) <= here:
                return False
        return True

    def _check(self) -> None:
        """Between two steps: raises when the execution may not go on."""
        if self.world.closing.is_set():
            raise AbandonedError
        execution = self._execution()
        stop = execution.get("stop")
        if stop:
            raise EndedError("Stopped", stop["reason"])
        if records.pipeline(self.world, self.pipeline["name"])["declaration"]["version"] != execution["version"]:
            # "gracefully completes all running actions, and then fails the stages and pipeline executions" (CodePipeline, Edit a pipeline).
            raise EndedError("Failed", "the pipeline was updated while this execution ran")

    def _interrupted(self) -> bool:
        return "stop" in self._execution()

    def _before_entry(self, stage: Declaration) -> str:
        """GO or SKIP."""
        unmet = self._unmet(stage, "beforeEntry", stage.get("beforeEntry", {}).get("conditions", ()))
        if unmet is None:
            return "GO"
        if unmet.get("result", "FAIL") == "SKIP":
            return "SKIP"
        self._set_stage(stage["name"], "Failed")
        raise EndedError(
            "Failed", f"stage {stage['name']}: its entry condition does not hold: {self._reason(stage['name'], 'beforeEntry')}"
        )

    def _on_success(self, stage: Declaration) -> str:
        """Why the stage fails after all, or nothing."""
        unmet = self._unmet(stage, "onSuccess", stage.get("onSuccess", {}).get("conditions", ()))
        if unmet is None:
            return ""
        if unmet.get("result", "FAIL") == "ROLLBACK":
            rollback.automatic(self.world, self.pipeline, stage["name"], self._execution())
        return f"its success condition does not hold: {self._reason(stage['name'], 'onSuccess')}"

    def _unmet(self, stage: Declaration, kind: str, conditions: Any) -> Mapping[str, Any] | None:
        evaluation = Evaluation(
            world=self.world,
            pipeline=self.pipeline,
            execution_id=self.execution_id,
            stage=stage["name"],
            kind=kind,
            region=self.world.region,
            interrupted=self._interrupted,
        )
        return evaluation.first_unmet(conditions)

    def _reason(self, stage: str, kind: str) -> str:
        conditions = self._execution()["stages"][stage]["conditions"][kind]
        latest = [rule["latestExecution"] for condition in conditions for rule in condition["rules"]]
        return "; ".join(rule["summary"] for rule in latest if rule["status"] == "Failed")

    def _actions(self, stage: Declaration) -> str:
        """Runs what has not succeeded yet, a run order at a time. Why the stage failed, or nothing."""
        ordered = sorted(stage["actions"], key=lambda action: int(action.get("runOrder", 1)))
        for _, group in itertools.groupby(ordered, key=lambda action: action.get("runOrder", 1)):
            done = self._execution()["stages"][stage["name"]]["actions"]
            pending = [action for action in group if done.get(action["name"], {}).get("status") != "Succeeded"]
            if not pending:
                continue
            self._check()
            self._together(stage["name"], pending)
            states = self._execution()["stages"][stage["name"]]["actions"]
            failed = [action["name"] for action in pending if states[action["name"]]["status"] != "Succeeded"]
            if failed:
                return f"action {', '.join(failed)} failed"
        self._check()
        return ""

    def _together(self, stage: str, actions: list[Declaration]) -> None:
        threads = [
            threading.Thread(
                target=perform,
                args=(self.world, self.pipeline, self.execution_id, stage, action),
                name=f"{stage}/{action['name']}",
                daemon=True,
            )
            for action in actions
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(WAIT_SECONDS / 50)
                if self.world.closing.is_set():
                    thread.join(LEAVE_SECONDS)
                    raise AbandonedError
                stop = self._execution().get("stop")
                if stop and stop["abandon"]:
                    self._abandon(stage, stop["reason"])

    def _abandon(self, stage: str, reason: str) -> None:
        with records.changing(self.world, records.EXECUTION, self.execution_id) as execution:
            abandon(self.world, execution)
            execution["stages"][stage]["status"] = "Stopped"
        raise EndedError("Stopped", reason)

    def _failed(self, stage: Declaration, why: str) -> None:
        name = stage["name"]
        policy = stage.get("onFailure", {})
        result = policy.get("result")
        stop = self._execution().get("stop")
        if result == "RETRY" and not stop and self._retry(name, policy):
            self._pass(stage)
            return
        self._set_stage(name, "Failed")
        if stop:
            raise EndedError("Stopped", stop["reason"])
        # With conditions, all of their rules must hold for the result to be engaged; without, it always is.
        conditions = policy.get("conditions", ())
        wanted = result or next((condition.get("result") for condition in conditions), None)
        if wanted == "ROLLBACK" and self._unmet(stage, "onFailure", conditions) is None:
            rollback.automatic(self.world, self.pipeline, name, self._execution())
        raise EndedError("Failed", f"stage {name}: {why}")

    def _retry(self, name: str, policy: Mapping[str, Any]) -> bool:
        """CodePipeline retries a stage by itself once."""
        with records.changing(self.world, records.EXECUTION, self.execution_id) as execution:
            stage = execution["stages"][name]
            retry = stage.setdefault("retry", {"auto": 0, "manual": 0})
            if retry["auto"]:
                return False
            retry.update(auto=1, latest="AutomatedStageRetry")
            if policy.get("retryConfiguration", {}).get("retryMode") == "ALL_ACTIONS":
                stage["actions"] = {}
        return True

    def _set_stage(self, name: str, status: str, **fields: Any) -> None:
        with records.changing(self.world, records.EXECUTION, self.execution_id) as execution:
            stage = execution["stages"].setdefault(name, {"actions": {}})
            stage.update(status=status, updated=records.now(self.world), **fields)
            execution["updated"] = records.now(self.world)

    def _end(self, status: str, summary: str) -> None:
        with records.changing(self.world, records.EXECUTION, self.execution_id) as execution:
            for stage in execution["stages"].values():
                if stage["status"] == "InProgress":
                    stage["status"] = "Stopped" if status == "Stopped" else "Failed"
            if execution.get("stop"):
                status, summary = "Stopped", execution["stop"]["reason"]
            execution.update(status=status, statusSummary=summary, updated=records.now(self.world))

    def _end_if_stopped(self) -> None:
        stop = self._execution().get("stop")
        if stop and not self.world.closing.is_set():
            self._end("Stopped", stop["reason"])


def _stage(execution: records.Document, name: str) -> records.Document:
    stage: records.Document = execution["stages"].get(name, {"status": "", "actions": {}})
    return stage


def _position(execution: records.Document, order: list[str]) -> int:
    """The first stage that the execution has not passed."""
    return next((number for number, name in enumerate(order) if _stage(execution, name)["status"] not in records.PASSED), len(order))


def _open_transition(world: World, pipeline: str, stage: str) -> bool:
    transition = records.pipeline(world, pipeline)["transitions"].get(stage)
    return transition is None or bool(transition["enabled"])
