"""bootstrap, apply, import and destroy, stopped after each of their writes: the next run goes on, nothing is lost and nothing doubled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline.aws import Aws

pytestmark = pytest.mark.local

DIGEST = "sha256:" + "a" * 64
READS = ("describe_", "get_", "list_")
# More than any of the commands needs: each run gets one write further than the one before it.
RUNS = 20


class Killed(BaseException):
    """As kill -9: nobody catches it, so nobody tidies up."""


class Writes:
    """Stops the command after its nth write. AWS has done it, and nobody hears so."""

    def __init__(self) -> None:
        self.arm(0, Killed)

    def arm(self, left: int, how: type[BaseException]) -> None:
        self.left, self.how = left, how

    def about_to(self) -> None:
        """Who is killed calls nobody any more, whatever its `finally` says."""
        if self.left <= 0 and self.how is Killed:
            raise Killed

    def made(self, operation: str) -> None:
        if operation.startswith(READS):
            return
        self.left -= 1
        if self.left == 0:
            raise self.how


class Client:
    def __init__(self, client: Any, writes: Writes) -> None:
        self.client, self.writes = client, writes

    def __getattr__(self, operation: str) -> Any:
        def call(**parameters: Any) -> Any:
            self.writes.about_to()
            answer = getattr(self.client, operation)(**parameters)
            self.writes.made(operation)
            return answer

        return call

    def can_paginate(self, operation: str) -> Any:
        return self.client.can_paginate(operation)

    def get_paginator(self, operation: str) -> Any:
        return self.client.get_paginator(operation)


@pytest.fixture
def until_done(
    kotei: Callable[..., int], cloud: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., None]:
    writes = Writes()

    def client(aws: Aws, service: str) -> Client:
        return Client(cloud.world.client(service, account=aws.account, region=aws.region), writes)

    monkeypatch.setattr(Aws, "_client", client)

    def run(*arguments: str) -> None:
        """Every other time by Ctrl-C, which says how to go on."""
        for number in range(1, RUNS):
            writes.arm(number, KeyboardInterrupt if number % 2 else Killed)
            capsys.readouterr()
            try:
                code = kotei(*arguments)
            except Killed:
                continue
            said = capsys.readouterr().err
            if code == 0:
                assert number > 1, "it wrote nothing"
                return
            assert code == 130, said
            assert "Run the same command again" in said
        pytest.fail(f"{arguments} does not end in {RUNS} runs")

    return run


def left_over(cloud: Any) -> list[str]:
    """Change sets that wait, and what a template needs on its way."""
    stacks = [stack["StackName"] for stack in cloud.cfn.describe_stacks()["Stacks"]]
    sets = [one for name in stacks for one in cloud.cfn.list_change_sets(StackName=name)["Summaries"]]
    waiting = [f"{one['StackName']}: {one['ChangeSetName']}" for one in sets if one["ExecutionStatus"] == "AVAILABLE"]
    return [*waiting, *(one["Name"] for one in cloud.client("s3").list_buckets()["Buckets"] if "templates" in one["Name"])]


def addresses(cloud: Any) -> set[str]:
    return {one["AllocationId"] for one in cloud.client("ec2").describe_addresses()["Addresses"]}


def test_a_bootstrap_that_is_stopped_everywhere_ends_as_one_that_is_not(
    until_done: Callable[..., None], cloud: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that every template is too long for a call.
    for module in ("pipeline.template_upload", "pipeline.apply_change_set"):
        monkeypatch.setattr(f"{module}.BODY_LIMIT", 100)
    until_done("bootstrap", "--yes")
    stacks = cloud.cfn.describe_stacks()["Stacks"]
    assert {stack["StackStatus"] for stack in stacks} == {"CREATE_COMPLETE"}
    assert all("StackPolicyBody" in cloud.cfn.get_stack_policy(StackName=stack["StackName"]) for stack in stacks)
    assert {stack["StackName"] for stack in stacks if stack["EnableTerminationProtection"]} == {"kotei-connection", "kotei-registry"}
    assert len(cloud.client("codeconnections").list_connections()["Connections"]) == 1
    assert left_over(cloud) == []


@pytest.mark.usefixtures("roles")
def test_an_environment_that_is_stopped_everywhere_keeps_its_addresses(until_done: Callable[..., None], cloud: Any) -> None:
    until_done("apply", "staging", "--image-digest", DIGEST)
    first = addresses(cloud)
    assert len(first) == 2
    assert left_over(cloud) == []
    until_done("destroy", "staging", "--yes", "staging")
    assert [one["StackName"] for one in cloud.cfn.describe_stacks()["Stacks"]] == ["kotei-roles"]
    assert addresses(cloud) == first
    until_done("apply", "staging", "--import", "--yes", "staging")
    until_done("apply", "staging", "--image-digest", DIGEST)
    assert addresses(cloud) == first
    assert {stack["StackStatus"] for stack in cloud.cfn.describe_stacks()["Stacks"]} <= {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
    assert left_over(cloud) == []
