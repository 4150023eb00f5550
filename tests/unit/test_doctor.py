"""Checks of the doctor against recorded answers: what is well, what is not, and what may not be looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.aws import Aws
from pipeline.doctor import account, deployed, network, run, shared
from pipeline.doctor.model import Finding, Place, Shared, Told, broken, unknown
from pipeline.doctor.model import ok as well
from stacks.project import Project, load

NO_STACK = "Stack with id demo-test-x does not exist"


@pytest.fixture
def project(valid: Callable[[], Any], checkout: Callable[[Any], Path]) -> Project:
    return load(checkout(valid()))


@pytest.fixture
def place(aws: Aws, project: Project, tmp_path: Path) -> Place:
    env = project.environments[0]
    return Place(root=tmp_path, env=env, aws=aws, registry=aws, repository="demo/proxy", beside=(env,))


@pytest.fixture
def whole(aws: Aws, project: Project, tmp_path: Path) -> Shared:
    return Shared(root=tmp_path, project=project, aws=aws)


def stack(**outputs: str) -> dict[str, Any]:
    found = [{"OutputKey": key, "OutputValue": value} for key, value in outputs.items()]
    return {"Stacks": [{"StackName": "x", "StackStatus": "CREATE_COMPLETE", "CreationTime": datetime.now(UTC), "Outputs": found}]}


def quota(value: float) -> dict[str, Any]:
    return {"Quota": {"Value": value}}


def held(number: int) -> dict[str, Any]:
    return {"Addresses": [{"PublicIp": f"192.0.2.{one}", "AllocationId": f"eipalloc-{one}"} for one in range(number)]}


@pytest.mark.parametrize(("used", "allowed", "state"), [(2, 5, "ok"), (4, 5, "broken"), (5, 7, "ok")])
def test_addresses_that_are_still_to_come_count(answers: Callable[..., None], place: Place, used: int, allowed: float, state: str) -> None:
    answers("ec2", "describe_addresses", held(used))
    answers("cloudformation", "describe_stacks", stack())
    answers("service-quotas", "get_service_quota", quota(allowed), {"ServiceCode": "ec2", "QuotaCode": "L-0263D0A3"})
    (told,) = account.addresses(place)
    assert told.state == state
    assert f"{used} of {allowed} Elastic IP addresses used, 2 more are planned" in told.text
    assert ("request-service-quota-increase" in told.mend) is (state == "broken")


def test_addresses_that_are_there_are_not_counted_twice(answers: Callable[..., None], place: Place) -> None:
    answers("ec2", "describe_addresses", held(5))
    answers("cloudformation", "describe_stacks", stack(PublicIpA="192.0.2.1", PublicIpC="192.0.2.2", AddressA="x", AddressC="y"))
    answers("service-quotas", "get_service_quota", quota(5))
    (told,) = account.addresses(place)
    assert (told.state, told.text) == ("warning", "5 of 5 Elastic IP addresses used")


@pytest.mark.parametrize(("allowed", "state"), [(4, "ok"), (3, "warning"), (1, "ok"), (0.5, "broken")])
def test_processors_are_counted_as_a_deployment_needs_them(answers: Callable[..., None], place: Place, allowed: float, state: str) -> None:
    """The sample has 2 to 4 tasks of a quarter."""
    answers("service-quotas", "get_service_quota", quota(allowed))
    (told,) = account.processors(place)
    expected = {4: "ok", 3: "ok", 1: "warning", 0.5: "broken"}[allowed]
    assert told.state == expected, state


@pytest.mark.parametrize("code", ["NoSuchEntity", None])
def test_a_role_that_is_missing_has_the_command_that_makes_it(answers: Callable[..., None], place: Place, code: str | None) -> None:
    there = {
        "Role": {
            "Path": "/",
            "RoleName": "x",
            "RoleId": "A" * 16,
            "Arn": "arn:aws:iam::111122223333:role/x",
            "CreateDate": datetime.now(UTC),
        }
    }
    for _ in account.LINKED:
        answers("iam", "get_role", code or there)
    told = list(account.linked_roles(place))
    assert {one.state for one in told} == {"broken" if code else "ok"}
    assert any("aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com" in one.mend for one in told) is bool(code)


def blocked(mode: str) -> dict[str, Any]:
    return {"VpcBlockPublicAccessOptions": {"InternetGatewayBlockMode": mode}}


@pytest.mark.parametrize(
    ("exclusion", "state"),
    [
        (None, "broken"),
        (("allow-bidirectional", "vpc-1"), "ok"),
        (("allow-egress", "vpc-1"), "broken"),
        (("allow-bidirectional", "vpc-2"), "broken"),
    ],
)
def test_a_lock_on_the_internet_needs_an_exclusion_of_this_network(
    answers: Callable[..., None], place: Place, exclusion: tuple[str, str] | None, state: str
) -> None:
    answers("ec2", "describe_vpc_block_public_access_options", blocked("block-bidirectional"))
    answers("cloudformation", "describe_stacks", stack(VpcId="vpc-1"))
    found = [
        {"InternetGatewayExclusionMode": mode, "ResourceArn": f"arn:aws:ec2:x:1:vpc/{vpc}", "State": "create-complete"}
        for mode, vpc in ([exclusion] if exclusion else [])
    ]
    answers("ec2", "describe_vpc_block_public_access_exclusions", {"VpcBlockPublicAccessExclusions": found})
    (told,) = network.public_access(place)
    assert told.state == state


def certificate(*, days: int, names: list[str], eligible: bool = True) -> dict[str, Any]:
    return {
        "Certificate": {
            "DomainName": names[0],
            "SubjectAlternativeNames": names,
            "Status": "ISSUED",
            "NotAfter": datetime.now(UTC) + timedelta(days=days),
            "RenewalEligibility": "ELIGIBLE" if eligible else "INELIGIBLE",
        }
    }


ALL = ["api.example.com", "partner.example.com", "stream.example.com"]


@pytest.mark.parametrize(
    ("days", "names", "states"),
    [
        (90, ["*.example.com"], ["ok", "ok"]),
        (20, ALL, ["warning", "ok"]),
        (3, ALL, ["broken", "ok"]),
        (90, ALL[:2], ["ok", "broken"]),
        (90, ["*.com"], ["ok", "broken"]),
    ],
)
def test_a_certificate_is_valid_long_enough_and_for_every_site(
    answers: Callable[..., None], place: Place, days: int, names: list[str], states: list[str]
) -> None:
    answers("acm", "describe_certificate", certificate(days=days, names=names))
    assert [one.state for one in network.certificate(place)] == states


def test_names_lead_to_the_addresses(answers: Callable[..., None], place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        answers("cloudformation", "describe_stacks", stack(AddressA="eipalloc-0", AddressC="eipalloc-1"))
    answers("ec2", "describe_addresses", held(2))
    both = {"192.0.2.0", "192.0.2.1"}
    known = {"api.example.com": both, "partner.example.com": {"192.0.2.0"}, "stream.example.com": both | {"192.0.2.9"}}
    monkeypatch.setattr(network, "_resolved", lambda _hosts: known)
    assert [one.state for one in network.names(place)] == ["ok", "warning", "broken"]


@pytest.mark.parametrize(("tags", "state"), [(["abc"], "ok"), ([], "broken")])
def test_an_image_without_a_tag_will_be_gone(answers: Callable[..., None], place: Place, tags: list[str], state: str) -> None:
    running = stack()
    running["Stacks"][0]["Parameters"] = [{"ParameterKey": "ImageDigest", "ParameterValue": "sha256:" + "0" * 64}]
    answers("cloudformation", "describe_stacks", running)
    answers("ecr", "describe_images", {"imageDetails": [{"imageTags": tags}]})
    (told,) = deployed.image(place)
    assert told.state == state


def test_an_alarm_is_broken_and_one_without_data_is_not_well(answers: Callable[..., None], place: Place) -> None:
    states = {"demo-test-monitoring-A": "ALARM", "demo-test-service-B": "INSUFFICIENT_DATA", "demo-test-2-service-C": "ALARM"}
    found = [{"AlarmName": name, "StateValue": state, "StateReason": "why"} for name, state in states.items()]
    answers("cloudwatch", "describe_alarms", {"MetricAlarms": found}, {"AlarmNamePrefix": "demo-test-"})
    assert [(one.state, one.text) for one in deployed.alarms(place)] == [
        ("broken", "alarm demo-test-monitoring-A: why"),
        ("warning", "1 of 2 alarms have no data: demo-test-service-B"),
        ("ok", "2 alarms looked at"),
    ]


@pytest.mark.parametrize(("state", "told"), [("AVAILABLE", "ok"), ("PENDING", "broken")])
def test_a_connection_that_waits_starts_nothing(answers: Callable[..., None], whole: Shared, state: str, told: str) -> None:
    answers("cloudformation", "describe_stacks", stack(ConnectionArn="arn:aws:codeconnections:x:1:connection/1"))
    answers("codeconnections", "get_connection", {"Connection": {"ConnectionStatus": state}})
    assert [one.state for one in shared.connection(whole)] == [told]


@pytest.mark.parametrize(("off", "state"), [(0, "ok"), (90, "warning"), (400, "broken")])
def test_a_clock_that_is_off_is_told(answers: Callable[..., None], whole: Shared, off: int, state: str) -> None:
    there = (datetime.now(UTC) + timedelta(seconds=off)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    answers("sts", "get_caller_identity", {"ResponseMetadata": {"HTTPHeaders": {"date": there}}})
    assert [one.state for one in shared.clock(whole)] == [state]


@pytest.mark.parametrize(
    ("code", "words"),
    [("AccessDeniedException", "denied"), ("UnauthorizedOperation", "denied"), ("ThrottlingException", "ThrottlingException")],
)
def test_what_may_not_be_looked_at_is_said_and_is_no_traceback(answers: Callable[..., None], place: Place, code: str, words: str) -> None:
    answers("ec2", "describe_addresses", code)
    (found,) = run._safely("test", "quota", lambda: account.addresses(place))
    assert (found.state, found.about, found.check) == ("unknown", "test", "quota")
    assert found.text.startswith(f"could not look: {words}")
    assert "ec2.describe_addresses" in found.text


def test_the_table_shows_what_is_not_well_the_worst_first() -> None:
    def finding(told: Told) -> Finding:
        return Finding(about="test", check="x", **vars(told))

    found = [finding(well("all is well")), finding(unknown("not known")), finding(broken("it is gone", "make it"))]
    assert run.worst(found) == "broken"
    assert run.worst([]) == "ok"
    assert run.text(found) == "test: 1 of 3 checks are well\n  broken   x: it is gone\n           mend: make it\n  unknown  x: not known\n"
    command = "aws x " + "--option value " * 10
    assert f"mend: {command}\n" in run.text([finding(broken("it is gone", command))])
    assert max(map(len, run.text([replace(found[2], text="word " * 60)]).splitlines())) <= 80
