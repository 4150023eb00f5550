"""Who can reach what."""

from __future__ import annotations

import re
from typing import Any

import pytest

from stacks import security
from stacks.environment import Environment
from stacks.ports import container_port

ANYWHERE = "0.0.0.0/0"
ACCEPTED = re.compile(r"[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]{1,255}")


def groups(built: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {name: resource["Properties"] for name, resource in built["security"]["Resources"].items()}


def test_only_the_allowed_networks_reach_the_load_balancer(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    rules = groups(built)["LoadBalancerGroup"]["SecurityGroupIngress"]
    allowed = [ANYWHERE] if env.access.open else [entry.cidr for entry in env.access.allow]
    wanted = [("tcp", port, port, cidr) for port in (443, *(further.port for further in env.ports)) for cidr in allowed]
    assert [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule["CidrIp"]) for rule in rules] == wanted


def test_the_internet_comes_in_only_when_the_configuration_says_open(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    inwards = [
        rule
        for document in built.values()
        for resource in document["Resources"].values()
        for rule in (
            resource["Properties"].get("SecurityGroupIngress", [])
            if resource["Type"] == "AWS::EC2::SecurityGroup"
            else [resource["Properties"]]
            if resource["Type"] == "AWS::EC2::SecurityGroupIngress"
            else []
        )
    ]
    assert (ANYWHERE in [rule.get("CidrIp") for rule in inwards]) == env.access.open
    assert not any("CidrIpv6" in rule for rule in inwards)


def test_an_open_group_says_why(variant: Any) -> None:
    group = variant(access={"open": True, "reason": "Because"})["security"]["Resources"]["LoadBalancerGroup"]
    assert group["Metadata"] == {"kotei": {"open": True, "reason": "Because"}}
    assert "Metadata" not in variant()["security"]["Resources"]["LoadBalancerGroup"]


def inside(env: Environment) -> list[int]:
    return [8080, 8081, *(container_port(further.port) for further in env.ports)]


def test_the_load_balancer_reaches_only_the_tasks(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    rules = groups(built)["LoadBalancerGroup"]["SecurityGroupEgress"]
    assert [(rule["FromPort"], rule["ToPort"]) for rule in rules] == [(port, port) for port in inside(env)]
    assert all(rule["DestinationSecurityGroupId"] == {"Fn::GetAtt": ["TaskGroup", "GroupId"]} for rule in rules)


def test_only_the_load_balancer_reaches_the_tasks(env: Environment, built: dict[str, dict[str, Any]]) -> None:
    found = groups(built)
    assert "SecurityGroupIngress" not in found["TaskGroup"]
    rules = [rule for name, rule in found.items() if built["security"]["Resources"][name]["Type"] == "AWS::EC2::SecurityGroupIngress"]
    assert sorted((rule["FromPort"], rule["ToPort"]) for rule in rules) == sorted((port, port) for port in inside(env))
    assert all(rule["SourceSecurityGroupId"] == {"Fn::GetAtt": ["LoadBalancerGroup", "GroupId"]} for rule in rules)
    assert all(rule["GroupId"] == {"Fn::GetAtt": ["TaskGroup", "GroupId"]} for rule in rules)


@pytest.mark.parametrize(
    ("changes", "ports"),
    [
        pytest.param({}, [443, 8443], id="origins of sites and paths"),
        pytest.param(
            {"ports": [{"port": 22, "origin": "a.example.net:2222"}, {"port": 25, "names": {"b.example.com": "b.example.net:465"}}]},
            [443, 465, 2222, 8443],
            id="origins of further ports",
        ),
    ],
)
def test_tasks_reach_https_and_the_ports_of_their_origins(variant: Any, changes: dict[str, Any], ports: list[int]) -> None:
    """Written out, since a group without outbound rules of its own may send anything anywhere."""
    rules = groups(variant(**changes))["TaskGroup"]["SecurityGroupEgress"]
    found = [(rule["IpProtocol"], rule["FromPort"], rule["ToPort"], rule["CidrIp"]) for rule in rules]
    assert found == [("tcp", port, port, ANYWHERE) for port in ports]


def test_descriptions_of_groups_do_not_depend_on_the_configuration(variant: Any) -> None:
    """A changed GroupDescription replaces the group."""
    texts = {
        tuple(group.get("GroupDescription") for group in groups(built).values())
        for built in (variant(), variant(name="production"), variant(access={"open": True, "reason": "x"}))
    }
    assert len(texts) == 1


def test_descriptions_of_rules_are_what_ec2_accepts(built: dict[str, dict[str, Any]]) -> None:
    for group in groups(built).values():
        rules = [*group.get("SecurityGroupIngress", []), *group.get("SecurityGroupEgress", []), group]
        for text in (rule["Description"] for rule in rules if "Description" in rule):
            assert ACCEPTED.fullmatch(text), text


def test_a_note_becomes_what_ec2_accepts() -> None:
    assert security.description("Example Bank, data centre (east) #2") == "Example Bank, data centre (east) #2"
    assert security.description("銀行 <bank>") == "** *bank*"
    assert len(security.description("x" * 300)) == 255
