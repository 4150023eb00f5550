"""The fixed addresses stay, whatever is done to their stack."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from tests.support.system import System

pytestmark = pytest.mark.local

RENDERED = "stacks/rendered/staging/addresses"
# Another account: one has room for five addresses, and staging and production hold four.
ELSEWHERE = "444455556666"
REHEARSAL = "kotei-rehearsal-addresses"


def test_deleting_the_stack_of_the_addresses_leaves_them_allocated(system: System) -> None:
    """In a stack of its own, from the very files that staging's addresses come from."""
    cloudformation = system.client("cloudformation", ELSEWHERE)
    cloudformation.create_stack(
        StackName=REHEARSAL,
        TemplateBody=(system.clone / f"{RENDERED}.yaml").read_text(),
        StackPolicyBody=json.dumps(json.loads((system.clone / f"{RENDERED}.json").read_text())["StackPolicy"]),
        EnableTerminationProtection=True,
    )
    created = _settled(system, cloudformation, REHEARSAL)
    assert created["StackStatus"] == "CREATE_COMPLETE", cloudformation.describe_stack_events(StackName=REHEARSAL)["StackEvents"]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in created["Outputs"]}
    with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection is enabled"):
        cloudformation.delete_stack(StackName=REHEARSAL)
    cloudformation.update_termination_protection(StackName=REHEARSAL, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=REHEARSAL)
    # A deleted stack is found by its id only.
    assert _settled(system, cloudformation, created["StackId"])["StackStatus"] == "DELETE_COMPLETE"
    allocated = {one["AllocationId"]: one["PublicIp"] for one in system.client("ec2", ELSEWHERE).describe_addresses()["Addresses"]}
    assert allocated[outputs["AddressA"]] == outputs["PublicIpA"]
    assert allocated[outputs["AddressC"]] == outputs["PublicIpC"]


def test_a_template_that_would_replace_an_address_is_stopped_and_the_old_one_serves(system: System) -> None:
    outputs, cloudformation = system.outputs("kotei-staging-addresses"), system.client("cloudformation")
    template = yaml.safe_load((system.clone / f"{RENDERED}.yaml").read_text())
    # AWS cannot change this property of an address; it replaces the address.
    template["Resources"]["EipA"]["Properties"]["NetworkBorderGroup"] = "ap-northeast-1-wl1-nrt-wlz-1"
    cloudformation.update_stack(StackName="kotei-staging-addresses", TemplateBody=json.dumps(template))
    assert _settled(system, cloudformation, "kotei-staging-addresses")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [
        event["ResourceStatusReason"]
        for event in cloudformation.describe_stack_events(StackName="kotei-staging-addresses")["StackEvents"]
        if event["LogicalResourceId"] == "EipA" and event["ResourceStatus"] == "UPDATE_FAILED"
    ]
    assert "Action denied by stack policy" in reasons[0]
    assert system.outputs("kotei-staging-addresses") == outputs
    for zone in ("A", "C"):
        allocated = system.client("ec2").describe_addresses(AllocationIds=[outputs[f"Address{zone}"]])["Addresses"]
        assert [one["PublicIp"] for one in allocated] == [outputs[f"PublicIp{zone}"]]
        assert system.serves(address=outputs[f"PublicIp{zone}"])


def test_a_plan_holds_to_the_addresses_that_are_pinned(system: System) -> None:
    system.deployed()
    assert "unpinned" in _rules(system.run("plan", "staging", "--json"))
    pinned = system.run("addresses", "staging", "--pin", "--format", "text")
    ledger = system.clone / "stacks/pinned/staging.json"
    assert [entry["address"] for entry in json.loads(ledger.read_text())["addresses"]] == system.addresses()
    assert "stacks/pinned/staging.json has " in pinned.stderr
    assert "unpinned" not in _rules(system.run("plan", "staging", "--json"))
    system.edit("stacks/pinned/staging.json", system.addresses()[0], "203.0.113.250")
    refused = system.run("plan", "staging", "--json", check=False)
    assert (refused.returncode, "pinned-address" in _rules(refused)) == (5, True)
    assert f"partners were told 203.0.113.250 (zone a, {system.outputs('kotei-staging-addresses')['AddressA']})" in refused.stderr
    again = system.run("addresses", "staging", "--pin", check=False)
    assert (again.returncode, "staging does not have that now" in again.stderr) == (1, True)


def _rules(answer: Any) -> set[str]:
    return {finding["rule"] for owner in json.loads(answer.stdout)["owners"] for finding in owner["findings"]}


def _settled(system: System, cloudformation: Any, name: str) -> dict[str, Any]:
    def stack() -> dict[str, Any]:
        found: dict[str, Any] = cloudformation.describe_stacks(StackName=name)["Stacks"][0]
        return found

    system.until(lambda: not stack()["StackStatus"].endswith("IN_PROGRESS"), f"stack {name} to settle", stack)
    return stack()
