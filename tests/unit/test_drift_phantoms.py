"""Differences that AWS itself makes are left out, each with its reason, and nothing beside them is."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.drift.phantoms import PHANTOMS, SPELLING, Context, explained
from pipeline.probe import RULE_PREFIX as PROBE

GROUP, LISTENER, SERVICE = "AWS::EC2::SecurityGroup", "AWS::ElasticLoadBalancingV2::Listener", "AWS::ECS::Service"
BLUE, GREEN, FOREIGN = "arn:blue", "arn:green", "arn:foreign"
CLIENT = {"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "CidrIp": "203.0.113.0/28"}
INTRUDER = {**CLIENT, "CidrIp": "0.0.0.0/0"}
BUILDER = {**CLIENT, "CidrIp": "192.0.2.7/32", "Description": f"{PROBE} 4711"}
TO = [{"Type": "forward", "TargetGroupArn": BLUE}]


def weights(**some: int) -> list[dict[str, Any]]:
    arns = {"blue": BLUE, "green": GREEN, "foreign": FOREIGN}
    groups = [{"TargetGroupArn": arns[name], "Weight": weight} for name, weight in some.items()]
    return [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]


SHIFTS = Context(type=LISTENER, target_groups=frozenset((BLUE, GREEN)), shifts=True)
NONE_OF_OURS = [
    (Context(type=GROUP), "Tags", [{"Key": "Name", "Value": "a"}], [{"Key": "aws:x", "Value": "y"}, {"Key": "Name", "Value": "a"}]),
    (Context(type=GROUP), "SecurityGroupIngress", [CLIENT], [BUILDER, CLIENT]),
    (Context(type=GROUP, rules=({**INTRUDER, "GroupId": "sg-1"},)), "SecurityGroupIngress", [CLIENT], [CLIENT, INTRUDER]),
    (Context(type=LISTENER), "DefaultActions", TO, weights(blue=1)),
    (SHIFTS, "DefaultActions", TO, weights(blue=90, green=10)),
    (SHIFTS, "DefaultActions", TO, weights(green=100)),
    (Context(type=SERVICE, scaled=True), "DesiredCount", 2, 5),
    (Context(type="AWS::ECS::TaskDefinition"), "ContainerDefinitions", [{"Name": "a", "StopTimeout": 60}], [{"Name": "a"}]),
    (Context(type=SERVICE), "DeploymentController", {"Type": "ECS"}, None),
    (Context(type="AWS::S3::Bucket"), "AccessControl", "Private", None),
    (Context(type=SERVICE), "PlacementConstraints", [], None),
    (Context(type=SERVICE), "LoadBalancers", [{"ContainerPort": 8080}], [{"ContainerPort": 8080, "LoadBalancerName": ""}]),
    (Context(type=SERVICE), "CapacityProviderStrategy", [{"CapacityProvider": "FARGATE"}], [{"CapacityProvider": "FARGATE", "Base": 0}]),
]


@pytest.mark.parametrize(("context", "name", "expected", "actual"), NONE_OF_OURS)
def test_what_aws_does_itself_is_no_drift(context: Context, name: str, expected: Any, actual: Any) -> None:
    left, reasons = explained(context, name, expected, actual)
    assert left == expected
    assert len(reasons) == 1
    assert reasons[0] != SPELLING


def test_every_phantom_is_shown_once() -> None:
    shown = {explained(*case)[1][0] for case in NONE_OF_OURS}
    assert shown == {phantom.reason for phantom in PHANTOMS}


@pytest.mark.parametrize(
    ("context", "name", "expected", "actual"),
    [
        (Context(type=GROUP), "SecurityGroupIngress", [CLIENT], [CLIENT, INTRUDER]),
        # A whole network under the words of the verification.
        (Context(type=GROUP), "SecurityGroupIngress", [CLIENT], [CLIENT, {**INTRUDER, "Description": f"{PROBE} 4711"}]),
        (Context(type=GROUP), "SecurityGroupIngress", [CLIENT], []),
        # The rule of another resource explains no rule that the template has itself.
        (Context(type=GROUP, rules=(CLIENT,)), "SecurityGroupIngress", [CLIENT], []),
        (Context(type=LISTENER, target_groups=frozenset((BLUE, GREEN))), "DefaultActions", TO, weights(green=100)),
        (SHIFTS, "DefaultActions", TO, weights(blue=90, foreign=10)),
        (SHIFTS, "DefaultActions", TO, [{"Type": "fixed-response"}]),
        (SHIFTS, "Port", 443, 444),
        (Context(type=SERVICE), "DesiredCount", 2, 5),
        (Context(type=SERVICE, scaled=True), "HealthCheckGracePeriodSeconds", 60, 5),
        (
            Context(type=SERVICE),
            "CapacityProviderStrategy",
            [{"CapacityProvider": "FARGATE"}],
            [{"CapacityProvider": "FARGATE", "Base": 1}],
        ),
    ],
)
def test_what_somebody_did_is_drift(context: Context, name: str, expected: Any, actual: Any) -> None:
    assert explained(context, name, expected, actual) == (actual, ())


def test_what_somebody_did_beside_aws_is_left() -> None:
    left, reasons = explained(Context(type=GROUP), "SecurityGroupIngress", [CLIENT], [BUILDER, CLIENT, INTRUDER])
    assert left == [CLIENT, INTRUDER]
    assert [PROBE in reason for reason in reasons] == [True]


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (["b", "a"], ["a", "b"]),
        ([CLIENT, INTRUDER], [INTRUDER, CLIENT]),
        (443, "443"),
        (60.0, 60),
        (True, "true"),
        ({"Version": "2012-10-17"}, '{"Version": "2012-10-17"}'),
        ({"Action": ["s3:GetObject"]}, {"Action": "s3:GetObject"}),
    ],
)
def test_order_and_spelling_are_no_drift(expected: Any, actual: Any) -> None:
    assert explained(Context(type="AWS::IAM::Role"), "Anything", expected, actual) == (expected, (SPELLING,))
