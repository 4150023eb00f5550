"""The engine goes, the bytes stay: adoption after kill -9, the same addresses after down and up, no orphan after stop."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.local


def _arns(town: Any) -> set[str]:
    return {task["taskArn"] for task in town.tasks()}


def test_what_runs_outlives_the_engine_and_is_adopted(town: Any, until: Callable[..., Any]) -> None:
    before, processes = _arns(town), {process.pid for process in town.processes()}
    town.plane.halt()
    assert town.get() == (200, "v1"), "nobody looks after it, and it serves"
    town.start()
    until(lambda: list(town.health().values()) == ["healthy", "healthy"], town.health)
    assert (_arns(town), {process.pid for process in town.processes()}) == (before, processes)
    assert town.deployment()["rolloutState"] == "COMPLETED"
    town.update(taskDefinition=town.definition(town.image("v2")))
    town.settled()
    assert town.get() == (200, "v2")


def test_a_task_that_died_while_nobody_looked_is_started_where_it_was(town: Any, until: Callable[..., Any]) -> None:
    before, addresses = _arns(town), sorted(town.health())
    victim = next(task for task in town.plane.state.tasks.values() if task.living)
    town.plane.halt()
    victim.process.signal(signal.SIGKILL)
    until(lambda: not victim.process.alive())
    town.start()
    until(lambda: list(town.health().values()) == ["healthy", "healthy"] and town.reaches(), town.health)
    assert (_arns(town), sorted(town.health())) == (before, addresses)


def test_stop_leaves_no_process_and_the_next_start_serves_on_the_same_addresses(town: Any, until: Callable[..., Any]) -> None:
    before, processes, addresses = _arns(town), town.processes(), town.plane.endpoints()
    town.plane.stop()
    assert len(processes) == 4, "two tasks, the load balancer, the origins"
    assert not any(process.alive() for process in processes)
    assert not town.reaches()
    town.start()
    until(lambda: town.reaches(zone=0) and town.reaches(zone=1), town.problems)
    assert _arns(town) == before
    assert town.plane.endpoints() == addresses


def test_a_load_balancer_process_that_dies_comes_back(town: Any, until: Callable[..., Any]) -> None:
    name = next(name for name in town.plane.standing if name.startswith("balancer-"))
    town.plane.standing[name].running.signal(signal.SIGKILL)
    until(lambda: town.reaches(zone=0) and town.reaches(zone=1) and town.plane.standing[name].running.alive(), town.problems)


def test_an_origin_whose_address_moves_is_found_again(town: Any, until: Callable[..., Any]) -> None:
    assert town.get("/x")[0] == 200
    answer = town.plane.stand_ins.names.answer
    town.plane.stand_ins.names.answer = lambda _name: "127.77.0.1"
    until(lambda: town.get("/x")[0] != 200, lambda: "still answered by the origin that is gone")
    town.plane.stand_ins.names.answer = answer
    until(lambda: town.get("/x")[0] == 200, town.problems)
