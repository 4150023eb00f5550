"""The load balancer's configuration: which targets get connections, when none, and from whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import PipelineError
from pipeline.local.plane import balancer
from pipeline.local.plane.model import Balancer, HealthCheck, Listener, Rule, Seen, TargetGroup, Zone

TARGETS = (("10.20.0.7", 8080), ("10.20.1.7", 8080))
CHECK = HealthCheck(protocol="HTTP", port="8081", path="/", timeout=4, healthy_after=2, unhealthy_after=2, codes="200")
NLB = Balancer(
    arn="arn:nlb",
    name="nlb",
    account="111122223333",
    region="ap-northeast-1",
    groups=("nlb",),
    zones=(Zone(name="a", subnet="s", public_ip="127.1.2.3", private_ip="10.20.0.4"),),
    listeners=(
        Listener(arn="arn:l", port=443, protocol="TCP", ssl_policy="", alpn="None", certificates=(), target_groups=(("arn:tg", 1),)),
    ),
    cross_zone=True,
)


def config(*, states: Mapping[str, str], found: Balancer = NLB, **attributes: str) -> str:
    named = {key.replace("__", "."): value for key, value in attributes.items()}
    group = TargetGroup(arn="arn:tg", port=8080, check=CHECK, attributes=named, balancers=("arn:nlb",), targets=TARGETS)
    seen = Seen(
        target_groups={"arn:tg": group},
        rules={
            "nlb": (Rule(protocol="tcp", first_port=443, last_port=443, networks=("203.0.113.0/28",)),),
            "task": (Rule(protocol="tcp", first_port=8080, last_port=8080, groups=("nlb",)),),
        },
        groups_of={"10.20.0.7": ("task",), "10.20.1.7": ("closed",)},
        zone_of={"10.20.0.7": "a", "10.20.1.7": "c"},
    )
    context = balancer.Context(seen=seen, folder=Path("/f"), health=lambda _group, address, _port: states[address], certificate=Path)
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


@pytest.mark.parametrize(
    ("change", "message"),
    [({"protocol": "UDP"}, "protocol UDP is not emulated"), ({"target_groups": (("a", 1), ("b", 1))}, "forwards to 2 target groups")],
)
def test_what_is_not_emulated_is_named(change: dict[str, Any], message: str) -> None:
    other = replace(NLB, listeners=(replace(NLB.listeners[0], **change),))
    with pytest.raises(PipelineError, match=message):
        config(found=other, states={})
