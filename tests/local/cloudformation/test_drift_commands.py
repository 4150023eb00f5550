"""`kotei drift` against the emulated AWS: what somebody changed behind CloudFormation's back, and the three answers to it."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import textwrap
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline import paths
from pipeline.commands import drift as commands

pytestmark = pytest.mark.local

CLIENT = "203.0.113.99/32"
EMERGENCY = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": CLIENT, "Description": "incident 7"}]}
Kotei = Callable[..., int]


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """What went to stdout since the last time."""
    return lambda: capsys.readouterr().out


@pytest.fixture
def staging(standing: tuple[Any, Kotei], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Each test leaves it as it was deployed."""
    cloud, _ = standing
    # What the tests around take out of the environment before each.
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.world.endpoint)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    capsys.readouterr()
    return cloud


@pytest.fixture
def kotei(standing: tuple[Any, Kotei]) -> Kotei:
    return standing[1]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what Git has, to be changed."""
    root = tmp_path / "checkout"
    for folder in (paths.RENDERED, paths.NGINX_RENDERED, Path("policy"), Path("stacks/environments")):
        shutil.copytree(paths.ROOT / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(commands, "ROOT", root)
    return root


def group(cloud: Any) -> str:
    found: str = cloud.ids("kotei-staging-security")["LoadBalancerGroup"]
    return found


def clients(cloud: Any) -> set[str]:
    found = cloud.client("ec2").describe_security_groups(GroupIds=[group(cloud)])["SecurityGroups"][0]["IpPermissions"]
    return {one["CidrIp"] for permission in found for one in permission["IpRanges"]}


def let_in(cloud: Any) -> None:
    cloud.client("ec2").authorize_security_group_ingress(GroupId=group(cloud), IpPermissions=[EMERGENCY])


def found(kotei: Kotei, said: Callable[[], str], owner: str = "staging") -> dict[str, Any]:
    said()
    kotei("drift", owner, "--json")
    answer: dict[str, Any] = json.loads(said())
    return answer


def test_nothing_has_drifted_right_after_a_deployment(staging: Any, kotei: Kotei, said: Callable[[], str]) -> None:
    """Whatever the engine reads back wrongly shows here."""
    assert kotei("drift", "shared", "staging", "--all") == 0
    text = said()
    assert "no drift:" not in text
    assert "drift of shared: none in " in text
    assert {staging.stack(name)["DriftInformation"]["StackDriftStatus"] for name in ("kotei-pipeline", "kotei-staging-service")} == {
        "IN_SYNC"
    }


def test_a_group_a_listener_and_a_service_in_three_ways_and_back_again(staging: Any, kotei: Kotei, said: Callable[[], str]) -> None:
    assert kotei("drift", "staging", "--exit-code") == 0
    assert "none in" in said()
    before = clients(staging)
    let_in(staging)
    network, balancer = staging.outputs("kotei-staging-network"), staging.ids("kotei-staging-loadbalancer")
    other = staging.client("elbv2").create_target_group(Name="mine", Protocol="TCP", Port=80, TargetType="ip", VpcId=network["VpcId"])
    sent = [{"Type": "forward", "TargetGroupArn": other["TargetGroups"][0]["TargetGroupArn"]}]
    staging.client("elbv2").modify_listener(ListenerArn=balancer["Listener"], DefaultActions=sent)
    staging.client("ecs").update_service(cluster="kotei-staging", service="proxy", healthCheckGracePeriodSeconds=5)
    assert kotei("drift", "staging", "--exit-code") == 4
    text = said()
    assert f"{CLIENT} gains api.staging.example.com, stream.staging.example.com (port 443) [access-gained]" in text
    assert f"live only      tcp 443, {CLIENT} (incident 7)" in text
    assert "the target group mine, which this listener was not deployed with [sent-elsewhere]" in text
    assert re.search(r"HealthCheckGracePeriodSeconds\n +live +5\n +deployed +60\n +Git +says what was deployed\n", text)
    drifts = {one["place"]: one for one in found(kotei, said)["drifts"]}
    assert set(drifts) == {"security/LoadBalancerGroup", "loadbalancer/Listener", "service/Service"}
    assert drifts["security/LoadBalancerGroup"]["verdict"] == "risky"
    assert drifts["loadbalancer/Listener"]["properties"][0]["deployed"] == [{"Type": "forward", "TargetGroupArn": {"Ref": "TargetGroup"}}]
    assert kotei("drift", "revert", "staging", "--dry-run") == 0
    assert clients(staging) == before | {CLIENT}
    assert [
        one
        for name in balancer
        for one in staging.cfn.list_change_sets(StackName="kotei-staging-security")["Summaries"]
        if one["ExecutionStatus"] == "AVAILABLE"
    ] == []
    assert kotei("drift", "revert", "staging") == 0
    assert clients(staging) == before
    assert kotei("drift", "staging", "--exit-code") == 0
    listener = staging.client("elbv2").describe_listeners(ListenerArns=[balancer["Listener"]])["Listeners"][0]
    assert listener["DefaultActions"][0]["TargetGroupArn"] == balancer["TargetGroup"]
    assert (
        staging.client("ecs").describe_services(cluster="kotei-staging", services=["proxy"])["services"][0]["healthCheckGracePeriodSeconds"]
        == 60
    )


def test_the_command_beside_a_rule_takes_back_that_rule(staging: Any, kotei: Kotei, said: Callable[[], str]) -> None:
    before = clients(staging)
    let_in(staging)
    staging.client("ec2").revoke_security_group_ingress(
        GroupId=group(staging),
        IpPermissions=[
            {
                "IpProtocol": "tcp",
                "FromPort": 443,
                "ToPort": 443,
                "IpRanges": [{"CidrIp": "192.0.2.0/24", "Description": "Example Testing Ltd, load test"}],
            }
        ],
    )
    kotei("drift", "staging")
    given = [shlex.split(line.partition("at once: ")[2]) for line in said().splitlines() if "at once: aws" in line]
    assert [words[2] for words in given] == ["revoke-security-group-ingress", "authorize-security-group-ingress"]
    for words in given:
        options = dict(zip(words[3::2], words[4::2], strict=True))
        call = getattr(staging.client("ec2"), words[2].replace("-", "_"))
        call(GroupId=options["--group-id"], IpPermissions=json.loads(options["--ip-permissions"]))
    assert clients(staging) == before
    assert kotei("drift", "staging", "--exit-code") == 0


def test_an_adopted_client_is_deployed_and_no_drift_any_more(staging: Any, kotei: Kotei, said: Callable[[], str], checkout: Path) -> None:
    let_in(staging)
    assert kotei("drift", "adopt", "staging", "LoadBalancerGroup") == 0
    (entry,) = tomllib.loads(said())["access"]["allow"]
    assert entry == {"cidr": CLIENT, "note": "incident 7"}
    # As `kotei render` writes it from that entry.
    file = checkout / paths.RENDERED / "staging/security.yaml"
    rule = f"- CidrIp: {entry['cidr']}\n  Description: {entry['note']}\n  FromPort: 443\n  IpProtocol: tcp\n  ToPort: 443\n"
    text = file.read_text()
    file.write_text(text.replace("      SecurityGroupIngress:\n", f"      SecurityGroupIngress:\n{textwrap.indent(rule, ' ' * 6)}", 1))
    (drift,) = found(kotei, said)["drifts"]
    assert [one["stands"] for one in drift["properties"]] == ["as live"]
    kotei("drift", "staging")
    assert "says what is live: the next deployment makes it so" in said()
    given = [{"ParameterKey": "VpcId", "UsePreviousValue": True}]
    staging.cfn.update_stack(StackName="kotei-staging-security", TemplateBody=file.read_text(), Parameters=given)
    assert staging.settled("kotei-staging-security")["StackStatus"] == "UPDATE_COMPLETE", staging.reasons("kotei-staging-security")
    assert kotei("drift", "staging", "--exit-code") == 0
    assert CLIENT in clients(staging)
    staging.cfn.update_stack(StackName="kotei-staging-security", TemplateBody=text, Parameters=given)
    assert staging.settled("kotei-staging-security")["StackStatus"] == "UPDATE_COMPLETE"


@pytest.mark.usefixtures("checkout")
def test_an_accepted_drift_is_quiet_until_it_drifts_further(
    staging: Any, kotei: Kotei, said: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    let_in(staging)
    words = ("--owner", "platform team", "--reason", 'incident "7"', "--expires")
    assert kotei("drift", "accept", "staging", "LoadBalancerGroup", *words, "2020-01-31") == 2
    assert kotei("drift", "accept", "staging", "LoadBalancerGroup", *words, "2999-01-31") == 0
    said()
    assert kotei("drift", "staging", "--exit-code") == 0
    assert 'accepted by platform team until 2999-01-31: incident "7"' in said()
    assert kotei("drift", "revert", "staging") == 1
    assert "nothing has drifted that nobody has accepted" in capsys.readouterr().err
    wider = {**EMERGENCY, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    staging.client("ec2").authorize_security_group_ingress(GroupId=group(staging), IpPermissions=[wider])
    assert kotei("drift", "staging", "--exit-code") == 4
    text = said()
    assert "EVERYBODY on the Internet (0.0.0.0/0) gains" in text
    assert "it has changed again since; remove it from policy/exceptions.toml" in text
    assert kotei("drift", "revert", "staging") == 0


def test_a_revert_takes_a_whole_stack_back_or_nothing(staging: Any, kotei: Kotei, capsys: pytest.CaptureFixture[str]) -> None:
    staging.client("ecs").update_service(cluster="kotei-staging", service="proxy", healthCheckGracePeriodSeconds=5)
    staging.client("logs").put_retention_policy(logGroupName="/kotei/staging/proxy", retentionInDays=1)
    assert kotei("drift", "revert", "staging", "Service") == 1
    assert "service/Logs would go with it" in capsys.readouterr().err
    assert kotei("drift", "revert", "staging", "Service", "Logs") == 0


def test_a_revert_never_touches_an_address(staging: Any, kotei: Kotei, capsys: pytest.CaptureFixture[str]) -> None:
    address = staging.client("ec2").describe_addresses()["Addresses"][0]
    staging.client("ec2").create_tags(Resources=[address["AllocationId"]], Tags=[{"Key": "Name", "Value": "other"}])
    assert kotei("drift", "staging", "--exit-code") == 4
    assert kotei("drift", "revert", "staging") == 5
    assert "touches a fixed address" in capsys.readouterr().err
    left = staging.cfn.list_change_sets(StackName="kotei-staging-addresses")["Summaries"]
    assert [one for one in left if one["ExecutionStatus"] == "AVAILABLE"] == []
    was = {tag["Key"]: tag["Value"] for tag in address["Tags"]}
    staging.client("ec2").create_tags(Resources=[address["AllocationId"]], Tags=[{"Key": "Name", "Value": was["Name"]}])


def test_where_a_person_decides_a_revert_waits_for_the_fingerprint(staging: Any, kotei: Kotei, capsys: pytest.CaptureFixture[str]) -> None:
    staging.client("kms").disable_key_rotation(KeyId=staging.ids("kotei-pipeline")["ArtifactKey"])
    assert kotei("drift", "revert", "shared") == 1
    script = capsys.readouterr().err.partition("in a script, having looked at it: kotei ")[2].split()
    assert script[:3] == ["drift", "revert", "shared"]
    assert kotei(*script[:-1], "f" * 64) == 1
    assert kotei(*script) == 0
    assert staging.client("kms").get_key_rotation_status(KeyId=staging.ids("kotei-pipeline")["ArtifactKey"])["KeyRotationEnabled"] is True


def test_what_is_gone_is_made_again(staging: Any, kotei: Kotei, said: Callable[[], str]) -> None:
    staging.client("cloudwatch").delete_alarms(AlarmNames=[staging.ids("kotei-staging-service")["DeploymentServerErrors"]])
    assert kotei("drift", "staging", "--exit-code") == 4
    assert "DeploymentServerErrors is gone from AWS" in said()
    assert kotei("drift", "revert", "staging", "service/DeploymentServerErrors") == 0
    assert kotei("drift", "staging", "--exit-code") == 0
    names = {one["AlarmName"] for one in staging.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    assert staging.ids("kotei-staging-service")["DeploymentServerErrors"] in names


def test_a_topic_hears_of_drift_and_of_nothing_else(staging: Any, kotei: Kotei) -> None:
    topic = staging.client("sns").create_topic(Name="t")["TopicArn"]
    queue = staging.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    arn = staging.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    staging.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    assert kotei("drift", "--every", "--notify", topic, "--exit-code") == 0
    assert staging.client("sqs").receive_message(QueueUrl=queue).get("Messages", []) == []
    let_in(staging)
    assert kotei("drift", "--every", "--notify", topic, "--exit-code") == 4
    (message,) = staging.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    body = json.loads(message["Body"])
    assert body["Subject"].startswith("drift of staging: 1 of ")
    assert f"{CLIENT} gains" in body["Message"]
    assert "drift of shared" not in body["Message"]
    assert kotei("drift", "revert", "staging") == 0
