"""What is off until somebody asks for it, all on at once: one pipeline, and what the account refuses then."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.everything import turned_on
from tests.support.system import System

pytestmark = pytest.mark.local

PROBE = """
[verify.probe]
host = "api.staging.example.com"

"""
OPEN = """
Resources:
  Group:
    Type: AWS::EC2::SecurityGroup
    Properties:
      GroupDescription: Everybody
      SecurityGroupIngress: [{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0}]
"""


def test_everything_that_may_be_turned_on_is_deployed_by_one_run_and_holds(new_system: System) -> None:
    system = new_system
    pipeline = system.clone / "pipeline/pipeline.toml"
    pipeline.write_text(turned_on(pipeline.read_text(encoding="utf-8")), encoding="utf-8")
    system.edit("stacks/environments/staging.toml", 'strategy = "rolling"', 'strategy = "canary"')
    system.edit("stacks/environments/staging.toml", "\n[certificate]", f"{PROBE}[certificate]")
    system.commit("Turn everything on")
    assert "Staging-Deploy ▸ Verify … ok" in system.run("local", "up").stderr
    assert all(system.serves(zone=zone) for zone in (0, 1))

    image = {"imageId": {"imageDigest": system.image()}, "repositoryName": "kotei/proxy"}
    (signed,) = system.client("ecr").describe_image_signing_status(**image)["signingStatuses"]
    assert signed["status"] == "COMPLETE"
    tags = {
        tag
        for one in system.client("ecr").describe_images(repositoryName="kotei/proxy")["imageDetails"]
        for tag in one.get("imageTags", [])
    }
    assert any(tag.endswith(".attestations") for tag in tags)

    refused = _made(system, "kotei-staging-hole")
    assert refused["StackStatus"] == "ROLLBACK_COMPLETE"
    (hook,) = (one for one in _events(system, refused) if one.get("HookStatus") == "HOOK_COMPLETE_FAILED")
    assert hook["HookFailureMode"] == "FAIL"
    assert "ingress_not_open" in hook["HookStatusReason"]
    assert _made(system, "somebody-elses")["StackStatus"] == "CREATE_COMPLETE"


def _made(system: System, name: str) -> dict[str, Any]:
    """By a person, past Git and the pipeline."""
    system.client("cloudformation").create_stack(StackName=name, TemplateBody=OPEN)

    def ended() -> dict[str, Any] | None:
        found = system.stack(name)
        return found if found and not found["StackStatus"].endswith("_IN_PROGRESS") else None

    found: dict[str, Any] = system.until(ended, f"stack {name} to end")
    return found


def _events(system: System, stack: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = system.client("cloudformation").describe_stack_events(StackName=stack["StackId"])["StackEvents"]
    return found
