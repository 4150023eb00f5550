"""How long a deployment takes and what becomes of connections: the arithmetic of stacks/drain.py with the templates' numbers."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.review import tasks, timing
from pipeline.review.compare import compare
from pipeline.review.model import Side, Timing
from pipeline.review.timing import REGISTRATION, SHIFT_DELAY, STACK, TASK_START, ZONE_ENTERED, ZONE_LEFT
from tests.unit.review.edits import edited

Edit = dict[str, Any]
SERVICE = "Resources.Service.Properties"
GROUP = "Resources.TargetGroup.Properties"
LARGER: Edit = {"in": "production/service", "at": "Resources.TaskDefinition.Properties.Cpu", "put": "1024"}
# Of the base: two checks at 5 s, the delay, StopTimeout, two periods of the deployment's alarms.
CHECKS, DELAY, STOP, BAKE = 10, 150, 110, 120


def _timing(*edits: Edit, before: tuple[Edit, ...] = ()) -> Timing | None:
    old = edited(None, before)
    return timing.of(compare("production", old["production"], edited(old, edits)["production"]))


def _rolling(stacks: int = 1, fewest: int = 1, most: int = 1, delay: int = DELAY) -> tuple[int, int]:
    shortest = TASK_START[0] + REGISTRATION[0] + CHECKS + delay
    longest = TASK_START[1] + REGISTRATION[1] + CHECKS + delay + STOP
    return stacks * STACK[0] + fewest * shortest + BAKE, stacks * STACK[1] + most * longest + BAKE


def _times(found: Timing | None) -> tuple[int, int]:
    assert found is not None
    return found.shortest, found.longest


def test_nothing_takes_no_time() -> None:
    assert _timing() is None
    assert timing.of(compare("production", Side(), Side())) is None
    assert timing.of(compare("production", edited(None, ())["production"], Side())) is None


def test_tasks_start_and_are_checked_and_leave_in_one_batch() -> None:
    assert _times(_timing(LARGER)) == _rolling()


def test_the_delay_is_the_templates() -> None:
    longer = {
        "in": "production/loadbalancer",
        "at": f"{GROUP}.TargetGroupAttributes.Key=deregistration_delay/timeout_seconds.Value",
        "put": "300",
    }
    assert _times(_timing(LARGER, longer)) == _rolling(stacks=2, delay=300)


def test_batches_follow_the_percentages() -> None:
    """Of 3 to 12 tasks, 134 % lets 1 of 3 and 4 of 12 be replaced at a time."""
    narrow = {"in": "production/service", "at": f"{SERVICE}.DeploymentConfiguration.MaximumPercent", "put": 134}
    assert _times(_timing(LARGER, narrow)) == _rolling(fewest=3, most=3)
    narrow["put"] = 150
    assert _times(_timing(LARGER, narrow)) == _rolling(fewest=2, most=3)


@pytest.mark.parametrize(
    ("least", "most", "number", "batch"),
    [
        (100, 200, 3, 3),
        (100, 150, 3, 1),
        (50, 100, 4, 2),
        (100, 150, 1, 0),
        (100, 100, 5, 0),
        (0, 100, 2, 2),
        (50, 100, 3, 1),
    ],
)
def test_a_batch_is_what_may_run_beyond_what_must(least: int, most: int, number: int, batch: int) -> None:
    shares = {"MinimumHealthyPercent": least, "MaximumPercent": most}
    edit = {"in": "production/service", "at": f"{SERVICE}.DeploymentConfiguration", "put": shares}
    found = tasks.of(edited(None, [edit])["production"])
    assert found is not None
    assert found.batch(number) == batch


@pytest.mark.parametrize(
    ("strategy", "own", "shortest_shift", "longest_shift"),
    [
        ("BLUE_GREEN", {"BakeTimeInMinutes": 5}, SHIFT_DELAY + 300, 2 * SHIFT_DELAY + 300),
        ("BLUE_GREEN", {}, SHIFT_DELAY + 900, 2 * SHIFT_DELAY + 900),
        ("CANARY", {"CanaryConfiguration": {"CanaryBakeTimeInMinutes": 1}, "BakeTimeInMinutes": 0}, SHIFT_DELAY + 60, 3 * SHIFT_DELAY + 60),
        (
            "LINEAR",
            {"LinearConfiguration": {"StepPercent": 25, "StepBakeTimeInMinutes": 2}, "BakeTimeInMinutes": 0},
            SHIFT_DELAY + 360,
            5 * SHIFT_DELAY + 360,
        ),
    ],
)
def test_a_shift_of_traffic_takes_ten_minutes_more(strategy: str, own: dict[str, Any], shortest_shift: int, longest_shift: int) -> None:
    edit = {"in": "production/service", "at": f"{SERVICE}.DeploymentConfiguration", "put": {"Strategy": strategy, **own}}
    shortest, longest = _rolling()
    assert _times(_timing(LARGER, edit)) == (shortest - BAKE + shortest_shift, longest - BAKE + longest_shift)


def test_a_new_environment_waits_for_its_certificate_and_its_load_balancer() -> None:
    found = timing.of(compare("production", Side(), edited(None, ())["production"]))
    assert found is not None
    assert [step.partition(":")[0] for step in found.steps][1:] == [
        "Certificate is issued once its DNS record is there",
        "LoadBalancer is made",
        "the first tasks start and pass the load balancer's checks",
    ]
    assert found.connections == "nobody is connected yet"


def test_the_pipeline_touches_no_connection() -> None:
    old = edited(None, ())
    new = edited(old, [{"in": "shared/registry", "at": "Resources.Repository.Properties.ImageTagMutability", "put": "MUTABLE"}])
    found = timing.of(compare("shared", old["shared"], new["shared"]))
    assert found == Timing(
        shortest=STACK[0], longest=STACK[1], connections="no connection is touched", steps=("CloudFormation (registry): 15 to 60 s",)
    )


SWITCH = {"in": "production/loadbalancer", "at": f"{GROUP}.TargetGroupAttributes.Key=proxy_protocol_v2/enabled.Value", "put": "true"}
ONE_ZONE = {"in": "production/loadbalancer", "at": "Resources.LoadBalancer.Properties.SubnetMappings.1", "drop": True}
OTHER_PORT = {"in": "production/loadbalancer", "at": "Resources.Listener.Properties.Port", "put": 8443}
OTHER_GROUP = {"in": "production/loadbalancer", "at": f"{GROUP}.Port", "put": 8090}


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ([LARGER], "no request is lost that takes less than 105 s: tasks are replaced all at once, new ones first"),
        ([ONE_ZONE], "connections in zone c, or from elsewhere to tasks there, end"),
        ([OTHER_PORT], "new connections to port 443 are refused, open ones stay"),
        ([OTHER_GROUP], "connections are refused for some minutes: the listener leads to a new target group"),
        ([SWITCH], "every connection is refused for some minutes"),
        ([SWITCH, ONE_ZONE, OTHER_PORT], "every connection is refused for some minutes"),
        ([{"in": "production/loadbalancer", "at": "Resources.LoadBalancer.Properties.Scheme", "put": "internal"}], "every connection ends"),
        ([{"in": "production/service", "at": f"{SERVICE}.ServiceName", "put": "other"}], "old tasks leave all at once"),
    ],
)
def test_the_worst_that_happens_to_connections_is_said(edits: list[Edit], words: str) -> None:
    found = _timing(*edits)
    assert found is not None
    assert words in found.connections


def test_a_zone_takes_the_load_balancer_some_minutes() -> None:
    shortest, longest = _rolling()
    assert _times(_timing(ONE_ZONE)) == (shortest + ZONE_LEFT[0], longest + ZONE_LEFT[1])
    place = {"SubnetId": {"Ref": "SubnetC"}, "AllocationId": {"Ref": "AddressC"}}
    back = {"in": "production/loadbalancer", "at": "Resources.LoadBalancer.Properties.SubnetMappings.+", "put": place}
    found = _timing(back, before=(ONE_ZONE,))
    assert _times(found) == (shortest + ZONE_ENTERED[0], longest + ZONE_ENTERED[1])
    assert "the load balancer enters zone c: 1 to 5 min" in (found.steps if found else ())


def test_tasks_leave_as_they_were_configured_not_as_they_will_be() -> None:
    longer = {"in": "production/nginx", "find": "worker_shutdown_timeout 105s", "replace": "worker_shutdown_timeout 200s"}
    now, then = _timing(longer), _timing(LARGER, before=(longer,))
    assert now is not None
    assert then is not None
    assert "less than 105 s" in now.connections
    assert "is cut" in then.connections


def test_with_the_image_that_runs_an_alarm_touches_nobody() -> None:
    running = {"live": "production/service", "put": {"parameters": {"ImageDigest": "sha256:1"}}}
    alarm = {"in": "production/monitoring", "at": "Resources.Alarms.Properties.DisplayName", "put": "other"}
    found = _timing(alarm, before=(running,))
    assert found is not None
    assert (found.longest, found.connections) == (STACK[1], "no connection is touched")


@pytest.mark.parametrize(
    ("shortest", "longest", "words"),
    [(15, 60, "15 to 60 s"), (20, 20, "20 s"), (30, 180, "up to 3 min"), (415, 750, "6 to 13 min"), (120, 120, "2 min")],
)
def test_a_span_is_in_the_unit_that_people_count_in(shortest: int, longest: int, words: str) -> None:
    assert timing.span(shortest, longest) == words


@pytest.mark.parametrize(
    ("nginx", "seconds"),
    [
        ("worker_shutdown_timeout 105s;", 105),
        ("worker_shutdown_timeout 2m ;", 120),
        ("\tworker_shutdown_timeout 90;", 90),
        ("# worker_shutdown_timeout 5s;", None),
        ("", None),
        (None, None),
    ],
)
def test_nginx_says_how_long_it_waits(nginx: str | None, seconds: int | None) -> None:
    assert tasks.worker_shutdown(nginx) == seconds
