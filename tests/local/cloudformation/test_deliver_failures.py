"""Every call of AWS that bootstrap, plan and apply make fails once in each way: a sentence, exit code 1, and the next run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from pipeline import paths
from pipeline.aws import Aws
from stacks import deployroles, project

pytestmark = pytest.mark.local

DIGEST = "sha256:" + "a" * 64
# What a person is told, by what AWS answers.
KINDS = {
    "Throttling": "too many calls; nothing is lost: run this command again",
    "AccessDenied": "aws sts get-caller-identity",
    "ExpiredToken": "The credentials have expired; run: aws login, or aws sso login",
    "timeout": "no answer, after 5 attempts",
}
# In the order in which they are first made, and which occurrence fails: the second look at the events is after the execution began.
Place = tuple[str, int]
# After it the stack is made, so there is one way for it to fail.
WATCHING: Place = ("cloudformation.describe_stack_events", 2)
BOOTSTRAP: tuple[Place, ...] = (
    ("sts.get_caller_identity", 1),
    ("cloudformation.describe_stacks", 1),
    ("codeconnections.list_connections", 1),
    ("ecr.describe_repositories", 1),
    ("iam.get_policy", 1),
    ("logs.describe_log_groups", 1),
    ("s3.list_buckets", 1),
    ("cloudformation.create_change_set", 1),
    ("cloudformation.describe_change_set", 1),
    ("cloudformation.describe_stack_events", 1),
    ("cloudformation.execute_change_set", 1),
    WATCHING,
    ("cloudformation.get_stack_policy", 1),
    ("cloudformation.set_stack_policy", 1),
    ("cloudformation.update_termination_protection", 1),
    ("codeconnections.get_connection", 1),
)
APPLY: tuple[Place, ...] = (
    ("sts.get_caller_identity", 1),
    ("codepipeline.get_pipeline_state", 1),
    ("logs.describe_log_groups", 1),
    ("s3.list_buckets", 1),
    ("ec2.describe_addresses", 1),
    ("cloudformation.describe_stacks", 1),
    ("cloudformation.create_change_set", 1),
    ("cloudformation.describe_change_set", 1),
    ("cloudformation.execute_change_set", 1),
    WATCHING,
    ("cloudformation.set_stack_policy", 1),
    ("cloudformation.delete_change_set", 1),
)
# Once there are stacks, a plan reads them. What the last three give is optional where they are denied, so that is not among them.
PLAN: tuple[Place, ...] = (
    ("cloudformation.describe_stacks", 1),
    ("cloudformation.get_template", 1),
    ("cloudformation.get_stack_policy", 1),
    ("cloudformation.list_stack_resources", 1),
)
OPTIONAL = ("cloudformation.get_stack_policy", "cloudformation.list_stack_resources")


class Faults:
    """Between the commands and botocore: counts calls, and lets one of them fail."""

    def __init__(self) -> None:
        self.made: dict[str, int] = {}
        self.place: Place | None = None
        self.kind = ""
        self.struck = False

    def arm(self, place: Place | None, kind: str = "") -> None:
        self.made, self.place, self.kind, self.struck = {}, place, kind, False

    def strike(self, call: str) -> None:
        self.made[call] = self.made.get(call, 0) + 1
        if self.place == (call, self.made[call]):
            self.struck = True
            if self.kind == "timeout":
                raise ReadTimeoutError(endpoint_url="https://aws.example.com")
            error = {"Code": self.kind, "Message": "told by the test"}
            raise ClientError({"Error": error}, call.partition(".")[2])  # type: ignore[typeddict-item]  # the rest is not looked at


class Client:
    """A client of botocore behind the faults."""

    def __init__(self, client: Any, service: str, faults: Faults) -> None:
        self.client, self.service, self.faults = client, service, faults

    def __getattr__(self, operation: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.faults.strike(f"{self.service}.{operation}")
            return getattr(self.client, operation)(**parameters)

        return call

    def can_paginate(self, operation: str) -> Any:
        return self.client.can_paginate(operation)

    def get_paginator(self, operation: str) -> Any:
        self.faults.strike(f"{self.service}.{operation}")
        return self.client.get_paginator(operation)


@pytest.fixture
def faults(cloud: Any, monkeypatch: pytest.MonkeyPatch) -> Faults:
    found = Faults()

    # Not those that each command would make for itself: making them takes longer than all the rest.
    def client(aws: Aws, service: str) -> Client:
        return Client(cloud.world.client(service, account=aws.account, region=aws.region), service, found)

    monkeypatch.setattr(Aws, "_client", client)
    return found


def exercise(
    faults: Faults, places: tuple[Place, ...], command: Callable[[], int], capsys: pytest.CaptureFixture[str], skip: Callable[..., bool]
) -> set[str]:
    """Returns the calls that were made altogether."""
    made: set[str] = set()
    for place in places:
        for kind, sentence in KINDS.items():
            if skip(place, kind) or (place == WATCHING and kind != "timeout"):
                continue
            faults.arm(place, kind)
            capsys.readouterr()
            code = command()
            said = capsys.readouterr().err
            assert faults.struck, f"{place} was never called: {said}"
            assert code == 1, f"{place} {kind}: {said}"
            assert sentence in said, f"{place} {kind}: {said}"
            assert place[0] in said
            assert "Traceback" not in said
            made |= faults.made.keys()
    return made


def test_bootstrap_survives_a_failure_of_each_of_its_calls(
    kotei: Callable[..., int], cloud: Any, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    made = exercise(faults, BOOTSTRAP, lambda: kotei("bootstrap", "--yes"), capsys, lambda *_: False)
    faults.arm(None)
    assert kotei("bootstrap", "--yes") == 0, capsys.readouterr().err
    made |= faults.made.keys()
    assert made == {call for call, _ in BOOTSTRAP}, "a call that is not tried here"
    stacks = cloud.cfn.describe_stacks()["Stacks"]
    assert {stack["StackStatus"] for stack in stacks} == {"CREATE_COMPLETE"}
    assert len(stacks) >= 5
    assert cloud.stack("kotei-connection")["EnableTerminationProtection"] is True
    assert len(cloud.client("codeconnections").list_connections()["Connections"]) == 1
    assert all("StackPolicyBody" in cloud.cfn.get_stack_policy(StackName=stack["StackName"]) for stack in stacks)


@pytest.mark.usefixtures("roles")
def test_apply_and_plan_survive_a_failure_of_each_of_their_calls(
    kotei: Callable[..., int], cloud: Any, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("--image-digest", DIGEST)
    made = exercise(faults, APPLY, lambda: kotei("apply", "staging", *given), capsys, lambda *_: False)

    def optional(place: Place, kind: str) -> bool:
        return kind == "AccessDenied" and place[0] in OPTIONAL

    made |= exercise(faults, PLAN, lambda: kotei("plan", "staging", *given), capsys, optional)
    faults.arm(None)
    assert kotei("apply", "staging", *given) == 0, capsys.readouterr().err
    assert {stack["StackStatus"] for stack in cloud.cfn.describe_stacks()["Stacks"]} == {"CREATE_COMPLETE"}
    balancer = cloud.client("elbv2").describe_load_balancers()["LoadBalancers"][0]
    held = {one["AllocationId"] for one in cloud.client("ec2").describe_addresses()["Addresses"]}
    assert {one["AllocationId"] for zone in balancer["AvailabilityZones"] for one in zone["LoadBalancerAddresses"]} == held
    assert len(held) == 2
    tried = {call for call, _ in (*APPLY, *PLAN, *BOOTSTRAP)}
    assert made | faults.made.keys() <= tried, "a call that is not tried here"


def test_a_stack_that_fails_midway_says_why_first_and_the_next_bootstrap_completes(
    kotei: Callable[..., int], cloud: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    iam = cloud.client("iam")
    name = deployroles.role_of_pipeline(project.load(paths.ROOT), "pipeline")
    iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": []}))
    assert kotei("bootstrap", "--yes") == 1
    said = capsys.readouterr().err
    reason = next(line for line in said.splitlines() if line.startswith("stack kotei-pipeline: PipelineRole (AWS::IAM::Role): "))
    assert "already exists" in reason
    assert "It is ROLLBACK_COMPLETE now" in reason
    assert "then: kotei bootstrap" in said
    buckets = [one["Name"] for one in cloud.client("s3").list_buckets()["Buckets"]]
    assert len(buckets) == 1
    iam.delete_role(RoleName=name)
    assert kotei("bootstrap", "--dry-run") == 0
    assert "create again, after deleting what failed (ROLLBACK_COMPLETE)" in capsys.readouterr().out
    assert kotei("bootstrap", "--yes") == 0, capsys.readouterr().err
    assert {stack["StackStatus"] for stack in cloud.cfn.describe_stacks()["Stacks"]} == {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    # What the failed creation left is used, not made once more.
    assert [one["Name"] for one in cloud.client("s3").list_buckets()["Buckets"]] == buckets
    assert len(cloud.client("kms").list_keys()["Keys"]) == 1


@pytest.mark.usefixtures("roles")
def test_a_first_deployment_that_failed_gets_out_by_name(
    kotei: Callable[..., int], cloud: Any, rollout: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]
) -> None:
    rollout("*", "FAILED")
    given = ("--image-digest", DIGEST)
    assert kotei("apply", "staging", *given) == 1
    assert "stack kotei-staging-service: Service (AWS::ECS::Service): " in capsys.readouterr().err
    assert kotei("apply", "staging", *given) == 1
    said = capsys.readouterr().err
    assert "stack kotei-staging-service is ROLLBACK_COMPLETE: its first creation failed: Service" in said
    assert "AWS keeps TaskDefinition" in said
    assert "kotei apply staging --unstick" in said
    assert kotei("apply", "staging", "--unstick", "--dry-run") == 0
    assert cloud.stack("kotei-staging-service")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert kotei("apply", "staging", "--unstick", "--yes", "staging") == 0, capsys.readouterr().err
    rollout("*", "COMPLETED")
    assert kotei("apply", "staging", *given) == 0, capsys.readouterr().err
    assert kotei("apply", "staging", "--unstick") == 0
    assert "no stack is stuck" in capsys.readouterr().out


@pytest.mark.usefixtures("roles")
def test_a_change_set_that_replaces_what_the_plan_did_not_list_stops_before_anything_changes(
    kotei: Callable[..., int], cloud: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipeline import apply_change_set  # noqa: PLC0415 - only this test changes it

    assert kotei("apply", "staging", "--image-digest", DIGEST) == 0, capsys.readouterr().err
    before = cloud.ids("kotei-staging-network")
    real = apply_change_set.load

    def changed(files: Any) -> Any:
        """As if CloudFormation saw something that the plan did not."""
        found = real(files)
        if files.name != "network":
            return found
        document = json.loads(json.dumps(found.document))
        document["Resources"]["Vpc"]["Properties"]["CidrBlock"] = "10.99.0.0/16"
        return apply_change_set.Template(body=json.dumps(document), document=document, tags=found.tags, policy=found.policy)

    monkeypatch.setattr(apply_change_set, "load", changed)
    capsys.readouterr()
    assert kotei("apply", "staging") == 1
    said = capsys.readouterr().err
    assert "stopped before anything changed: CloudFormation's change set replaces Vpc (AWS::EC2::VPC)" in said
    assert cloud.ids("kotei-staging-network") == before
    assert [
        one for one in cloud.cfn.list_change_sets(StackName="kotei-staging-network")["Summaries"] if one["ExecutionStatus"] == "AVAILABLE"
    ] == []
