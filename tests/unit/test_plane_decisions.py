"""The data plane's pure parts: what a deployment does next, who may reach what, where a task goes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import PipelineError
from pipeline.local.plane import deployments, policies, reach
from pipeline.local.plane.deployments import Running, decide
from pipeline.local.plane.model import Rule


def task(arn: str, *, primary: bool = True, healthy: bool = True, unhealthy: bool = False) -> Running:
    return Running(arn=arn, primary=primary, healthy=healthy, unhealthy=unhealthy)


def step(tasks: list[Running], *, desired: int = 2, least: int = 100, most: int = 200, failed: bool = False) -> deployments.Decision:
    return decide(desired=desired, least_percent=least, most_percent=most, tasks=tasks, failed=failed)


OLD = [task("old-1", primary=False), task("old-2", primary=False)]


def test_the_new_tasks_start_beside_the_old_ones() -> None:
    assert step(OLD) == deployments.Decision(start=2)


def test_an_old_task_goes_only_when_a_healthy_new_one_takes_its_place() -> None:
    assert step([*OLD, task("new-1", healthy=False), task("new-2", healthy=False)]).stop == ()
    assert [arn for arn, _ in step([*OLD, task("new-1"), task("new-2", healthy=False)]).stop] == ["old-1"]
    assert [arn for arn, _ in step([*OLD, task("new-1"), task("new-2")]).stop] == ["old-1", "old-2"]


def test_without_room_above_an_old_task_makes_place_first() -> None:
    decision = step(OLD, least=50, most=100)
    assert (decision.start, [arn for arn, _ in decision.stop]) == (0, ["old-1"])


def test_it_is_done_when_only_healthy_new_tasks_are_left() -> None:
    assert step([task("new-1"), task("new-2")]).done
    assert not step([task("new-1"), task("new-2", healthy=False)]).done
    assert not step([task("new-1"), task("new-2"), OLD[0]]).done
    assert step([], desired=0).done


def test_an_unhealthy_task_is_replaced() -> None:
    decision = step([task("new-1"), task("new-2", healthy=False, unhealthy=True)])
    assert (decision.start, decision.stop) == (1, (("new-2", "Task failed ELB health checks"),))


def test_what_is_surplus_goes_and_first_what_serves_nobody() -> None:
    assert [arn for arn, _ in step([task("new-1"), task("new-2", healthy=False)], desired=1).stop] == ["new-2"]


def test_a_failed_deployment_touches_nothing() -> None:
    assert step(OLD, failed=True) == deployments.Decision()


@given(
    st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=12),
    st.integers(0, 6),
    st.integers(0, 100),
    st.integers(100, 300),
)
def test_it_never_goes_below_or_above_the_percentages(flags: list[tuple[bool, bool, bool]], desired: int, least: int, most: int) -> None:
    tasks = [task(str(n), primary=p, healthy=h and not u, unhealthy=u) for n, (p, h, u) in enumerate(flags)]
    decision = step(tasks, desired=desired, least=least, most=most)
    stopped = {arn for arn, _ in decision.stop}
    living = [found for found in tasks if not found.unhealthy]
    left = [found for found in living if found.healthy and found.arn not in stopped]
    primaries = [found for found in living if found.primary]
    had = sum(found.healthy for found in living)
    # A service that is scaled in may lose what is surplus even when too few of the rest are healthy.
    if len(primaries) <= desired:
        assert len(left) >= min(had, -(-desired * least // 100))
    assert decision.start == 0 or len(living) + decision.start <= max(desired * most // 100, 1)
    assert len(primaries) + decision.start <= max(desired, len(primaries))


@pytest.mark.parametrize(
    ("breaker", "desired", "limit"),
    [
        ({"enable": True}, 2, 3),
        ({"enable": True}, 10, 5),
        ({"enable": True}, 1000, 200),
        ({"enable": True, "thresholdConfiguration": {"type": "COUNT", "value": 1}}, 10, 1),
        ({"enable": True, "thresholdConfiguration": {"type": "UNBOUNDED_PERCENT", "value": 50}}, 2, 1),
    ],
)
def test_the_circuit_breaker_counts_as_ecs_does(breaker: dict[str, object], desired: int, limit: int) -> None:
    assert not deployments.breaks(breaker, desired=desired, failures=limit - 1)
    assert deployments.breaks(breaker, desired=desired, failures=limit)
    assert not deployments.breaks({**breaker, "enable": False}, desired=desired, failures=limit)


def test_capacity_providers_fill_the_base_then_the_weights() -> None:
    strategy = [{"capacityProvider": "FARGATE", "base": 1, "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 3}]
    taken: list[str | None] = []
    for _ in range(9):
        taken.append(deployments.provider(strategy, taken))
    assert taken[0] == "FARGATE"
    assert (taken.count("FARGATE"), taken.count("FARGATE_SPOT")) == (3, 6)
    assert deployments.provider([], []) is None


def test_tasks_are_spread_over_the_zones() -> None:
    zones = {"subnet-1": "a", "subnet-2": "c"}
    assert deployments.subnet(["subnet-1", "subnet-2"], zones, ["a"]) == "subnet-2"
    assert deployments.subnet(["subnet-1", "subnet-2"], zones, ["a", "c"]) == "subnet-1"


BALANCER_ONLY = {"task": [Rule(protocol="tcp", first_port=8080, last_port=8080, groups=("balancer",))]}


def test_a_reference_to_the_balancers_group_admits_preserved_clients_too() -> None:
    assert reach.admits(["task"], BALANCER_ONLY, 8080, source="10.20.0.5", source_groups=["balancer"])
    assert not reach.admits(["task"], BALANCER_ONLY, 8081, source="10.20.0.5", source_groups=["balancer"])
    assert not reach.admits(["task"], BALANCER_ONLY, 8080, source="10.20.0.5", source_groups=["other"])
    assert reach.admitted_clients(["task"], BALANCER_ONLY, 8080, balancer_groups=["balancer"]) == reach.EVERYWHERE
    assert reach.admitted_clients(["task"], BALANCER_ONLY, 8080, balancer_groups=["other"]) == ()


def test_a_group_as_a_source_means_its_interfaces() -> None:
    rules = {"balancer": [Rule(protocol="-1", first_port=0, last_port=65535, groups=("office",), networks=("203.0.113.0/28",))]}
    assert reach.sources(["balancer"], rules, {"office": ("10.0.0.9",)}, 443) == ("203.0.113.0/28", "10.0.0.9/32")
    assert reach.sources([], rules, {}, 443) == ()


def test_what_two_lists_share_is_the_narrower_of_each_nested_pair() -> None:
    assert reach.both(["203.0.113.0/28", "198.51.100.0/24"], ("203.0.113.4/30", "0.0.0.0/0")) == (
        "203.0.113.4/30",
        "203.0.113.0/28",
        "198.51.100.0/24",
    )
    assert reach.both(["203.0.113.0/28"], ("198.51.100.0/24",)) == ()


def test_a_tls_policy_becomes_protocols_and_ciphers() -> None:
    lines = policies.directives("ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "HTTP2Optional")
    assert "ssl_protocols TLSv1.2 TLSv1.3;" in lines
    assert "ssl_alpn http/1.1 h2;" in lines
    assert not any("SHA256:ECDHE-RSA-AES128-SHA256" in line for line in lines), "Res leaves CBC out"


@pytest.mark.parametrize(("policy", "alpn"), [("ELBSecurityPolicy-No-Such", "None"), ("ELBSecurityPolicy-TLS13-1-3-2021-06", "HTTP3")])
def test_an_unknown_tls_setting_is_named(policy: str, alpn: str) -> None:
    with pytest.raises(PipelineError, match=policy if "No" in policy else alpn):
        policies.directives(policy, alpn)
