"""A request through each fixed address of an environment, from outside, as its clients send one.

Nobody but its clients can connect, so the load balancer's security group is opened for this computer's own address alone, for as long
as the requests take.
"""

from __future__ import annotations

import http.client
import json
import signal
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import AddressValueError, IPv4Address
from typing import Any

from pipeline import addresses, live
from pipeline.aws import Aws, RefusedError
from pipeline.errors import PipelineError
from stacks.config_verify import Probe
from stacks.environment import Environment
from stacks.ports import LISTENER_PORT

# How the description of a rule begins that a probe has made; whatever looks for changes by hand leaves such a rule out.
RULE_PREFIX = "kotei probe"
# It says for people when a rule has been forgotten; a probe takes less.
MINUTES = 10
# A rule works a moment after EC2 has taken it.
SECONDS = 60
PAUSE_SECONDS = 2
ANSWER_SECONDS = 10
# It answers with the address that asks; AWS runs it for everybody.
OWN_ADDRESS = "https://checkip.amazonaws.com/"


@dataclass(frozen=True, kw_only=True)
class Outside:
    """How this computer gets to the addresses: as `own`, and where AWS is an emulated one, from and to what stands for them."""

    own: str
    source: str = ""
    authority: str | None = None
    stand_ins: Mapping[str, Sequence[Any]] = field(default_factory=dict)


def ask(aws: Aws, env: Environment, probe: Probe, *, run: str) -> list[str]:
    """What each address answered; an error that names every address that answered otherwise."""
    fixed = [one for one in addresses.read(aws, env) if one.serving]
    outside = _outside(aws, [one.address for one in fixed])
    with opened(aws, _group(aws, env), outside.own, run=run):
        said = {f"{one.address} ({one.zone})": _problem(outside, probe, one.address) for one in fixed}
    wrong = [f"{address}: {problem}" for address, problem in said.items() if problem]
    if wrong:
        raise PipelineError(f"{env.name} does not answer https://{probe.host}{probe.path} with {probe.expect_status}: " + "; ".join(wrong))
    return [f"{address} answers https://{probe.host}{probe.path} with {probe.expect_status}" for address in said]


@contextmanager
def opened(aws: Aws, group: str, own: str, *, run: str) -> Iterator[None]:
    """The group lets `own` in, and no longer when this ends, however it ends. What a killed probe has left goes first."""
    for left in _rules(aws, group):
        _close(aws, group, left["CidrIpv4"].removesuffix("/32"), left["FromPort"])
    end = datetime.now(UTC) + timedelta(minutes=MINUTES)
    description = f"{RULE_PREFIX}: {run or 'by hand'}, until {end:%Y-%m-%dT%H:%MZ}"
    mine = True
    with _signals():
        try:
            try:
                aws.call("ec2", "authorize_security_group_ingress", GroupId=group, IpPermissions=[_permission(own, description)])
            except RefusedError as refused:
                if refused.code != "InvalidPermission.Duplicate":
                    raise
                # A client's own entry, which stays.
                mine = False
            yield
        finally:
            # Not looked up: EC2 may not show yet what it took a moment ago.
            if mine:
                _close(aws, group, own, LISTENER_PORT)


def _rules(aws: Aws, group: str) -> list[dict[str, Any]]:
    """Only what a probe has opened."""
    found = aws.pages("ec2", "describe_security_group_rules", "SecurityGroupRules", Filters=[{"Name": "group-id", "Values": [group]}])
    return [rule for rule in found if not rule["IsEgress"] and rule.get("Description", "").startswith(RULE_PREFIX)]


def _close(aws: Aws, group: str, address: str, port: int) -> None:
    permission = {"IpProtocol": "tcp", "FromPort": port, "ToPort": port, "IpRanges": [{"CidrIp": f"{address}/32"}]}
    try:
        aws.call("ec2", "revoke_security_group_ingress", GroupId=group, IpPermissions=[permission])
    except RefusedError as refused:
        if refused.code != "InvalidPermission.NotFound":
            raise PipelineError(f"security group {group} still lets {address} in, and it must not: {refused}") from refused


def _permission(own: str, description: str) -> dict[str, Any]:
    network = {"CidrIp": f"{own}/32", "Description": description}
    return {"IpProtocol": "tcp", "FromPort": LISTENER_PORT, "ToPort": LISTENER_PORT, "IpRanges": [network]}


@contextmanager
def _signals() -> Iterator[None]:
    """CodeBuild ends a build with SIGTERM: by default that ends Python where it stands, without its `finally`."""

    def end(number: int, _frame: object) -> None:
        # A second one must not keep the first from closing what is open.
        signal.signal(number, signal.SIG_IGN)
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _group(aws: Aws, env: Environment) -> str:
    name = env.stack_name("security")
    stack = live.describe(aws, name)
    if stack is None:
        raise PipelineError(f"{env.name}: stack {name} does not exist; deploy first: git push")
    return live.outputs(stack)["LoadBalancerSecurityGroup"]


def _outside(aws: Aws, fixed: list[str]) -> Outside:
    endpoint = aws.target.endpoint
    if endpoint is None:
        return Outside(own=_own(lambda: _read(OWN_ADDRESS)))
    # An emulated AWS knows what stands for addresses on the computer that it runs on.
    told = json.loads(_read(f"{endpoint.rstrip('/')}/_kotei/outside", json.dumps({"addresses": fixed}).encode()))
    return Outside(own=_own(lambda: told["own"]), source=told["source"], authority=told["authority"], stand_ins=told["stand_ins"])


def _own(read: Callable[[], str]) -> str:
    try:
        return str(IPv4Address(read().strip()))
    except AddressValueError as error:
        raise PipelineError(f"{OWN_ADDRESS} did not say which address this computer has: {error}") from error


def _read(url: str, body: bytes | None = None) -> str:
    try:
        with urllib.request.urlopen(url, data=body, timeout=ANSWER_SECONDS) as answer:  # noqa: S310 - https, or the endpoint that was set
            text: str = answer.read().decode()
    except OSError as error:
        raise PipelineError(f"{url} does not answer, so it is not known from which address to probe: {error}") from error
    return text


def _problem(outside: Outside, probe: Probe, address: str) -> str:
    """What is wrong with the answer; whoever does not answer is asked again for a while."""
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            status = _status(outside, probe, address)
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() > deadline:
                return f"{type(error).__name__}: {error}"
            time.sleep(PAUSE_SECONDS)
        else:
            return "" if status == probe.expect_status else f"the answer is {status}"


def _status(outside: Outside, probe: Probe, address: str) -> int:
    host, port = outside.stand_ins.get(address, (address, LISTENER_PORT))
    connection = _Connection(host, port, probe.host, outside)
    with closing(connection):
        connection.request("GET", probe.path, headers={"Host": probe.host, "User-Agent": RULE_PREFIX})
        return connection.getresponse().status


class _Connection(http.client.HTTPSConnection):
    """To an address, with the host's name in the handshake and in its certificate."""

    def __init__(self, host: str, port: int, name: str, outside: Outside) -> None:
        context = ssl.create_default_context(cafile=outside.authority)
        source = (outside.source, 0) if outside.source else None
        super().__init__(host, port, timeout=ANSWER_SECONDS, source_address=source, context=context)
        self.name, self.context = name, context

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.name)
