"""The load balancer's configuration: which targets get connections, when none, and from whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.errors import PipelineError
from pipeline.local.plane import balancer
from pipeline.local.plane.model import Balancer, HealthCheck, Listener, Rule, Seen, TargetGroup, Zone

TARGETS = (("10.20.0.7", 8080), ("10.20.1.7", 8080))
POLICY = "ELBSecurityPolicy-TLS13-1-2-Res-2021-06"
CHECK = HealthCheck(protocol="HTTP", port="8081", path="/", timeout=4, healthy_after=2, unhealthy_after=2, codes="200")
NLB = Balancer(
    arn="arn:nlb",
    name="nlb",
    account="111122223333",
    region="ap-northeast-1",
    groups=("nlb",),
    zones=(Zone(name="a", subnet="s", public_ip="127.1.2.3", private_ip="10.20.0.4"),),
    listeners=(
        Listener(
            arn="arn:l",
            port=443,
            protocol="TCP",
            ssl_policy="",
            alpn="None",
            certificates=(),
            target_groups=(("arn:tg", 1),),
            idle_seconds=60,
        ),
    ),
    cross_zone=True,
)


def config(*, states: Mapping[str, str], found: Balancer = NLB, **attributes: str) -> str:
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    group = TargetGroup(arn="arn:tg", port=8080, check=CHECK, attributes=named, balancers=("arn:nlb",), targets=TARGETS)
    seen = Seen(
        target_groups={"arn:tg": group, "arn:tg2": replace(group, arn="arn:tg2", targets=(("10.20.0.7", 5432),))},
        rules={
            "nlb": (
                Rule(protocol="tcp", first_port=443, last_port=443, networks=("203.0.113.0/28",)),
                Rule(protocol="tcp", first_port=5432, last_port=5432, networks=("198.51.100.0/24",)),
            ),
            "task": tuple(Rule(protocol="tcp", first_port=port, last_port=port, groups=("nlb",)) for port in (8080, 5432)),
        },
        certificate_names={"arn:c": ("api.example.com",)},
        groups_of={"10.20.0.7": ("task",), "10.20.1.7": ("closed",)},
        zone_of={"10.20.0.7": "a", "10.20.1.7": "c"},
    )
    context = balancer.Context(
        seen=seen, folder=Path("/f"), health=lambda _group, address, _port: states[address], certificate=lambda _names: Path("/c")
    )
    return balancer.config(found, context)


def servers(text: str) -> list[str]:
    return [line.split()[1] for line in text.splitlines() if line.strip().startswith("server 127.")]


def test_a_healthy_target_gets_the_connections() -> None:
    assert servers(config(states={"10.20.0.7": "healthy", "10.20.1.7": "unhealthy"})) == ["127.20.0.7:8080"]


def test_without_a_healthy_target_all_get_them() -> None:
    text = config(states={"10.20.0.7": "unhealthy", "10.20.1.7": "initial"})
    assert len(servers(text)) == 2, "a network load balancer fails open"


def test_a_target_whose_group_is_closed_is_never_reached() -> None:
    assert servers(config(states={"10.20.0.7": "unhealthy", "10.20.1.7": "healthy"})) == [balancer.NOWHERE]


def test_a_zone_without_a_target_leads_nowhere() -> None:
    elsewhere = replace(NLB, cross_zone=False, zones=(replace(NLB.zones[0], name="d"),))
    assert servers(config(found=elsewhere, states={"10.20.0.7": "healthy", "10.20.1.7": "healthy"})) == [balancer.NOWHERE]


def test_clients_are_the_groups_networks_in_translation() -> None:
    lines = [line.strip() for line in config(states={"10.20.0.7": "healthy", "10.20.1.7": "healthy"}).splitlines()]
    assert [line for line in lines if line.startswith(("allow", "deny"))] == ["allow 127.0.113.0/28;", "deny all;"]


@pytest.mark.parametrize(("value", "bound"), [("true", "proxy_bind $remote_addr;"), ("false", "proxy_bind 127.20.0.4;")])
def test_who_the_target_sees(value: str, bound: str) -> None:
    assert bound in config(states={"10.20.0.7": "healthy", "10.20.1.7": "healthy"}, preserve_client_ip__enabled=value)


def test_a_silent_connection_is_closed_when_the_listener_says() -> None:
    states = {"10.20.0.7": "healthy", "10.20.1.7": "healthy"}
    assert "proxy_timeout 60s;" in config(states=states)
    tls = replace(NLB, listeners=(replace(NLB.listeners[0], protocol="TLS", ssl_policy=POLICY, certificates=("arn:c",)),))
    assert "proxy_timeout 350s;" in config(found=tls, states=states), "fixed for TLS"


@pytest.mark.parametrize(("value", "times"), [("true", 1), ("false", 0)])
def test_the_targets_are_told_of_the_client(value: str, times: int) -> None:
    text = config(states={"10.20.0.7": "healthy", "10.20.1.7": "healthy"}, proxy_protocol_v2__enabled=value)
    assert [text.count(line) for line in ("proxy_protocol on;", "js_filter proxy_protocol.version2;")] == [times, times]


def test_each_listener_forwards_to_the_targets_of_its_group_as_its_port_is_open() -> None:
    further = replace(NLB.listeners[0], arn="arn:l2", port=5432, target_groups=(("arn:tg2", 1),), idle_seconds=6000)
    text = config(found=replace(NLB, listeners=(*NLB.listeners, further)), states={"10.20.0.7": "healthy", "10.20.1.7": "healthy"})
    assert servers(text) == ["127.20.0.7:8080", balancer.NOWHERE, "127.20.0.7:5432"]
    assert [line.strip() for line in text.splitlines() if "listen " in line] == ["listen 127.1.2.3:8443;", "listen 127.1.2.3:5432;"]
    assert [line.strip() for line in text.splitlines() if "allow " in line] == ["allow 127.0.113.0/28;", "allow 127.51.100.0/24;"]


def test_what_is_not_emulated_is_named() -> None:
    other = replace(NLB, listeners=(replace(NLB.listeners[0], protocol="UDP"),))
    with pytest.raises(PipelineError, match="protocol UDP is not emulated"):
        config(found=other, states={})


def weighted(*weights: tuple[str, int]) -> str:
    found = replace(NLB, listeners=(replace(NLB.listeners[0], target_groups=weights),))
    return config(found=found, states={"10.20.0.7": "healthy", "10.20.1.7": "healthy"})


def test_two_target_groups_get_connections_by_their_weights() -> None:
    text = weighted(("arn:tg", 90), ("arn:tg2", 10))
    shares = text[text.index("split_clients") : text.index("server {")]
    assert [line.strip() for line in shares.splitlines()[1:3]] == ["90.00% listener_443_0_0;", "* listener_443_0_1;"]
    assert "proxy_pass $listener_443_0;" in text


def test_a_target_group_without_weight_gets_none() -> None:
    text = weighted(("arn:tg", 0), ("arn:tg2", 100))
    assert servers(text) == ["127.20.0.7:5432"]
    assert "split_clients" not in text
