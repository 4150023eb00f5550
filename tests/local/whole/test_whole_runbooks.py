"""RUNBOOK.md, as it stands: the commands of each section are run in a clone, and what they promise is looked at afterwards."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.system import System

pytestmark = pytest.mark.local

RUNBOOK = (Path(__file__).parents[3] / "RUNBOOK.md").read_text(encoding="utf-8")
SECTIONS = {text.partition("\n")[0]: text for text in re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)[1:]}
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# A section's own test prepares what the section is about, follows it, and looks at what it promises.
FOLLOWED: set[str] = set()


def follow(system: System, section: str, **given: str) -> str:
    """What the commands of a section print, in a shell that has activated the environment and whose remote is the engine's."""
    script = "\n".join(BLOCK.findall(SECTIONS[section]))
    # For this shell alone: the clone is everybody's. The hooks have a test of their own.
    settings = {"branch.main.pushRemote": "local", "push.default": "current", "core.hooksPath": "/dev/null"}
    given |= {
        f"GIT_CONFIG_{kind}_{number}": one
        for number, pair in enumerate(settings.items())
        for kind, one in zip(("KEY", "VALUE"), pair, strict=True)
    }
    variables = [f"{name}={value}" for name, value in {**given, "GIT_CONFIG_COUNT": str(len(settings))}.items()]
    path = f"PATH={system.clone}/.venv/bin:{system.environment['PATH']}"
    done: subprocess.CompletedProcess[str] = system.command(
        "env", path, *variables, "bash", "-euo", "pipefail", "-c", f'eval "$(kotei local env)"\n{script}'
    )
    return done.stdout + done.stderr


def runbook(section: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Names the section that a test follows."""
    FOLLOWED.add(section)
    return lambda test: test


def test_every_section_is_followed() -> None:
    assert SECTIONS.keys() == FOLLOWED


@runbook("A partner is added")
def test_a_partner_is_added(system: System) -> None:
    system.nothing_runs()
    # 198.18.7.20, in the stand-ins' spelling.
    partner = "127.18.7.20"
    with pytest.raises(OSError, match=r"reset|EOF|closed|refused"):
        system.get(source=partner)
    said = follow(system, "A partner is added")
    assert "198.18.7.0/24 gains" in said.replace("\n", " ")
    assert system.serves(source=partner)
    assert all(address in said for address in system.addresses())


@runbook("The backend moves")
def test_the_backend_moves(system: System) -> None:
    system.nothing_runs()
    said = follow(system, "The backend moves")
    assert "origin-2.example.net" in said
    assert system.get().origin["origin"] == "origin-2.example.net"
    # Not by the next test's push: its clients would meet the move.
    system.return_to("HEAD~1")
    system.push()


@runbook("The certificate is rotated")
def test_the_certificate_is_rotated(system: System) -> None:
    system.nothing_runs()
    new = "arn:aws:acm:ap-northeast-1:111122223333:certificate/99999999-8888-4777-8666-555555555555"
    follow(system, "The certificate is rotated", NEW=new)
    name = system.outputs("kotei-staging-loadbalancer")["LoadBalancerFullName"]
    balancer = f"arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:loadbalancer/{name}"
    listeners = system.client("elbv2").describe_listeners(LoadBalancerArn=balancer)["Listeners"]
    assert [one["CertificateArn"] for listener in listeners for one in listener["Certificates"]] == [new]
    assert system.serves()


@runbook("A bad image is out")
def test_a_bad_image_is_out(system: System) -> None:
    system.deployed()
    system.nothing_runs()
    system.deny("/bad/")
    system.commit("Deny /bad/")
    system.push()
    assert system.get("/bad/").status == 403
    follow(system, "A bad image is out")
    assert system.get("/bad/").status == 200


@runbook("A stack is stuck")
def test_a_stack_is_stuck(system: System) -> None:
    system.deployed()
    system.nothing_runs()
    name, cloudformation = "kotei-staging-monitoring", system.client("cloudformation")
    cloudformation.delete_stack(StackName=name)
    system.until(lambda: not system.stack(name), f"stack {name} to go")
    cloudformation.create_change_set(
        StackName=name,
        ChangeSetName="forgotten",
        ChangeSetType="CREATE",
        TemplateBody='{"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}',
    )
    said = follow(system, "A stack is stuck")
    assert f"stack {name} is REVIEW_IN_PROGRESS" in said.replace("\n", " ")
    assert system.stack(name)["StackStatus"] == "CREATE_COMPLETE"


@runbook("The stacks of an environment were deleted")
def test_the_stacks_of_an_environment_were_deleted(system: System) -> None:
    system.deployed()
    system.nothing_runs()
    addresses = system.addresses()
    system.run("destroy", "staging", "--yes", "staging")
    assert not [one for one in system.client("cloudformation").describe_stacks()["Stacks"] if one["StackName"].startswith("kotei-staging-")]
    said = follow(system, "The stacks of an environment were deleted")
    assert system.addresses() == addresses
    assert all(address in said for address in addresses)
    assert all(system.serves(zone=zone) for zone in (0, 1))


@runbook("A zone is lost")
def test_a_zone_is_lost(system: System) -> None:
    system.nothing_runs()
    said = follow(system, "A zone is lost")
    assert all(address in said for address in system.addresses())
    (service,) = system.client("ecs").describe_services(cluster="kotei-staging", services=["proxy"])["services"]
    assert service["runningCount"] >= 3
    assert system.serves()
    system.return_to("HEAD~1")


@runbook("An access key leaked")
def test_an_access_key_leaked(system: System) -> None:
    system.deployed()
    system.nothing_runs()
    iam = system.client("iam")
    iam.create_user(UserName="eve")
    key = iam.create_access_key(UserName="eve")["AccessKey"]["AccessKeyId"]
    group = system.outputs("kotei-staging-security")["LoadBalancerSecurityGroup"]
    opened = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "198.18.99.0/24"}]}
    system.client("ec2").authorize_security_group_ingress(GroupId=group, IpPermissions=[opened])
    try:
        said = follow(system, "An access key leaked", PERSON="eve", KEY=key)
    finally:
        system.client("ec2").revoke_security_group_ingress(GroupId=group, IpPermissions=[opened])
    assert "198.18.99.0/24" in said
    assert iam.list_access_keys(UserName="eve")["AccessKeyMetadata"] == []
