"""`kotei drift` against the emulated AWS: what somebody changed behind CloudFormation's back, and the three answers to it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
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
    told = [staging.stack(name)["DriftInformation"] for name in ("kotei-pipeline", "kotei-staging-service")]
    assert {one["StackDriftStatus"] for one in told} == {"IN_SYNC"}
    assert all(one["LastCheckTimestamp"] for one in told)


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
    text = said()
    assert "DeploymentServerErrors is gone from AWS" in text
    assert "no adopt  Service in its stack cannot be without it" in text
    assert kotei("drift", "adopt", "staging", "DeploymentServerErrors") == 1
    assert kotei("drift", "revert", "staging", "--dry-run") == 0
    assert {one["ExecutionStatus"] for one in staging.cfn.list_change_sets(StackName="kotei-staging-service")["Summaries"]} <= {
        "EXECUTE_COMPLETE",
        "OBSOLETE",
    }
    assert kotei("drift", "staging", "--exit-code") == 4
    assert kotei("drift", "revert", "staging", "service/DeploymentServerErrors") == 0
    assert kotei("drift", "staging", "--exit-code") == 0
    names = {one["AlarmName"] for one in staging.client("cloudwatch").describe_alarms()["MetricAlarms"]}
    assert staging.ids("kotei-staging-service")["DeploymentServerErrors"] in names


def test_what_no_template_has_is_told_with_what_takes_it_away(staging: Any, kotei: Kotei, said: Callable[[], str]) -> None:
    """CloudFormation detects none of it."""
    elb, stack = staging.client("elbv2"), "kotei-staging-addresses"
    balancer = staging.ids("kotei-staging-loadbalancer")
    sent = [{"Type": "forward", "TargetGroupArn": balancer["TargetGroup"]}]
    elb.create_listener(LoadBalancerArn=balancer["LoadBalancer"], Protocol="TCP", Port=8443, DefaultActions=sent)
    elb.register_targets(TargetGroupArn=balancer["TargetGroup"], Targets=[{"Id": "10.20.0.99", "Port": 80}])
    staging.cfn.update_termination_protection(StackName=stack, EnableTerminationProtection=False)
    anything = {"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}
    staging.cfn.set_stack_policy(StackName=stack, StackPolicyBody=json.dumps(anything))
    assert kotei("drift", "staging", "--exit-code") == 4
    text = said()
    assert "port 8443 of the fixed addresses answers, by a listener that no template has [listener-beside]" in text
    assert "clients are sent to 10.20.0.99:80, which is no task of this service [target-beside]" in text
    assert f"stack {stack} can be deleted [stack-protection]" in text
    assert f"the stack policy of {stack} is not the one that Git has" in text
    places = {one["place"] for one in found(kotei, said)["drifts"]}
    assert places == {
        "loadbalancer/LoadBalancer:8443",
        "loadbalancer/TargetGroup:10.20.0.99:80",
        "addresses/Stack:protection",
        "addresses/Stack:policy",
    }
    assert text.count("no revert CloudFormation knows nothing of it") == text.count("no adopt  no template can take over") == len(places)
    assert kotei("drift", "revert", "staging") == 1
    commands = [line.partition("by hand  ")[2] for line in text.splitlines() if "by hand  " in line]
    assert len(commands) == len(places)
    aws = Path(sys.executable).with_name("aws")
    given = {**os.environ, "AWS_ACCESS_KEY_ID": "111122223333", "AWS_SECRET_ACCESS_KEY": "none", "AWS_PAGER": ""}
    for command in commands:
        subprocess.run([aws, *shlex.split(command)[1:]], env=given, check=True, capture_output=True)
    assert kotei("drift", "staging", "--exit-code") == 0


def test_a_stack_that_somebody_deleted_is_told(staging: Any, kotei: Kotei, said: Callable[[], str]) -> None:
    staging.delete("kotei-staging-monitoring")
    assert kotei("drift", "staging", "--exit-code") == 4
    assert re.search(r"^stack kotei-staging-monitoring was deleted on \d{4}-\d\d-\d\d at", said(), re.MULTILINE)
    assert list(found(kotei, said)["missing"]) == ["monitoring"]
    assert kotei("apply", "staging", "--import") == 0
    assert kotei("apply", "staging") == 0
    assert kotei("drift", "staging", "--exit-code") == 0


def test_a_stack_that_cannot_be_compared_is_told_and_the_rest_is_known(staging: Any, kotei: Kotei, said: Callable[[], str]) -> None:
    bad = {"Resources": {"Taken": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/kotei/staging/proxy"}}}}
    assert staging.create("kotei-production-monitoring", bad)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert kotei("drift", "--every", "--exit-code", "--json") == 4
    shared, other, production = json.loads(said())
    assert (shared["summary"], other["unchecked"]) == (f"drift of shared: none in {shared['checked']} resources", {})
    assert "ROLLBACK_COMPLETE" in production["unchecked"]["monitoring"]
    assert "kotei apply production --unstick" in production["unchecked"]["monitoring"]
    staging.delete("kotei-production-monitoring")


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
