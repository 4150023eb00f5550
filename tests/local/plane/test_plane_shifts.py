"""Canary and blue/green deployments over real processes: the listener turns by weights and comes back, and no request is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from pipeline.local.plane import observe, rollouts, shifts
from tests.local.plane.test_plane_lossless import HOST, ORIGIN, STOP_TIMEOUT, Load, clients
from tests.support.alarms import ERRORS
from tests.support.proxy import environment, rendered

pytestmark = pytest.mark.local

ALARMS = {"alarmNames": ["errors"], "enable": True, "rollback": True}
CANARY = {"strategy": "CANARY", "bakeTimeInMinutes": 2, "canaryConfiguration": {"canaryPercent": 30.0, "canaryBakeTimeInMinutes": 5}}
BLUE_GREEN = {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 2}


@pytest.fixture
def shifting(empty_town: Any) -> Any:
    """Two tasks of the first version; the service has a second target group, and an alarm that watches its deployments."""
    town = empty_town
    town.build()
    town.alternate()
    town.client("cloudwatch").put_metric_alarm(**ERRORS)
    town.serve(definition(town, 0))
    town.start()
    town.settled()
    return town


def definition(town: Any, version: int, *, health: int = 200) -> str:
    text = rendered(environment([{"host": HOST, "origin": ORIGIN}]))
    if health != 200:
        text = text.replace("return 200", f"return {health}")
    return str(town.definition(town.image(f"v{version}", config=f"# version {version}\n{text}"), stopTimeout=STOP_TIMEOUT))


def deploy(town: Any, version: int, configuration: dict[str, Any], **more: Any) -> None:
    town.update(taskDefinition=definition(town, version, **more), deploymentConfiguration={**configuration, "alarms": ALARMS})


def weights(town: Any) -> dict[str, int]:
    (action,) = town.elb.describe_listeners(ListenerArns=[town.ids["listener"]])["Listeners"][0]["DefaultActions"]
    found = action.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": action["TargetGroupArn"], "Weight": 100}]
    return {group["TargetGroupArn"]: group["Weight"] for group in found if group["Weight"]}


def latest(town: Any) -> dict[str, Any]:
    listed = town.ecs.list_service_deployments(cluster="kotei", service="proxy")["serviceDeployments"]
    arns = [one["serviceDeploymentArn"] for one in listed]
    return dict(town.ecs.describe_service_deployments(serviceDeploymentArns=arns)["serviceDeployments"][0])


def alarm(town: Any, state: str) -> None:
    town.client("cloudwatch").set_alarm_state(AlarmName="errors", StateValue=state, StateReason="said by a test")


def definitions(town: Any) -> set[str]:
    return {task["taskDefinitionArn"] for task in town.tasks()}


@contextmanager
def nobody_loses(town: Any) -> Iterator[Load]:
    with clients(town) as load:
        yield load
    assert load.lost == []


def test_a_canary_gets_its_share_and_then_everything(shifting: Any, until: Callable[..., Any]) -> None:
    town, blue, green = shifting, shifting.ids["targets"], shifting.ids["alternate"]
    before = definitions(town)
    with nobody_loses(town) as load:
        deploy(town, 1, CANARY)
        until(lambda: weights(town) == {blue: 70, green: 30}, lambda: (weights(town), town.problems(), town.service()))
        until(lambda: latest(town)["targetServiceRevision"]["requestedProductionTrafficWeight"] == 30, lambda: latest(town))
        assert latest(town)["lifecycleStage"] == "PRODUCTION_TRAFFIC_SHIFT"
        assert definitions(town) > before, "both sets serve"
        until(lambda: weights(town) == {green: 100}, lambda: weights(town))
        town.settled()
        asked = sum(load.answered.values())
        until(lambda: sum(load.answered.values()) > asked + 50)
    assert latest(town)["status"] == "SUCCESSFUL"
    assert not definitions(town) & before
    until(lambda: not town.health(), town.health)


def test_the_next_deployment_takes_the_first_target_group_again(shifting: Any, until: Callable[..., Any]) -> None:
    town = shifting
    with nobody_loses(town):
        for version, group in ((1, "alternate"), (2, "targets"), (3, "alternate")):
            deploy(town, version, BLUE_GREEN)
            town.settled()
            assert weights(town) == {town.ids[group]: 100}
        # A rolling one stays where the clients are.
        deploy(town, 4, {"strategy": "ROLLING"})
        town.settled()
        until(lambda: len(definitions(town)) == 1, lambda: definitions(town))
    assert weights(town) == {town.ids["alternate"]: 100}


@pytest.mark.parametrize("configuration", [CANARY, BLUE_GREEN], ids=["canary", "blue_green"])
def test_an_alarm_brings_every_client_back(shifting: Any, configuration: dict[str, Any], until: Callable[..., Any]) -> None:
    town = shifting
    before = {task["taskArn"] for task in town.tasks()}
    with nobody_loses(town):
        deploy(town, 1, {**configuration, "bakeTimeInMinutes": 1440})
        until(lambda: town.ids["alternate"] in weights(town), lambda: weights(town))
        alarm(town, "ALARM")
        until(lambda: latest(town)["status"] == "ROLLBACK_SUCCESSFUL", lambda: latest(town))
        assert weights(town) == {town.ids["targets"]: 100}
        alarm(town, "OK")
    assert {task["taskArn"] for task in town.tasks()} == before, "the tasks that served were never touched"
    assert "errors went into ALARM" in latest(town)["rollback"]["reason"]
    town.update(desiredCount=3)
    until(lambda: list(town.health().values()) == ["healthy"] * 3, town.health)


def test_a_deployment_in_the_middle_of_another_takes_its_place(shifting: Any, until: Callable[..., Any]) -> None:
    town, before = shifting, definitions(shifting)
    with nobody_loses(town):
        deploy(town, 1, {**CANARY, "canaryConfiguration": {"canaryPercent": 30.0, "canaryBakeTimeInMinutes": 1440}})
        until(lambda: town.ids["alternate"] in weights(town), lambda: weights(town))
        abandoned = definitions(town) - before
        deploy(town, 2, BLUE_GREEN)
        until(lambda: weights(town) == {town.ids["targets"]: 100}, lambda: weights(town))
        until(lambda: weights(town) == {town.ids["alternate"]: 100}, lambda: weights(town))
        assert not definitions(town) & abandoned, "no client is led to them again"
        town.settled()
    assert not definitions(town) & (abandoned | before)


def test_an_alarm_that_was_on_before_stops_nothing(shifting: Any) -> None:
    """The cure of an incident can be deployed."""
    alarm(shifting, "ALARM")
    deploy(shifting, 1, BLUE_GREEN)
    shifting.settled()
    assert weights(shifting) == {shifting.ids["alternate"]: 100}


def test_a_set_that_never_becomes_healthy_gets_no_client(shifting: Any, until: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shifts, "LONGEST_STAGE_MINUTES", 20)
    town, before = shifting, definitions(shifting)
    with nobody_loses(town):
        deploy(town, 1, BLUE_GREEN, health=503)
        until(lambda: latest(town)["status"] == "ROLLBACK_SUCCESSFUL", lambda: latest(town))
    assert weights(town) == {town.ids["targets"]: 100}
    until(lambda: definitions(town) == before, lambda: definitions(town))


def lacks(town: Any, statement: str) -> None:
    town.client("iam").delete_role_policy(RoleName="shift", PolicyName=statement)


def test_a_role_that_may_not_turn_the_listener_stops_the_deployment(shifting: Any, until: Callable[..., Any]) -> None:
    town, refused = shifting, "is not authorized to perform: elasticloadbalancing:ModifyListener on resource: "
    lacks(town, "turn")
    before = definitions(town)
    with nobody_loses(town):
        deploy(town, 1, CANARY)
        until(lambda: latest(town)["status"] == "ROLLBACK_SUCCESSFUL", lambda: latest(town))
    assert refused + town.ids["listener"] in latest(town)["rollback"]["reason"]
    assert weights(town) == {town.ids["targets"]: 100}
    assert definitions(town) == before


def test_a_listener_that_cannot_be_turned_back_stays_where_its_tasks_serve(shifting: Any, until: Callable[..., Any]) -> None:
    town, wanted = shifting, {shifting.ids["targets"]: 70, shifting.ids["alternate"]: 30}
    with nobody_loses(town):
        deploy(town, 1, {**CANARY, "canaryConfiguration": {"canaryPercent": 30.0, "canaryBakeTimeInMinutes": 1440}})
        until(lambda: weights(town) == wanted, lambda: weights(town))
        lacks(town, "turn")
        alarm(town, "ALARM")
        until(lambda: latest(town)["status"] == "ROLLBACK_FAILED", lambda: latest(town))
    assert weights(town) == wanted


@pytest.mark.parametrize("statement", ["", "read", "register", "deregister", "turn"])
def test_each_thing_that_ecs_does_to_the_balancer_is_asked_of_its_role(empty_town: Any, statement: str) -> None:
    town = empty_town
    town.build()
    town.alternate()
    town.serve(town.definition(f"sha256:{'1' * 64}"))
    if statement:
        lacks(town, statement)
    (service,) = observe.look().services.values()
    service = replace(service, configuration=BLUE_GREEN)
    groups = {"groups": [town.ids["alternate"]], "former": [town.ids["targets"]]}
    registers, cleans = rollouts.Rollout("one", **groups), rollouts.Rollout("two", **groups, step=2, stage=shifts.BAKE, entered=0.0)
    shifts.may_register(service, registers, town.world)
    shifts.advance(service, cleans, town.world)
    actions = {"read": "DescribeListeners", "register": "RegisterTargets", "deregister": "DeregisterTargets", "turn": "ModifyListener"}
    refused = registers.refused + cleans.refused
    assert actions.get(statement, "") in refused
    assert bool(refused) is bool(statement)
    # Where nothing turned, the share is what it was.
    assert cleans.share == (0 if statement in ("read", "turn") else 100)
