"""A probe through the fixed addresses: what it says, and that the load balancer lets nobody else in, then or later."""

from __future__ import annotations

import pytest

from tests.support.system import System

pytestmark = pytest.mark.local

STAGING = "stacks/environments/staging.toml"
# What stands on this computer for 198.18.0.9, as which a probe comes.
STAND_IN = "127.18.0.9"


def test_each_address_is_asked_as_its_clients_ask_and_nobody_is_let_in_for_longer(system: System) -> None:
    system.deployed()
    rules = _rules(system)
    _probed(system, "host = 'api.staging.example.com'")
    said = system.run("verify", "staging", "--probe").stdout
    for address, zone in zip(system.addresses(), "ac", strict=True):
        assert f"{address} (ap-northeast-1{zone}) answers https://api.staging.example.com/ with 200" in said
    assert _rules(system) == rules
    with pytest.raises(OSError, match=r"refused|reset|EOF|timed out"):
        system.get("/", source=STAND_IN)


def test_a_wrong_answer_names_the_addresses_and_leaves_nothing_open(system: System) -> None:
    system.deployed()
    rules = _rules(system)
    _probed(system, "host = 'api.staging.example.com'\npath = '/admin/'")
    refused = system.run("verify", "staging", "--probe", check=False)
    assert refused.returncode == 1
    assert "staging does not answer https://api.staging.example.com/admin/ with 200" in refused.stderr
    assert all(
        f"{address} (ap-northeast-1{zone}): the answer is 403" in refused.stderr
        for address, zone in zip(system.addresses(), "ac", strict=True)
    )
    assert _rules(system) == rules


def test_what_a_killed_probe_has_left_open_is_closed_by_the_next(system: System) -> None:
    system.deployed()
    rules = _rules(system)
    group = system.outputs("kotei-staging-security")["LoadBalancerSecurityGroup"]
    left = {"CidrIp": "198.18.0.8/32", "Description": "kotei probe: 01234567, until 2030-01-01T12:10Z"}
    permission = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [left]}
    system.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    assert len(_rules(system)) == len(rules) + 1
    _probed(system, "host = 'api.staging.example.com'")
    system.run("verify", "staging", "--probe")
    assert _rules(system) == rules


def _probed(system: System, settings: str) -> None:
    system.git("checkout", "--quiet", "--", STAGING)
    file = system.clone / STAGING
    file.write_text(f"{file.read_text(encoding='utf-8')}\n[verify.probe]\n{settings}\n", encoding="utf-8")


def _rules(system: System) -> set[tuple[str, str]]:
    """Network and description of whom the load balancer lets in."""
    group = system.outputs("kotei-staging-security")["LoadBalancerSecurityGroup"]
    found = system.client("ec2").describe_security_groups(GroupIds=[group])["SecurityGroups"][0]["IpPermissions"]
    return {(network["CidrIp"], network.get("Description", "")) for one in found for network in one["IpRanges"]}
