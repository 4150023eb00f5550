"""One environment that uses everything, deployed from its rendered templates: real bytes through every door, to every kind of origin."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pipeline import nginx_config, paths, render
from pipeline.local import prerequisites, translate
from pipeline.local.cloudformation import template
from stacks import boundary, project
from stacks.config_origins import OriginSettings
from stacks.config_ports import Port
from stacks.config_sites import PathRule, Site
from stacks.environment import Environment

pytestmark = pytest.mark.local

CLIENT, STRANGER = "127.0.113.5", "127.0.113.99"
HOST = "api.staging.example.com"
SECRET = "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:proxy/files-AbCdEf"
STACKS = ("network", "addresses", "security", "loadbalancer", "service", "monitoring")


def everything(whole: project.Project) -> Environment:
    staging = next(env for env in whole.environments if env.name == "staging")
    site = Site(
        host=HOST,
        origin="https://origin.example.net",
        paths=(
            PathRule(path="/files/", origin="https://files.example.net:8443"),
            PathRule(path="/calls.Service/", origin="https://calls.example.net"),
        ),
    )
    origins = (
        OriginSettings(url="https://origin.example.net", protocol="http/2"),
        OriginSettings(url="https://calls.example.net", protocol="grpc"),
        OriginSettings(
            url="https://files.example.net:8443", ca="partner.pem", tls_name="files.internal.example", client_certificate=SECRET
        ),
    )
    ports = (
        Port(port=22, origin="shell.example.net:22", idle_timeout=600),
        Port(port=8883, names={"mqtt.example.com": "queue.example.net:8883", "mail.example.com": "mail.example.net:993"}),
    )
    balancing = staging.loadbalancer.model_copy(update={"preserve_client_ip": False, "proxy_protocol": True})
    return staging.model_copy(update={"sites": (site,), "origins": origins, "ports": ports, "loadbalancer": balancing})


class Doors:
    """What is deployed, and connections to its first fixed address."""

    def __init__(self, town: Any, until: Callable[..., Any]) -> None:
        self.town, self.until = town, until
        self.whole = project.load(paths.ROOT)
        self.env = everything(self.whole)
        self.known: dict[str, str] = {}
        # A shared stack has it.
        bounds = boundary.policy(self.env)
        document = bounds.properties["PolicyDocument"].to_json()
        town.client("iam").create_policy(PolicyName=bounds.properties["ManagedPolicyName"], PolicyDocument=document)

    def image(self) -> None:
        config = nginx_config.files(self.env)[f"{paths.NGINX_RENDERED}/staging/nginx.conf"]
        self.known["ImageDigest"] = self.town.image("all", config=config, more={"authorities/partner.pem": b"somebody else's"})

    def deploy(self, *stacks: str) -> None:
        files = render.files(self.whole.model_copy(update={"environments": (self.env,)}))
        cloudformation = self.town.client("cloudformation")
        for stack in stacks:
            name, text = self.env.stack_name(stack), files[f"{paths.RENDERED}/staging/{stack}.yaml"]
            wanted = template.parse(text).get("Parameters") or {}
            there = name in {one["StackName"] for one in cloudformation.describe_stacks()["Stacks"]}
            (cloudformation.update_stack if there else cloudformation.create_stack)(
                StackName=name,
                TemplateBody=text,
                Parameters=[{"ParameterKey": key, "ParameterValue": self.known[key]} for key in wanted],
                Capabilities=["CAPABILITY_NAMED_IAM"],
            )
            self.until(lambda name=name: not self.status(name).endswith("_IN_PROGRESS"), self.town.problems)
            assert self.status(name) == ("UPDATE_COMPLETE" if there else "CREATE_COMPLETE"), self.reasons(name)
            outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0].get("Outputs", ())
            self.known |= {one["OutputKey"]: one["OutputValue"] for one in outputs}

    def status(self, name: str) -> str:
        found: str = self.town.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        return found

    def reasons(self, name: str) -> list[str]:
        events = self.town.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
        return [f"{event['LogicalResourceId']}: {event['ResourceStatusReason']}" for event in events if "ResourceStatusReason" in event]

    @contextmanager
    def plain(self, port: int, source: str = CLIENT) -> Iterator[socket.socket]:
        where = (translate.address(self.known["PublicIpA"]), translate.port(port))
        with socket.create_connection(where, timeout=10, source_address=(source, 0)) as found:
            yield found

    @contextmanager
    def tls(self, port: int, name: str) -> Iterator[http.client.HTTPConnection]:
        context = ssl.create_default_context(cafile=str(self.town.world.home / "ca.pem"))
        with self.plain(port) as below, context.wrap_socket(below, server_hostname=name) as found:
            connection = http.client.HTTPConnection(name)
            connection.sock = found
            yield connection

    def get(self, path: str, *, port: int = 443, name: str = HOST, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
        with self.tls(port, name) as connection:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            answer.text = answer.read().decode()  # type: ignore[attr-defined]  # read while the connection is open
            return answer

    def ask(self, path: str, **where: Any) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.get(path, **where).text)  # type: ignore[attr-defined]  # as above
        return found

    def log(self) -> list[dict[str, Any]]:
        files = (self.town.world.home / "plane" / "tasks").glob("*/stdout.log")
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def test_an_environment_with_everything(empty_town: Any, until: Callable[..., Any]) -> None:
    doors = Doors(empty_town, until)
    prerequisites.provide(empty_town.world, (doors.env,))
    doors.image()
    empty_town.start()
    doors.deploy(*STACKS)
    sites(doors)
    further_ports(doors)
    told_of_the_client(doors, until)
    what_aws_answers(doors, until)
    a_port_goes_and_comes_back(doors)
    assert empty_town.problems() == ()


def sites(doors: Doors) -> None:
    plain = doors.ask("/somewhere")
    assert (plain["origin"], plain["protocol"], plain["client_certificate"]) == ("origin.example.net", "HTTP/2.0", "")
    assert plain["headers"]["x-forwarded-for"] == CLIENT, "by PROXY protocol: the connection is the load balancer's"
    known = doors.ask("/files/x")
    assert (known["origin"], known["uri"]) == ("files.internal.example", "/files/x")
    assert "CN=proxy/files" in known["client_certificate"]
    called = doors.get("/calls.Service/Do", headers={"Content-Type": "application/grpc", "TE": "trailers"})
    assert (called.status, called.headers["grpc-status"]) == (200, "12")
    assert called.headers["grpc-message"] == "calls.example.net:443/calls.Service/Do"


def further_ports(doors: Doors) -> None:
    with doors.plain(22) as connection:
        # It speaks first, and the header of PROXY protocol comes before all that the client says.
        assert connection.recv(100) == b"shell.example.net:22\n"
        connection.sendall(b"hello")
        assert connection.recv(100) == b"hello"
    reached = {name: doors.ask("/", port=8883, name=name) for name in ("mqtt.example.com", "mail.example.com")}
    assert {name: (found["origin"], found["reached"]) for name, found in reached.items()} == {
        "mqtt.example.com": ("mqtt.example.com", "queue.example.net:8883"),
        "mail.example.com": ("mail.example.com", "mail.example.net:993"),
    }
    with pytest.raises(OSError, match=r"EOF|reset"), doors.tls(8883, "other.example.com"):
        pass
    for port in (22, 8883):
        with doors.plain(port, source=STRANGER) as connection:
            assert connection.recv(1) == b"", "it is not among the allowed"


def told_of_the_client(doors: Doors, until: Callable[..., Any]) -> None:
    until(lambda: {22, 8883} <= {line.get("port") for line in doors.log()}, doors.log)
    assert {line["client"] for line in doors.log()} == {CLIENT}


def states(town: Any, group: str) -> list[str]:
    found = town.elb.describe_target_health(TargetGroupArn=group)["TargetHealthDescriptions"]
    return [one["TargetHealth"]["State"] for one in found]


def what_aws_answers(doors: Doors, until: Callable[..., Any]) -> None:
    town = doors.town
    service = town.ecs.describe_services(cluster=doors.known["ClusterName"], services=[doors.known["ServiceName"]])["services"][0]
    assert [one["containerPort"] for one in service["loadBalancers"]] == [8080, 20022, 8883]
    for one in service["loadBalancers"]:
        # On a busy computer a check may come late, and the next one in time.
        until(lambda group=one["targetGroupArn"]: states(town, group) == ["healthy", "healthy"])
    tasks = _tasks(doors)
    assert [[(one["name"], one["lastStatus"], one.get("exitCode")) for one in task["containers"]] for task in tasks] == [
        [("proxy", "RUNNING", None), ("secrets", "STOPPED", 0)]
    ] * 2
    queries = town.client("logs").describe_query_definitions()["queryDefinitions"]
    assert queries
    assert all(query["logGroupNames"] == ["/kotei/staging/proxy"] for query in queries)


def a_port_goes_and_comes_back(doors: Doors) -> None:
    """The order of the stacks: a port's target group is there before a task is in it, and gone before the tasks are."""
    both = doors.env
    before = {task["taskArn"] for task in _tasks(doors)}
    doors.env = both.model_copy(update={"ports": both.ports[1:]})
    doors.image()
    doors.deploy("security", "loadbalancer")
    assert len(doors.town.elb.describe_target_groups()["TargetGroups"]) == 2
    looked = doors.town.plane.seen
    doors.until(lambda: doors.town.plane.seen is not looked and len(doors.town.plane.seen.target_groups) == 2, doors.town.problems)
    looked = doors.town.plane.seen
    doors.until(lambda: doors.town.plane.seen is not looked, doors.town.problems)
    assert {(task["taskArn"], task["healthStatus"]) for task in _tasks(doors)} == {(arn, "HEALTHY") for arn in before}
    with serving_all_the_time(doors):
        doors.deploy("service", "monitoring")
    assert not before & {task["taskArn"] for task in _tasks(doors)}
    assert doors.ask("/", port=8883, name="mqtt.example.com")["reached"] == "queue.example.net:8883"
    with pytest.raises(ConnectionRefusedError), doors.plain(22):
        pass
    doors.env = both
    doors.image()
    doors.deploy("security", "loadbalancer", "service", "monitoring")
    with doors.plain(22) as connection:
        assert connection.recv(100) == b"shell.example.net:22\n"


@contextmanager
def serving_all_the_time(doors: Doors) -> Iterator[None]:
    seen: list[str] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            try:
                seen.append(str(doors.get("/").status))
            except (OSError, http.client.HTTPException) as error:
                seen.append(repr(error))

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
    assert set(seen) == {"200"}


def _tasks(doors: Doors) -> list[dict[str, Any]]:
    arns = doors.town.ecs.list_tasks(cluster=doors.known["ClusterName"], desiredStatus="RUNNING")["taskArns"]
    found: list[dict[str, Any]] = doors.town.ecs.describe_tasks(cluster=doors.known["ClusterName"], tasks=arns)["tasks"]
    return found
