"""From nothing to a system that serves, and what the command line says about it."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from pipeline.local import translate
from tests.support.system import System

pytestmark = pytest.mark.local


def test_up_ends_with_the_addresses_a_request_that_works_and_how_to_approve(system: System) -> None:
    said = system.first.stdout.splitlines()
    addresses = system.addresses()
    assert f"staging: {' '.join(addresses)}" in said
    assert "production waits for a person: kotei approve production   (or: kotei reject production)" in said
    curl = next(line.strip() for line in said if line.strip().startswith("curl ") and "staging" in line)
    answer = system.command("sh", "-c", f"{curl} --silent --show-error --write-out '%{{http_code}}'").stdout
    assert answer.endswith("}\n200")
    assert '"origin":"origin.example.net"' in answer


def test_a_second_up_changes_nothing(system: System) -> None:
    system.deployed()
    before = (
        system.addresses(),
        system.runs(),
        system.stack("kotei-staging-service"),
        system.image(),
        system.client("ecs").list_tasks(cluster="kotei-staging")["taskArns"],
    )
    again = system.run("local", "up")
    assert f"staging: {' '.join(system.addresses())}" in again.stdout.splitlines()
    assert "pushing" not in again.stderr
    assert before == (
        system.addresses(),
        system.runs(),
        system.stack("kotei-staging-service"),
        system.image(),
        system.client("ecs").list_tasks(cluster="kotei-staging")["taskArns"],
    )
    assert system.serves(zone=0)
    assert system.serves(zone=1)


def test_the_aws_command_line_tells_what_is_served(system: System) -> None:
    system.deployed()
    lines = system.run("local", "env").stdout.splitlines()
    variables = dict(line.removeprefix("export ").split("=", 1) for line in lines)

    def aws(*arguments: str) -> Any:
        exported = [f"{name}={value}" for name, value in variables.items()]
        return json.loads(system.command("env", *exported, str(system.clone / ".venv/bin/aws"), *arguments, "--output", "json").stdout)

    states = aws("codepipeline", "get-pipeline-state", "--name", "kotei")["stageStates"]
    stages = {stage["stageName"]: stage["latestExecution"]["status"] for stage in states if "latestExecution" in stage}
    assert {stages[name] for name in ("Source", "Check", "Image", "Staging-Plan", "Staging-Deploy")} == {"Succeeded"}
    assert stages["Production-Approve"] == ("InProgress" if system.question() else "Succeeded")

    stacks = aws("cloudformation", "describe-stacks")["Stacks"]
    staging = {stack["StackName"]: stack for stack in stacks if stack["StackName"].startswith("kotei-staging-")}
    outputs = {output["OutputKey"]: output["OutputValue"] for stack in staging.values() for output in stack.get("Outputs", ())}
    given = {one["ParameterKey"]: one["ParameterValue"] for one in staging["kotei-staging-service"]["Parameters"]}

    addresses = {one["AllocationId"]: one["PublicIp"] for one in aws("ec2", "describe-addresses")["Addresses"] if "AssociationId" in one}
    for zone in ("A", "C"):
        assert addresses[outputs[f"Address{zone}"]] == outputs[f"PublicIp{zone}"]
        assert system.serves(address=outputs[f"PublicIp{zone}"])

    service = aws("ecs", "describe-services", "--cluster", outputs["ClusterName"], "--services", outputs["ServiceName"])["services"][0]
    arns = aws("ecs", "list-tasks", "--cluster", outputs["ClusterName"], "--service-name", outputs["ServiceName"])["taskArns"]
    tasks = aws("ecs", "describe-tasks", "--cluster", outputs["ClusterName"], "--tasks", *arns)["tasks"]
    assert service["runningCount"] == len(tasks) == service["desiredCount"] == 2
    assert [deployment["rolloutState"] for deployment in service["deployments"]] == ["COMPLETED"]
    assert {container["imageDigest"] for task in tasks for container in task["containers"]} == {given["ImageDigest"]}

    health = aws("elbv2", "describe-target-health", "--target-group-arn", outputs["TargetGroupArn"])["TargetHealthDescriptions"]
    own = {container["networkInterfaces"][0]["privateIpv4Address"] for task in tasks for container in task["containers"]}
    assert {target["Target"]["Id"]: target["TargetHealth"]["State"] for target in health} == dict.fromkeys(own, "healthy")
    for address in own:
        with socket.create_connection((translate.address(address), 8080), timeout=10):
            pass
