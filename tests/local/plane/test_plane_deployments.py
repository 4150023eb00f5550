"""ECS deployments over real processes: rolling, the circuit breaker, replacement, scaling, deletion."""

from __future__ import annotations

import http.client
import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.local

ABSENT = f"sha256:{'1' * 64}"
BROKEN = "events {} http { server { listen 8080; no_such_directive on; } }"


def test_a_rolling_deployment_loses_no_request(town: Any, until: Callable[..., Any]) -> None:
    before = {task["taskArn"] for task in town.tasks()}
    seen: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                status, body = town.get()
                seen.append(f"{status} {body}")
            except OSError as error:
                seen.append(repr(error))

    def ask_on_one_connection() -> None:
        """As clients do: a connection is kept until the server says that it closes it."""
        connection = town.connect()
        while not done.is_set():
            try:
                connection.request("GET", "/version", headers={"Host": "api.example.com"})
                answer = connection.getresponse()
                seen.append(f"{answer.status} {answer.read().decode()}")
            except (OSError, http.client.HTTPException) as error:
                seen.append(repr(error))
                connection.close()
        connection.close()

    asking = [threading.Thread(target=target) for target in (ask, ask_on_one_connection)]
    for thread in asking:
        thread.start()
    try:
        answer = town.update(taskDefinition=town.definition(town.image("v2")))
        assert [found["status"] for found in answer["deployments"]] == ["PRIMARY", "ACTIVE"]
        assert answer["deployments"][0]["rolloutState"] == "IN_PROGRESS", "whoever waits must not see the old deployment's end"
        town.settled()
        town_after = {task["taskArn"] for task in town.tasks()}
    finally:
        done.set()
        for thread in asking:
            thread.join()
    assert set(seen) == {"200 v1", "200 v2"}
    assert not before & town_after
    assert town.get() == (200, "v2")
    # A deployment is complete before the one that it replaces has been put away.
    until(lambda: len(town.service()["deployments"]) == 1, lambda: town.service()["deployments"])
    assert set(town.health().values()) == {"healthy"}


def test_a_task_that_leaves_waits_for_its_connections(town: Any, until: Callable[..., Any]) -> None:
    connection = town.connect()
    connection.connect()
    town.update(taskDefinition=town.definition(town.image("v2")))
    until(lambda: "DEACTIVATING" in {task["lastStatus"] for task in town.tasks("STOPPED")}, lambda: town.tasks("STOPPED"))
    assert "draining" in town.health().values()
    connection.request("GET", "/version", headers={"Host": "api.example.com"})
    assert connection.getresponse().read() == b"v1"
    connection.close()
    town.settled()
    assert town.get() == (200, "v2")


@pytest.mark.parametrize("fault", ["no image", "configuration refused", "never healthy"])
def test_the_circuit_breaker_returns_to_what_served(town: Any, fault: str, until: Callable[..., Any]) -> None:
    before = {task["taskArn"] for task in town.tasks()}
    images: dict[str, Callable[[], str]] = {
        "no image": lambda: ABSENT,
        "configuration refused": lambda: town.image("broken", config=BROKEN),
        "never healthy": lambda: town.image("ill", health=503),
    }
    town.update(taskDefinition=town.definition(images[fault]()))
    until(
        lambda: len(town.service()["deployments"]) == 2 and town.deployment()["rolloutState"] == "COMPLETED",
        lambda: (town.service(), town.tasks("STOPPED")),
    )
    rollback, failed = town.service()["deployments"]
    assert failed["rolloutState"] == "FAILED"
    assert failed["failedTasks"] >= 3
    assert "circuit breaker" in failed["rolloutStateReason"]
    assert "rolling back" in rollback["rolloutStateReason"] or rollback["rolloutState"] == "COMPLETED"
    assert town.get() == (200, "v1")
    assert {task["taskArn"] for task in town.tasks()} == before, "the tasks that served were never touched"
    reasons = " ".join(task.get("stoppedReason", "") for task in town.tasks("STOPPED"))
    wanted = {"no image": "CannotPullContainerError", "configuration refused": "Essential container", "never healthy": "health checks"}
    assert wanted[fault] in reasons


def test_after_a_rollback_the_next_deployment_goes_through(town: Any, until: Callable[..., Any]) -> None:
    town.update(taskDefinition=town.definition(ABSENT))
    until(lambda: len(town.service()["deployments"]) == 2 and town.deployment()["rolloutState"] == "COMPLETED", town.service)
    town.update(taskDefinition=town.definition(town.image("v2")))
    town.settled()
    until(lambda: len(town.service()["deployments"]) == 1, town.service)
    assert town.get() == (200, "v2")


def test_without_a_circuit_breaker_it_keeps_trying_and_the_old_tasks_serve(empty_town: Any, until: Callable[..., Any]) -> None:
    empty_town.build()
    empty_town.serve(empty_town.definition(empty_town.image("v1")), breaker=False)
    empty_town.start()
    empty_town.settled()
    empty_town.update(taskDefinition=empty_town.definition(ABSENT))
    until(lambda: empty_town.deployment()["failedTasks"] > 4, empty_town.service)
    assert empty_town.deployment()["rolloutState"] == "IN_PROGRESS"
    assert "CannotPullContainerError" in empty_town.deployment()["rolloutStateReason"]
    assert empty_town.get() == (200, "v1")


def test_a_first_deployment_that_fails_has_nothing_to_return_to(empty_town: Any, until: Callable[..., Any]) -> None:
    empty_town.build()
    empty_town.serve(empty_town.definition(ABSENT))
    empty_town.start()
    until(lambda: empty_town.deployment()["rolloutState"] == "FAILED", empty_town.service)
    assert not empty_town.tasks()
    assert not empty_town.reaches()


def test_a_task_that_dies_is_replaced(town: Any, until: Callable[..., Any]) -> None:
    victim = next(task for task in town.plane.state.tasks.values() if task.living)
    victim.process.signal(signal.SIGKILL)
    until(lambda: victim.arn not in {task["taskArn"] for task in town.tasks()} and len(town.tasks()) == 2, town.tasks)
    until(lambda: list(town.health().values()) == ["healthy", "healthy"], town.health)
    (dead,) = town.tasks("STOPPED")
    assert dead["stoppedReason"] == "Essential container in task exited"
    assert town.deployment()["rolloutState"] == "COMPLETED"
    assert [town.get(zone=zone) for zone in (0, 1)] == [(200, "v1"), (200, "v1")]
    assert not (town.world.home / "plane" / "tasks" / victim.arn.rpartition("/")[2] / "root").exists()


def test_stop_task_is_obeyed_and_the_task_replaced(town: Any, until: Callable[..., Any]) -> None:
    victim = town.tasks()[0]["taskArn"]
    town.ecs.stop_task(cluster="kotei", task=victim, reason="out of curiosity")
    until(lambda: victim not in {task["taskArn"] for task in town.tasks()} and len(town.tasks()) == 2, town.tasks)
    until(lambda: [task["lastStatus"] for task in town.tasks("STOPPED")] == ["STOPPED"], lambda: town.tasks("STOPPED"))
    assert town.tasks("STOPPED")[0]["stoppedReason"] == "out of curiosity"


def test_scaling_changes_tasks_without_a_deployment(town: Any, until: Callable[..., Any]) -> None:
    first = town.deployment()["id"]
    town.update(desiredCount=3)
    until(lambda: list(town.health().values()) == ["healthy"] * 3, town.health)
    providers = sorted(task["capacityProviderName"] for task in town.tasks())
    assert providers == ["FARGATE", "FARGATE", "FARGATE_SPOT"]
    town.update(desiredCount=1)
    until(lambda: len(town.health()) == 1 and town.service()["runningCount"] == 1, town.service)
    assert town.deployment()["id"] == first
    assert town.get() == (200, "v1")


def test_the_least_capacity_of_auto_scaling_is_kept(town: Any, until: Callable[..., Any]) -> None:
    town.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="ecs", ResourceId="service/kotei/proxy", ScalableDimension="ecs:service:DesiredCount", MinCapacity=3, MaxCapacity=6
    )
    until(lambda: list(town.health().values()) == ["healthy"] * 3, town.health)
    assert town.service()["desiredCount"] == 3


def test_a_deleted_service_drains_and_leaves_nothing(town: Any, until: Callable[..., Any]) -> None:
    processes = [task.process for task in town.plane.state.tasks.values() if task.living]
    answer = town.ecs.delete_service(cluster="kotei", service="proxy", force=True)["service"]
    assert answer["status"] == "DRAINING"
    until(lambda: town.service()["status"] == "INACTIVE", town.service)
    assert not any(process.alive() for process in processes)
    assert town.ecs.list_services(cluster="kotei")["serviceArns"] == []
    interfaces = town.ec2.describe_network_interfaces()["NetworkInterfaces"]
    assert all(found["Description"].startswith("ELB net/") for found in interfaces)
    town.elb.delete_load_balancer(LoadBalancerArn=town.ids["balancer"])
    until(lambda: not any(name.startswith("balancer-") for name in town.plane.standing), town.problems)
    assert not town.reaches()


def test_a_failing_service_does_not_stop_another(town: Any, until: Callable[..., Any]) -> None:
    definition = town.definition(town.image("worker"), command=["sh", "-c", "true"])
    town.ecs.create_service(
        cluster="kotei",
        serviceName="other",
        taskDefinition=definition,
        desiredCount=1,
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": town.ids["subnets"], "securityGroups": [town.ids["task_group"]]}},
    )

    def reason() -> str:
        found = town.ecs.describe_services(cluster="kotei", services=["other"])["services"][0]["deployments"][0]
        return str(found["rolloutStateReason"])

    until(lambda: "CannotStartContainerError: the local plane runs nginx only" in reason(), reason)
    town.update(taskDefinition=town.definition(town.image("v2")))
    town.settled()
    assert town.get() == (200, "v2")
