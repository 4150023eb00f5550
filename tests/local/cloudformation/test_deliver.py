"""`kotei bootstrap`, `apply` and `destroy` against the emulated AWS, in one process: from an empty account to nothing and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.local

SHARED = ("connection", "registry", "roles", "review", "pipeline")
DIGEST = "sha256:" + "a" * 64


def names(cloud: Any) -> list[str]:
    return [stack["StackName"] for stack in cloud.cfn.describe_stacks()["Stacks"]]


def test_an_empty_account_becomes_one_that_waits_for_a_push(
    kotei: Callable[..., int], cloud: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kotei("bootstrap", "--dry-run") == 0
    assert names(cloud) == []
    assert kotei("bootstrap") == 1
    assert "kotei bootstrap --yes" in capsys.readouterr().err
    assert names(cloud) == []
    assert kotei("bootstrap", "--yes") == 0
    out, err = capsys.readouterr()
    assert "git push origin main" in out
    assert "Update pending connection" in err
    assert names(cloud) == [f"kotei-{stack}" for stack in SHARED]
    assert all(cloud.cfn.get_stack_policy(StackName=f"kotei-{stack}")["StackPolicyBody"] for stack in SHARED)
    assert cloud.stack("kotei-connection")["EnableTerminationProtection"] is True
    before = {name: cloud.stack(name) for name in names(cloud)}
    assert kotei("bootstrap", "--yes") == 0
    assert "Update pending connection" not in capsys.readouterr().err
    assert {name: cloud.stack(name) for name in names(cloud)} == before


def served(cloud: Any) -> dict[str, str]:
    """The addresses on which the load balancer of staging answers, by allocation."""
    balancer = cloud.client("elbv2").describe_load_balancers()["LoadBalancers"][0]
    return {one["AllocationId"]: one["IpAddress"] for zone in balancer["AvailabilityZones"] for one in zone["LoadBalancerAddresses"]}


def fingerprint(kotei: Callable[..., int], capsys: pytest.CaptureFixture[str], *more: str) -> str:
    capsys.readouterr()
    assert kotei("apply", "staging", "--dry-run", *more) == 0
    return capsys.readouterr().err.strip().rpartition(" ")[2]


def test_an_environment_is_deployed_destroyed_and_serves_again_on_the_same_addresses(
    kotei: Callable[..., int], cloud: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kotei("bootstrap", "--yes") == 0
    assert kotei("apply", "staging") == 1
    plan = fingerprint(kotei, capsys, "--image-digest", DIGEST)
    assert kotei("apply", "staging", "--image-digest", DIGEST, "--yes", plan) == 0, capsys.readouterr().err
    addresses = served(cloud)
    assert len(addresses) == 2
    assert cloud.stack("kotei-staging-addresses")["EnableTerminationProtection"] is True
    stacks = {name: cloud.stack(name)["StackId"] for name in names(cloud) if "staging" in name}
    # Once more: nothing changes, and no change set stays.
    assert kotei("apply", "staging", "--yes", fingerprint(kotei, capsys)) == 0
    assert not any("LastUpdatedTime" in cloud.stack(name) for name in stacks)
    assert [set_ for name in stacks for set_ in cloud.cfn.list_change_sets(StackName=name)["Summaries"] if set_["Status"] == "FAILED"] == []
    capsys.readouterr()
    assert kotei("destroy", "staging", "--dry-run") == 0
    told = capsys.readouterr().out
    assert all(f'"{allocation}"' in told for allocation in addresses)
    assert "turned off first: termination protection" in told
    assert "deletion protection of arn:aws:elasticloadbalancing" in told
    assert kotei("destroy", "staging") == 1
    assert kotei("destroy", "staging", "--yes", "staging") == 0, capsys.readouterr().err
    assert {cloud.stack(identity)["StackStatus"] for identity in stacks.values()} == {"DELETE_COMPLETE"}
    held = {one["AllocationId"]: one["PublicIp"] for one in cloud.client("ec2").describe_addresses()["Addresses"]}
    assert held == addresses
    # The way back.
    capsys.readouterr()
    assert kotei("apply", "staging", "--import", "--yes", "staging") == 0, capsys.readouterr().err
    assert cloud.stack("kotei-staging-addresses")["StackStatus"] == "IMPORT_COMPLETE"
    assert kotei("apply", "staging", "--image-digest", DIGEST, "--yes", fingerprint(kotei, capsys, "--image-digest", DIGEST)) == 0, (
        capsys.readouterr().err
    )
    assert served(cloud) == addresses
    assert kotei("apply", "staging", "--import") == 0
    assert "AWS keeps nothing" in capsys.readouterr().out
