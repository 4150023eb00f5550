"""The fixed addresses stay, whatever is done to their stack."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from conftest import System

pytestmark = [pytest.mark.local, pytest.mark.xdist_group("whole")]

RENDERED = "stacks/rendered/staging/addresses"
REHEARSAL = "kotei-rehearsal-addresses"


@pytest.fixture
def rehearsal(system: System) -> Iterator[dict[str, str]]:
    """Outputs of a stack of its own from the very files that staging's addresses come from."""
    configuration = json.loads((system.clone / f"{RENDERED}.json").read_text())
    cloudformation = system.client("cloudformation")
    cloudformation.create_stack(
        StackName=REHEARSAL,
        TemplateBody=(system.clone / f"{RENDERED}.yaml").read_text(),
        StackPolicyBody=json.dumps(configuration["StackPolicy"]),
        EnableTerminationProtection=True,
    )
    assert _settled(system, REHEARSAL)["StackStatus"] == "CREATE_COMPLETE", cloudformation.describe_stack_events(StackName=REHEARSAL)
    outputs = system.outputs(REHEARSAL)
    yield outputs
    if system.stack(REHEARSAL):
        _delete(system)
    for allocation in (outputs["AddressA"], outputs["AddressC"]):
        system.client("ec2").release_address(AllocationId=allocation)


def test_deleting_the_stack_of_the_addresses_leaves_them_allocated(system: System, rehearsal: dict[str, str]) -> None:
    cloudformation = system.client("cloudformation")
    with pytest.raises(cloudformation.exceptions.ClientError, match="TerminationProtection is enabled"):
        cloudformation.delete_stack(StackName=REHEARSAL)
    _delete(system)
    assert system.stack(REHEARSAL) is None
    assert _allocated(system, rehearsal) == {rehearsal["PublicIpA"], rehearsal["PublicIpC"]}


def test_a_template_that_would_replace_an_address_is_stopped_and_the_old_one_serves(system: System) -> None:
    outputs, cloudformation = system.outputs("kotei-staging-addresses"), system.client("cloudformation")
    template = yaml.safe_load((system.clone / f"{RENDERED}.yaml").read_text())
    # AWS cannot change this property of an address; it replaces the address.
    template["Resources"]["EipA"]["Properties"]["NetworkBorderGroup"] = "ap-northeast-1-wl1-nrt-wlz-1"
    cloudformation.update_stack(StackName="kotei-staging-addresses", TemplateBody=json.dumps(template))
    assert _settled(system, "kotei-staging-addresses")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    reasons = [
        event["ResourceStatusReason"]
        for event in cloudformation.describe_stack_events(StackName="kotei-staging-addresses")["StackEvents"]
        if event["LogicalResourceId"] == "EipA" and event["ResourceStatus"] == "UPDATE_FAILED"
    ]
    assert "Action denied by stack policy" in reasons[0]
    assert system.outputs("kotei-staging-addresses") == outputs
    assert _allocated(system, outputs) == {outputs["PublicIpA"], outputs["PublicIpC"]}
    assert system.serves(address=outputs["PublicIpA"])


def _allocated(system: System, outputs: dict[str, str]) -> set[str]:
    wanted = {outputs["AddressA"], outputs["AddressC"]}
    return {one["PublicIp"] for one in system.client("ec2").describe_addresses()["Addresses"] if one["AllocationId"] in wanted}


def _settled(system: System, name: str) -> dict[str, Any]:
    def settled() -> dict[str, Any] | None:
        stack = system.stack(name)
        return stack if stack and not stack["StackStatus"].endswith("IN_PROGRESS") else None

    found: dict[str, Any] = system.until(settled, f"stack {name} to settle", lambda: system.stack(name))
    return found


def _delete(system: System) -> None:
    cloudformation = system.client("cloudformation")
    cloudformation.update_termination_protection(StackName=REHEARSAL, EnableTerminationProtection=False)
    cloudformation.delete_stack(StackName=REHEARSAL)
    system.until(lambda: system.stack(REHEARSAL) is None, f"{REHEARSAL} to be deleted", lambda: system.stack(REHEARSAL))
