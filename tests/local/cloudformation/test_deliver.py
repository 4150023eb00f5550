"""`kotei bootstrap`, `apply` and `destroy` against the emulated AWS, in one process: from an empty account to nothing and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import paths, render
from pipeline.apply_change_set import load
from pipeline.commands import deliver
from pipeline.local.cloudformation.stack import find, set_status
from pipeline.stages import deploy_stage
from pipeline.template_upload import BODY_LIMIT
from stacks import project
from stacks.environment import Addresses
from tests.support import places

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


@pytest.mark.usefixtures("roles")
def test_an_environment_is_deployed_without_the_pipeline_and_destroyed_without_losing_an_address(
    kotei: Callable[..., int], cloud: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kotei("apply", "staging") == 1
    assert "give the one that it shall run" in capsys.readouterr().err
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
    # In the wrong order: the roles as which the stacks act went first.
    assert cloud.delete("kotei-roles")["StackStatus"] == "DELETE_COMPLETE", cloud.reasons("kotei-roles")
    assert kotei("destroy", "staging", "--yes", "staging") == 1
    said = capsys.readouterr().err
    assert "cannot be assumed: make it anew first (kotei bootstrap" in said
    assert kotei("bootstrap", "--yes") == 0, capsys.readouterr().err
    assert kotei("destroy", "staging", "--yes", "staging") == 0, capsys.readouterr().err
    assert kotei("destroy", "staging", "--yes", "staging") == 0
    assert "staging has no stacks" in capsys.readouterr().out
    assert kotei("destroy", "shared") == 1
    assert "there is no environment 'shared'" in capsys.readouterr().err
    assert {cloud.stack(identity)["StackStatus"] for identity in stacks.values()} == {"DELETE_COMPLETE"}
    held = {one["AllocationId"]: one["PublicIp"] for one in cloud.client("ec2").describe_addresses()["Addresses"]}
    assert held == addresses


@pytest.fixture
def working_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[project.Project], Path]:
    """A checkout of this configuration, rendered, for the command line."""

    def write(config: project.Project) -> Path:
        root = tmp_path / "checkout"
        for path, text in render.files(config).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        monkeypatch.setattr(deliver, "ROOT", root)
        monkeypatch.setattr(deliver, "configuration", lambda: config)
        return root

    return write


def test_what_the_pipeline_needs_elsewhere_follows_the_configuration(
    kotei: Callable[..., int],
    cloud: Any,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    working_copy: Callable[[project.Project], Path],
) -> None:
    """The pipeline cannot update the store of its artifacts in another region. Of so many environments no template fits into a call."""
    (tmp_path / "places").mkdir()
    places.configure(tmp_path / "places")
    whole = project.load(tmp_path / "places")
    far = cloud.world.client("cloudformation", region=places.FAR)

    def store() -> str:
        return json.dumps(far.get_template(StackName="kotei-artifacts")["TemplateBody"])

    near, far_test, *_ = whole.environments
    more = [near.model_copy(update={"name": f"test-{number}"}) for number in range(8)]
    root = working_copy(whole.model_copy(update={"environments": (near, far_test, *more)}))
    for stack in ("roles", "pipeline"):
        template = load(root / "stacks/rendered/shared" / stack)
        assert len(template.body) > BODY_LIMIT
    # As a run leaves it that is killed while a template is on its way.
    here = {"LocationConstraint": places.NEAR}
    cloud.client("s3").create_bucket(Bucket=f"kotei-templates-{places.HOME}-{places.NEAR}", CreateBucketConfiguration=here)
    assert kotei("bootstrap", "--yes") == 0, capsys.readouterr().err
    stages = cloud.client("codepipeline").get_pipeline(name="kotei")["pipeline"]["stages"]
    assert {deploy_stage(name) for name in ("test-7", "far-test")} <= {stage["name"] for stage in stages}
    assert not [one["Name"] for one in cloud.client("s3").list_buckets()["Buckets"] if "templates" in one["Name"]]
    assert places.OTHER not in store()
    working_copy(whole)
    capsys.readouterr()
    assert kotei("bootstrap", "--dry-run") == 0
    assert "kotei-artifacts  (account 111122223333, us-west-2" in (told := capsys.readouterr().out)
    assert told.count(": update\n") == 1
    assert places.OTHER not in store()
    # An update behind its back failed, and so did the way back.
    stack = find(cloud.world, "kotei-artifacts", places.HOME, places.FAR)
    stack.previous, stack.before = stack.goal, dict(stack.resources)
    set_status(cloud.world, stack, "UPDATE_ROLLBACK_FAILED", "the key was disabled")
    assert kotei("bootstrap", "--yes") == 0, capsys.readouterr().err
    assert places.OTHER in store()
    capsys.readouterr()
    assert kotei("bootstrap", "--dry-run") == 0
    assert ": update\n" not in capsys.readouterr().out


@pytest.mark.usefixtures("roles")
def test_stacks_that_somebody_deleted_come_back_on_the_addresses_that_partners_know(
    kotei: Callable[..., int],
    cloud: Any,
    capsys: pytest.CaptureFixture[str],
    working_copy: Callable[[project.Project], Path],
) -> None:
    config = project.load(paths.ROOT)
    root = working_copy(config)
    given = ("--image-digest", DIGEST)
    assert kotei("apply", "staging", *given) == 0, capsys.readouterr().err
    addresses = served(cloud)
    outputs = cloud.outputs("kotei-staging-addresses")
    entries = [
        {"zone": zone, "address": outputs[f"PublicIp{zone.upper()}"], "allocation": outputs[f"Address{zone.upper()}"]} for zone in "ac"
    ]
    where = {"environment": "staging", "account": "111122223333", "region": "ap-northeast-1"}
    (root / "stacks/pinned").mkdir(parents=True)
    (root / "stacks/pinned/staging.json").write_text(json.dumps({**where, "addresses": entries}))
    assert kotei("destroy", "staging", "--yes", "staging") == 1
    assert "partners were told" in capsys.readouterr().err
    # Deleted by hand, and the load balancer refuses.
    cloud.cfn.update_termination_protection(StackName="kotei-staging-service", EnableTerminationProtection=False)
    assert cloud.delete("kotei-staging-service")["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.delete("kotei-staging-monitoring")["StackStatus"] == "DELETE_COMPLETE"
    assert cloud.delete("kotei-staging-loadbalancer")["StackStatus"] == "DELETE_FAILED"
    assert kotei("apply", "staging", *given) == 1
    balancer = cloud.ids("kotei-staging-loadbalancer")["LoadBalancer"]
    assert f"modify-load-balancer-attributes --load-balancer-arn {balancer} --attributes" in capsys.readouterr().err
    _delete_by_hand(cloud)
    # What partners were told is known without a tag.
    cloud.client("ec2").delete_tags(Resources=[outputs["AddressA"]], Tags=[{"Key": "Name"}])
    # Without the import, others would be allocated.
    assert kotei("apply", "staging", *given) == 1
    assert f"EipA (AWS::EC2::EIP): {outputs['PublicIpA']}" in capsys.readouterr().err
    assert kotei("apply", "staging", "--import", "--yes", "staging") == 0, capsys.readouterr().err
    assert kotei("apply", "staging", *given) == 0, capsys.readouterr().err
    assert served(cloud) == addresses
    assert kotei("apply", "staging", "--import") == 0
    assert "AWS keeps nothing" in capsys.readouterr().out
    # The other way: a configuration that adopts them, after the addresses' stack is gone for good.
    (root / "stacks/pinned/staging.json").unlink()
    assert kotei("destroy", "staging", "--yes", "staging") == 0, capsys.readouterr().err
    adopt = {entry["zone"]: entry["allocation"] for entry in entries}
    assert f'adopt = {{ a = "{adopt["a"]}", c = "{adopt["c"]}" }}' in capsys.readouterr().out
    staging = config.environments[0].model_copy(update={"addresses": Addresses(adopt=adopt)})
    working_copy(config.model_copy(update={"environments": (staging, *config.environments[1:])}))
    (root / "stacks/rendered/staging/addresses.yaml").unlink()
    (root / "stacks/rendered/staging/addresses.json").unlink()
    assert kotei("apply", "staging", "--import", "--yes", "staging") == 0, capsys.readouterr().err
    assert kotei("apply", "staging", *given) == 0, capsys.readouterr().err
    assert "kotei-staging-addresses" not in names(cloud)
    assert served(cloud) == addresses


def _delete_by_hand(cloud: Any) -> None:
    balancer = cloud.ids("kotei-staging-loadbalancer")["LoadBalancer"]
    off = [{"Key": "deletion_protection.enabled", "Value": "false"}]
    cloud.client("elbv2").modify_load_balancer_attributes(LoadBalancerArn=balancer, Attributes=off)
    for name in reversed([name for name in names(cloud) if "staging" in name]):
        cloud.cfn.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        assert cloud.delete(name)["StackStatus"] == "DELETE_COMPLETE"
