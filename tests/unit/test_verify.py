"""What a deployment has to show before it counts as done, against answers that botocore's own models accept."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline import protect, verify, verify_alarms, verify_balancer
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from pipeline.paths import ROOT
from stacks import project as projects
from stacks.environment import Environment
from stacks.project import Project

BALANCER = "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:loadbalancer/net/demo/0123456789abcdef"
GROUPS = {
    name: f"arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:targetgroup/{name}/0123456789abcdef" for name in ("blue", "green")
}
ZONES = {"10.0.0.1": "ap-northeast-1a", "10.0.1.1": "ap-northeast-1c"}
ADDRESSES = {"203.0.113.1": "eipalloc-a", "203.0.113.2": "eipalloc-c"}
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
EXECUTION = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture(scope="module")
def project() -> Project:
    return projects.load(ROOT)


@pytest.fixture
def env(project: Project) -> Environment:
    return project.environments[0]


def stack(name: str, **outputs: str) -> dict[str, Any]:
    listed = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    return {"Stacks": [{"StackName": name, "CreationTime": NOON, "StackStatus": "UPDATE_COMPLETE", "Outputs": listed}]}


Look = Callable[..., list[str]]


@pytest.fixture
def look(aws: Aws, answers: Callable[..., None], env: Environment) -> Look:
    """What is wrong with the load balancer, which is right but for what a test says."""

    def wrong(
        held: tuple[str, ...] = tuple(ADDRESSES), protected: str = "true", forwards: dict[str, int] | None = None, **health: dict[str, str]
    ) -> list[str]:
        answers("cloudformation", "describe_stacks", stack("kotei-staging-loadbalancer", LoadBalancerFullName="net/demo/0123456789abcdef"))
        zones = [{"ZoneName": zone, "LoadBalancerAddresses": [{"IpAddress": ip}]} for zone, ip in zip("ac", held, strict=False)]
        answers("elbv2", "describe_load_balancers", {"LoadBalancers": [{"AvailabilityZones": zones}]}, {"LoadBalancerArns": [BALANCER]})
        answers("cloudformation", "describe_stacks", stack("kotei-staging-addresses", AddressA="eipalloc-a", AddressC="eipalloc-c"))
        found = [{"PublicIp": ip, "AllocationId": allocation} for ip, allocation in ADDRESSES.items()]
        answers("ec2", "describe_addresses", {"Addresses": found}, {"AllocationIds": ["eipalloc-a", "eipalloc-c"]})
        attributes = {"Attributes": [{"Key": "deletion_protection.enabled", "Value": protected}]}
        answers("elbv2", "describe_load_balancer_attributes", attributes, {"LoadBalancerArn": BALANCER})
        weights = [{"TargetGroupArn": GROUPS[name], "Weight": weight} for name, weight in (forwards or {"blue": 1}).items()]
        listener = {"Port": 443, "DefaultActions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}]}
        answers("elbv2", "describe_listeners", {"Listeners": [listener]}, {"LoadBalancerArn": BALANCER})
        for name in sorted(name for name, weight in (forwards or {"blue": 1}).items() if weight):
            states = health.get(name, dict.fromkeys(ZONES, "healthy"))
            targets = [{"Target": {"Id": ip}, "TargetHealth": {"State": state}} for ip, state in states.items()]
            answers("elbv2", "describe_target_health", {"TargetHealthDescriptions": targets}, {"TargetGroupArn": GROUPS[name]})
        return list(verify_balancer.wrong(aws, env, ZONES))

    return wrong


def test_nothing_is_wrong_with_what_is_right(look: Look) -> None:
    assert look() == []


def test_the_load_balancer_is_on_the_fixed_addresses_and_on_no_other(look: Look) -> None:
    assert look(held=("203.0.113.1", "198.51.100.1")) == [
        "the load balancer is not on 203.0.113.2 (ap-northeast-1c)",
        "the load balancer is on 198.51.100.1, which is no address of this environment",
    ]


def test_the_load_balancer_is_protected(look: Look) -> None:
    assert look(protected="false") == ["the load balancer can be deleted (deletion_protection.enabled)"]


def test_every_zone_has_a_healthy_target(look: Look) -> None:
    assert look(blue={"10.0.0.1": "healthy", "10.0.1.1": "unhealthy"}) == ["zone ap-northeast-1c has no healthy target for port 443"]


def test_the_target_group_counts_that_the_listener_forwards_to(look: Look) -> None:
    """After a canary or blue/green deployment the other one serves."""
    assert look(forwards={"blue": 0, "green": 100}, green={"10.0.0.1": "healthy"}) == [
        "zone ap-northeast-1c has no healthy target for port 443"
    ]


def alarm(name: str, at: datetime) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "StateValue": "ALARM",
        "StateReason": "5 % are 5xx",
        "StateUpdatedTimestamp": at,
        "StateTransitionedTimestamp": at,
    }


@pytest.mark.parametrize(
    ("since", "said"),
    [
        (None, ["alarm old is on: 5 % are 5xx", "alarm new is on: 5 % are 5xx"]),
        (NOON, ["alarm new is on: 5 % are 5xx"]),
    ],
)
def test_an_alarm_from_before_may_be_what_the_deployment_cures(
    aws: Aws, answers: Callable[..., None], env: Environment, since: datetime | None, said: list[str]
) -> None:
    for name, resources in (("service", ["old"]), ("monitoring", ["new", "quiet"])):
        listed = [{"LogicalResourceId": one, "PhysicalResourceId": one, "ResourceType": "AWS::CloudWatch::Alarm"} for one in resources]
        listed.append({"LogicalResourceId": "Topic", "PhysicalResourceId": "arn:topic", "ResourceType": "AWS::SNS::Topic"})
        summaries = [{**one, "LastUpdatedTimestamp": NOON, "ResourceStatus": "CREATE_COMPLETE"} for one in listed]
        asked = {"StackName": f"kotei-staging-{name}"}
        answers("cloudformation", "list_stack_resources", {"StackResourceSummaries": summaries}, asked)
    on = [alarm("old", NOON - timedelta(minutes=1)), alarm("new", NOON + timedelta(minutes=1))]
    quiet = {**alarm("quiet", NOON + timedelta(minutes=1)), "StateValue": "OK"}
    answers("cloudwatch", "describe_alarms", {"MetricAlarms": [*on, quiet]}, {"AlarmNames": ["old", "new", "quiet"]})
    assert verify_alarms.loud(aws, env, since) == said


def test_the_deployment_began_with_the_first_action_of_its_stage(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    env = project.environments[0]
    times = [("Staging-Deploy", 5), ("Staging-Deploy", 3), ("Staging-Plan", 1)]
    actions = [{"stageName": stage, "startTime": NOON + timedelta(minutes=minutes)} for stage, minutes in times]
    asked = {"pipelineName": "kotei", "filter": {"pipelineExecutionId": EXECUTION}}
    answers("codepipeline", "list_action_executions", {"actionExecutionDetails": actions}, asked)
    assert verify.started(aws, project, env, EXECUTION) == NOON + timedelta(minutes=3)


@pytest.fixture
def minutes(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time that passes while somebody sleeps; the minutes at which alarms were looked at."""
    now = [0.0]
    looked: list[float] = []
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))

    def loud(*_: object) -> list[str]:
        looked.append(now[0] / 60)
        return ["alarm X is on: why"] if now[0] / 60 > 12 else []

    monkeypatch.setattr(verify_alarms, "loud", loud)
    return looked


def test_alarms_are_watched_to_the_end(aws: Aws, env: Environment, minutes: list[float]) -> None:
    verify.bake(aws, env, 10, since=None)
    assert minutes[0] < 1
    assert minutes[-1] == 10
    with pytest.raises(PipelineError, match="staging did not stay quiet for 15 minutes: alarm X is on: why"):
        verify.bake(aws, env, 15, since=None)


@pytest.mark.parametrize(("code", "goes_on"), [("AccessDenied", True), ("Throttling", False)])
def test_what_the_role_may_not_ask_is_said_and_does_not_undo_a_deployment(
    aws: Aws, answers: Callable[..., None], env: Environment, monkeypatch: pytest.MonkeyPatch, code: str, *, goes_on: bool
) -> None:
    digest = "sha256:" + "1" * 64
    said: list[str] = []
    service = stack("kotei-staging-service", ClusterName="c", ServiceName="s")
    answers("cloudformation", "describe_stacks", service)
    answers("ecs", "list_tasks", {"taskArns": ["task"]})
    answers("ecs", "describe_tasks", {"tasks": [{"taskDefinitionArn": "definition"}]})
    answers("ecs", "describe_services", {"services": [{"deployments": [{"status": "PRIMARY", "rolloutState": "COMPLETED"}]}]})
    definition = {"containerDefinitions": [{"name": "proxy", "image": f"repository@{digest}"}]}
    answers("ecs", "describe_task_definition", {"taskDefinition": definition})
    monkeypatch.setattr(protect, "unprotected", lambda *_: [])
    answers("cloudformation", "describe_stacks", stack("kotei-staging-loadbalancer", LoadBalancerFullName="net/demo/0123456789abcdef"))
    answers("elbv2", "describe_load_balancers", code)
    if goes_on:
        monkeypatch.setattr(verify_alarms, "loud", lambda *_: ["alarm X is on: why"])
        assert list(verify.wrong(aws, env, digest, since=None, say=said.append)) == ["alarm X is on: why"]
        assert len(said) == 1
        assert said[0].startswith("not verified, for want of a permission: ")
    else:
        with pytest.raises(PipelineError, match=code):
            list(verify.wrong(aws, env, digest, since=None, say=said.append))
