"""A probe opens the load balancer's group for one address and closes it again, whatever happens."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from pipeline import probe
from pipeline.aws import Aws
from pipeline.errors import PipelineError
from pipeline.paths import ROOT
from stacks import project as projects
from stacks import security, verification
from stacks.config_verify import Probe, Verify
from stacks.environment import Environment

GROUP, OWN = "sg-0123456789abcdef0", "198.51.100.7"
FILTERS = [{"Name": "group-id", "Values": [GROUP]}]


def permission(cidr: str, description: str | None = None) -> dict[str, Any]:
    network = {"CidrIp": cidr, **({"Description": description} if description else {})}
    return {"GroupId": GROUP, "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [network]}]}


def rule(cidr: str, description: str, *, egress: bool = False) -> dict[str, Any]:
    return {"GroupId": GROUP, "IsEgress": egress, "FromPort": 443, "ToPort": 443, "CidrIpv4": cidr, "Description": description}


@pytest.fixture
def group(answers: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """EC2, with these rules in the group at first; what it is asked is checked. The stub answers in order only."""
    monkeypatch.setattr(probe, "datetime", _Noon)

    def prepared(*rules: dict[str, Any], opens: str = "", closes: bool = True, leftovers: tuple[str, ...] = ()) -> None:
        answers("ec2", "describe_security_group_rules", {"SecurityGroupRules": list(rules)}, {"Filters": FILTERS})
        for cidr in leftovers:
            answers("ec2", "revoke_security_group_ingress", {}, permission(cidr))
        description = "kotei probe: run-1, until 2030-01-01T12:10Z"
        answers("ec2", "authorize_security_group_ingress", opens or {}, permission(f"{OWN}/32", description))
        if closes:
            answers("ec2", "revoke_security_group_ingress", {}, permission(f"{OWN}/32"))

    return prepared


class _Noon(datetime):
    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return cls(2030, 1, 1, 12, tzinfo=tz)


def test_the_group_is_open_for_one_address_as_long_as_it_takes(aws: Aws, group: Callable[..., None]) -> None:
    group(rule("203.0.113.0/28", "Example Bank"), rule("0.0.0.0/0", "kotei probe", egress=True))
    with probe.opened(aws, GROUP, OWN, run="run-1"):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_build_that_is_stopped_closes_it(aws: Aws, group: Callable[..., None], number: int) -> None:
    group()
    before = signal.getsignal(number)

    def probed() -> None:
        with probe.opened(aws, GROUP, OWN, run="run-1"):
            os.kill(os.getpid(), number)
            signal.pause()

    with pytest.raises(SystemExit) as ended:
        probed()
    assert ended.value.code == 128 + number
    assert signal.getsignal(number) == before


def test_what_a_killed_probe_has_left_goes_first(aws: Aws, group: Callable[..., None]) -> None:
    left = rule("198.51.100.8/32", "kotei probe: 01234567, until 2029-12-31T12:00Z")
    group(left, rule("203.0.113.9/32", "kotei's probes of old"), leftovers=("198.51.100.8/32",))
    with probe.opened(aws, GROUP, OWN, run="run-1"):
        pass


def test_a_clients_own_entry_stays(aws: Aws, group: Callable[..., None]) -> None:
    group(opens="InvalidPermission.Duplicate", closes=False)
    with probe.opened(aws, GROUP, OWN, run="run-1"):
        pass


def test_what_cannot_be_closed_is_said(aws: Aws, group: Callable[..., None], answers: Callable[..., None]) -> None:
    group(closes=False)
    answers("ec2", "revoke_security_group_ingress", "UnauthorizedOperation")
    with (
        pytest.raises(PipelineError, match=f"security group {GROUP} still lets {OWN} in, and it must not: .*UnauthorizedOperation"),
        probe.opened(aws, GROUP, OWN, run="run-1"),
    ):
        pass


def test_its_description_is_one_that_ec2_takes() -> None:
    text = f"{probe.RULE_PREFIX}: 01234567-89ab-cdef-0123-456789abcdef, until 2030-01-01T12:10Z"
    assert security.description(text) == text


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(PipelineError, match=r"https://checkip.amazonaws.com/ did not say which address this computer has"):
        probe._own(lambda: "<html>")


def test_it_asks_a_host_that_there_is(judge: Callable[[dict[str, Any]], list[str]]) -> None:
    asked = {"verify": {"probe": {"host": "other.example.com"}}}
    (problem,) = judge(asked)
    assert problem.startswith("verify.probe.host: 'other.example.com' is no host of [[sites]]; they are ")


def test_only_who_is_probed_gives_the_right_to_open() -> None:
    def actions(env: Environment) -> set[str]:
        return {str(action.JSONrepr()) for one in verification.permissions([env]) for action in one.properties["Action"]}

    env = projects.load(ROOT).environments[0]
    probed = env.model_copy(update={"verify": Verify(probe=Probe(host=env.sites[0].host))})
    assert actions(probed) - actions(env) == {
        "ec2:AuthorizeSecurityGroupIngress",
        "ec2:DescribeSecurityGroupRules",
        "ec2:RevokeSecurityGroupIngress",
    }
