"""Who gains and who loses, against one address at a time."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.review.address_sets import EVERYBODY, both, minus, network, networks, union
from pipeline.review.compare import compare
from pipeline.review.model import Finding, Side, Stack
from pipeline.review.rules import access

# Few addresses, so that networks meet, overlap and hold each other.
CIDRS = st.one_of(
    st.builds(lambda low, size: str(ipaddress.ip_network((0xC0000200 + low, size), strict=False)), st.integers(0, 63), st.integers(26, 32)),
    st.builds(lambda low, size: str(ipaddress.ip_network((low, size), strict=False)), st.integers(0, 2**32 - 1), st.integers(0, 8)),
    st.builds(lambda low: str(ipaddress.ip_network((0x20010DB8 << 96 | low, 124), strict=False)), st.integers(0, 63)),
    st.sampled_from(("::/0", "0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1")),
)
SETS = st.lists(CIDRS, max_size=5)
SAMPLES = (
    *(ipaddress.ip_address(0xC0000200 + low) for low in range(66)),
    *(ipaddress.ip_address(f"2001:db8::{low:x}") for low in range(0, 66, 3)),
    *(ipaddress.ip_address(text) for text in ("0.0.0.0", "10.1.2.3", "127.255.255.255", "128.0.0.0", "255.255.255.255", "::", "ffff::1")),
)
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=5)
    | st.sampled_from(("tcp", "-1", "443", "0.0.0.0/0", "LoadBalancerGroup")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("Ref", "Fn::GetAtt", "CidrIp", "IpProtocol", "FromPort", "ToPort", "GroupId", "x")), inner, max_size=4
        )
    ),
    max_leaves=8,
)


read = cache(ipaddress.ip_network)


def numbers(cidrs: Sequence[str]) -> Any:
    return union(one for one in map(network, cidrs) if one)


def holds(cidrs: Sequence[str], address: Any) -> bool:
    return any(address in read(cidr) for cidr in cidrs)


def rule(cidr: str, port: int = 443) -> dict[str, Any]:
    return {"CidrIpv6" if ":" in cidr else "CidrIp": cidr, "IpProtocol": "tcp", "FromPort": port, "ToPort": port}


def side(clients: Sequence[str], allow: Sequence[str] | None = None, **more: Any) -> Side:
    """A load balancer with its group, and one site."""
    group = {"SecurityGroupIngress": [rule(cidr) for cidr in clients], **more}
    resources = {
        "LoadBalancer": {"Type": "AWS::ElasticLoadBalancingV2::LoadBalancer", "Properties": {"SecurityGroups": [{"Ref": "Group"}]}},
        "Group": {"Type": "AWS::EC2::SecurityGroup", "Properties": group},
    }
    geo = f'geo $allowed_0 {{ default ""; {" ".join(f"{cidr} 1;" for cidr in allow)} }}' if allow is not None else ""
    gate = 'if ($allowed_0 = "") { return 403; }' if allow is not None else ""
    nginx = f"http {{ {geo} server {{ server_name a.example.com; {gate} location / {{ proxy_pass https://o.example.net; }} }} }}"
    return Side(stacks={"security": Stack(stack="security", path="", template={"Resources": resources})}, nginx=nginx)


def findings(before: Side, after: Side, name: str = "") -> tuple[Finding, ...]:
    comparison = compare("production", before, after)
    return tuple(one for rule in access.RULES for one in rule.judge(comparison) if not name or one.rule == name)


@settings(max_examples=100, deadline=None)
@given(one=SETS, other=SETS)
def test_sets_of_addresses_are_exact(one: list[str], other: list[str]) -> None:
    for address in SAMPLES:
        both_ways = {
            union((*numbers(one), *numbers(other))): holds(one, address) or holds(other, address),
            both(numbers(one), numbers(other)): holds(one, address) and holds(other, address),
            minus(numbers(one), numbers(other)): holds(one, address) and not holds(other, address),
        }
        first = network(str(address))
        assert first
        for found, expected in both_ways.items():
            assert bool(both((first,), found)) == expected
    joined = union((*numbers(one), *numbers(other)))
    assert numbers(networks(joined)) == joined


def told(found: Sequence[Finding], word: str) -> list[tuple[list[str], list[str]]]:
    """Networks that gain or lose, and those of them that did not, as the sentences say."""
    pairs = []
    for one in found:
        who, _, rest = one.text.partition(f" {word} ")
        kept = re.sub(r" (?:had it already|keeps it)$", "", rest.partition("; ")[2])
        pairs.append((re.findall(r"[0-9a-f.:]+/\d+", who), kept.split(", ") if kept else []))
    return pairs


@settings(max_examples=150, deadline=None)
@given(before=SETS, after=SETS, old_allow=st.none() | SETS, new_allow=st.none() | SETS)
@example(before=["192.0.2.0/28"], after=["0.0.0.0/0"], old_allow=None, new_allow=None)
@example(before=["0.0.0.0/0"], after=["0.0.0.0/0"], old_allow=["192.0.2.0/28"], new_allow=["192.0.2.8/29", "192.0.2.64/26"])
def test_an_address_gains_exactly_if_it_could_not_and_now_can(
    before: list[str], after: list[str], old_allow: list[str] | None, new_allow: list[str] | None
) -> None:
    found = findings(side(before, old_allow), side(after, new_allow))
    if any("more networks" in one.text for one in found):
        return  # abbreviated for people
    gained, lost = (
        told([one for one in found if one.rule == name], word) for name, word in (("access-gained", "gains"), ("access-lost", "loses"))
    )
    for address in SAMPLES:
        could = holds(before, address) and (old_allow is None or holds(old_allow, address))
        can = holds(after, address) and (new_allow is None or holds(new_allow, address))
        assert any(holds(who, address) and not holds(kept, address) for who, kept in gained) == (can and not could), address
        assert any(holds(who, address) and not holds(kept, address) for who, kept in lost) == (could and not can), address


@settings(max_examples=200, deadline=None)
@given(rules=ANYTHING, single=ANYTHING, attached=ANYTHING)
def test_odd_templates_are_compared_without_an_error(rules: Any, single: Any, attached: Any) -> None:
    odd = side((), SecurityGroupIngress=rules, SecurityGroupEgress=single)
    resources = odd.stacks["security"].template["Resources"]
    resources["LoadBalancer"]["Properties"]["SecurityGroups"] = attached
    resources["One"] = {"Type": "AWS::EC2::SecurityGroupIngress", "Properties": single}
    resources["Tasks"] = {"Type": "AWS::ECS::Service", "Properties": {"NetworkConfiguration": attached}}
    assert findings(odd, odd) == ()
    findings(odd, side(["192.0.2.0/24"]))
    findings(side(["192.0.2.0/24"]), odd)


def test_everybody_is_said_loudly() -> None:
    (only,) = findings(side(["192.0.2.0/24"]), side(["0.0.0.0/1", "128.0.0.0/1"]))
    assert only.text == "EVERYBODY on the Internet (0.0.0.0/0) gains a.example.com (port 443); 192.0.2.0/24 had it already"
    assert only.verdict == "risky"


def test_a_load_balancer_without_groups_lets_everybody_in() -> None:
    opened = side(["192.0.2.0/24"])
    opened.stacks["security"].template["Resources"]["LoadBalancer"]["Properties"].pop("SecurityGroups")
    found = findings(side(["192.0.2.0/24"]), opened, "access-gained")
    assert {one.resource for one in found} == {"0.0.0.0/0", "::/0"}


@pytest.mark.parametrize(
    "source", [{"SourcePrefixListId": "pl-1"}, {"SourceSecurityGroupId": {"Fn::ImportValue": "x"}}, {"CidrIp": {"Ref": "Net"}}]
)
def test_what_only_aws_can_resolve_is_compared_by_its_name(source: dict[str, Any]) -> None:
    more = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, **source}
    old, new = side(()), side((), SecurityGroupIngress=[more])
    (only,) = findings(old, new)
    assert only.rule == "access-gained"
    assert findings(new, side((), SecurityGroupIngress=[{**more, "Description": "another note"}])) == ()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ({}, {"SecurityGroupEgress": [rule("10.0.0.0/8")]}, "may no longer reach anything on the Internet (0.0.0.0/0)"),
        ({"SecurityGroupEgress": [rule("10.0.0.0/8")]}, {}, "may no longer reach 10.0.0.0/8 on port 443"),
        ({"SecurityGroupEgress": []}, {}, ""),
    ],
)
def test_egress_follows_what_aws_does_without_rules(old: dict[str, Any], new: dict[str, Any], words: str) -> None:
    found = [one.text for one in findings(side((), **old), side((), **new), "task-reach")]
    assert any(words in one for one in found) == bool(words), found


def test_many_networks_with_the_same_gain_are_one_sentence() -> None:
    many = [f"10.{number}.0.0/24" for number in range(60)]
    (only,) = findings(side(()), side(many))
    assert "and 55 more networks gain a.example.com" in only.text


def test_where_the_sites_are_not_known_they_are_taken_to_be_the_same() -> None:
    live = replace(side(["192.0.2.0/24"]), nginx=None)
    assert findings(live, side(["192.0.2.0/24"], ["192.0.2.0/25"])) == ()
    (only,) = findings(live, side(["192.0.2.0/23"]))
    assert "gains a.example.com (port 443); 192.0.2.0/24 had it already" in only.text


def ports(first: int, last: int, *cidrs: str) -> list[dict[str, Any]]:
    return [{"CidrIp": cidr, "IpProtocol": "tcp", "FromPort": first, "ToPort": last} for cidr in cidrs]


def test_a_note_beside_ports_that_only_aws_knows_changes_nothing() -> None:
    unknown = {"CidrIp": "192.0.2.0/24", "IpProtocol": "tcp", "FromPort": {"Ref": "Port"}, "ToPort": {"Ref": "Port"}}
    old, new = (side((), SecurityGroupIngress=[{**unknown, "Description": note}]) for note in ("one", "another"))
    assert findings(old, new) == ()
    assert findings(side(()), new) != ()


def test_a_range_of_ports_holds_the_sites() -> None:
    old = side((), SecurityGroupIngress=ports(0, 1000, "192.0.2.0/24"))
    (only,) = findings(old, side((), SecurityGroupIngress=ports(0, 1000, "192.0.2.0/24", "198.51.100.0/24")))
    assert only.text == "198.51.100.0/24 gains a.example.com (port 443) and ports 0-442, ports 444-1000"


def test_a_further_port_is_new_to_new_clients_only() -> None:
    old = side(["192.0.2.0/24"])
    further = "stream { upstream u { server s.example.net:22; } server { listen 2222; proxy_pass u; } }"
    more = [rule("192.0.2.0/24"), rule("192.0.2.0/24", 2222), rule("198.51.100.0/24", 2222)]
    new = replace(side((), SecurityGroupIngress=more), nginx=f"{old.nginx} {further}")
    (only,) = findings(old, new)
    assert only.text == "198.51.100.0/24 gains port 2222"
    assert findings(new, old, "access-lost") == ()


def test_a_stack_that_is_rendered_no_more_takes_nothing_away() -> None:
    rest = {"other": Stack(stack="other", path="", template={"Resources": {}})}
    assert findings(side(["192.0.2.0/24"]), replace(side(()), stacks=rest)) == ()


def test_everybody_is_all_addresses() -> None:
    assert networks(EVERYBODY) == ("0.0.0.0/0", "::/0")
