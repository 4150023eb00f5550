"""Bytes through the emulated load balancer: who gets in, what the tasks and the origins see."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from pipeline import paths
from pipeline.local import translate

pytestmark = pytest.mark.local

CLIENT, STRANGER = "127.0.113.5", "127.0.113.99"
STRANGERS = "203.0.113.99/32"


def test_an_allowed_client_is_served_on_every_fixed_address(town: Any) -> None:
    assert [town.get(zone=zone) for zone in (0, 1)] == [(200, "v1"), (200, "v1")]
    endpoints = {(found.address, found.port) for found in town.plane.endpoints()}
    assert endpoints == {(address["PublicIp"], 8443) for address in town.ids["addresses"]}
    assert {found.hosts for found in town.plane.endpoints()} == {("api.example.com",)}


def test_a_client_outside_the_allowed_networks_is_refused_until_the_group_allows_it(town: Any, until: Callable[..., Any]) -> None:
    assert not town.reaches(source=STRANGER)
    assert town.reaches(source=CLIENT)
    town.allow(town.ids["balancer_group"], 443, cidr=STRANGERS)
    until(lambda: town.reaches(source=STRANGER), town.problems)
    town.forbid(town.ids["balancer_group"], 443, cidr=STRANGERS)
    until(lambda: not town.reaches(source=STRANGER), town.problems)
    assert town.reaches(source=CLIENT)


def test_tasks_take_nothing_that_their_own_group_does_not_admit(town: Any, until: Callable[..., Any]) -> None:
    town.forbid(town.ids["task_group"], 8080, source=town.ids["balancer_group"])
    until(lambda: not town.reaches(), town.problems)
    assert set(town.health().values()) == {"healthy"}, "the health port is another one"
    town.allow(town.ids["task_group"], 8080, cidr="203.0.113.4/30")
    until(lambda: town.reaches(source="127.0.113.5"), town.problems)
    assert not town.reaches(source="127.0.113.9"), "allowed by the load balancer's group, not by the tasks'"


def test_the_task_sees_the_client_when_its_address_is_preserved(town: Any, until: Callable[..., Any]) -> None:
    town.get("/preserved")
    assert _clients(town, "/preserved", until) == {CLIENT}
    town.attribute("preserve_client_ip.enabled", "false")
    nodes = _nodes(town)

    # While nginx changes its workers, both kinds take connections.
    until(lambda: not any("$remote_addr;" in (stand.applied or "") for stand in town.plane.standing.values()), town.problems)
    town.get("/hidden-now")
    assert _clients(town, "/hidden-now", until) <= nodes


def test_the_origin_is_asked_with_the_clients_address(town: Any) -> None:
    status, body = town.get('/some/path?x="1"'.replace('"', "%22"))
    answer = json.loads(body)
    assert status == 200
    assert (answer["origin"], answer["uri"], answer["method"]) == ("origin.example.net", "/some/path?x=%221%22", "GET")
    assert answer["headers"]["host"] == "origin.example.net"
    assert answer["headers"]["x-forwarded-for"] == CLIENT


def test_the_certificate_and_protocol_are_the_listeners(town: Any, until: Callable[..., Any]) -> None:
    connection = town.connect(alpn=("h2", "http/1.1"))
    connection.connect()
    names = {value for _, value in connection.sock.getpeercert()["subjectAltName"]}
    chosen = connection.sock.selected_alpn_protocol()
    connection.close()
    assert names == {"api.example.com", "partner.example.com"}
    assert chosen == "http/1.1", "HTTP2Optional prefers HTTP/1.1"
    town.elb.modify_listener(ListenerArn=town.ids["listener"], AlpnPolicy=["HTTP2Preferred"])

    def prefers_http2() -> bool:
        connection = town.connect(alpn=("h2", "http/1.1"))
        connection.connect()
        chosen = connection.sock.selected_alpn_protocol()
        connection.close()
        return bool(chosen == "h2")

    until(prefers_http2, town.problems)


def test_a_setting_that_is_not_emulated_is_named_and_the_old_one_goes_on(town: Any, until: Callable[..., Any]) -> None:
    action = [{"Type": "forward", "TargetGroupArn": town.ids["targets"]}]
    wanted = {"Protocol": "UDP", "Port": 53, "LoadBalancerArn": town.ids["balancer"], "DefaultActions": action}
    listener = town.elb.create_listener(**wanted)["Listeners"][0]["ListenerArn"]
    until(lambda: any("UDP" in problem for problem in town.problems()), town.problems)
    assert town.get() == (200, "v1")
    town.elb.delete_listener(ListenerArn=listener)
    until(lambda: not town.problems(), town.problems)


def test_connections_outlive_a_change_of_the_load_balancer(town: Any, until: Callable[..., Any]) -> None:
    connection = town.connect()
    connection.request("GET", "/version", headers={"Host": "api.example.com"})
    assert connection.getresponse().read() == b"v1"
    town.allow(town.ids["balancer_group"], 443, cidr=STRANGERS)
    until(lambda: town.reaches(source=STRANGER), town.problems)
    connection.request("GET", "/version", headers={"Host": "api.example.com"})
    assert connection.getresponse().read() == b"v1"
    connection.close()


def test_without_cross_zone_an_address_serves_from_its_own_zone_only(town: Any, until: Callable[..., Any]) -> None:
    until(lambda: {task["availabilityZone"][-1] for task in town.tasks()} == {"a", "c"}, town.tasks)
    for number in range(8):
        town.get(f"/zonal-{number}", zone=0)
    until(lambda: _zones(town, "/zonal-") == {"a"}, lambda: _zones(town, "/zonal-"))
    town.elb.modify_load_balancer_attributes(
        LoadBalancerArn=town.ids["balancer"], Attributes=[{"Key": "load_balancing.cross_zone.enabled", "Value": "true"}]
    )

    def crossed() -> bool:
        town.get("/crossed", zone=0)
        return _zones(town, "/crossed") == {"a", "c"}

    until(crossed, lambda: _zones(town, "/crossed"))


def test_the_rendered_configuration_of_staging_runs_as_it_is(empty_town: Any) -> None:
    rendered = (paths.ROOT / "docker" / "nginx" / "rendered" / "staging" / "nginx.conf").read_text(encoding="utf-8")
    empty_town.build()
    empty_town.serve(empty_town.definition(empty_town.image("real", config=rendered)))
    empty_town.start()
    empty_town.settled()
    hosts = {host for found in empty_town.plane.endpoints() for host in found.hosts}
    served = {host: empty_town.get("/somewhere", host=host) for host in hosts}
    assert served
    assert {status for status, _ in served.values()} == {200}
    assert all(json.loads(body)["uri"] == "/somewhere" for _, body in served.values())
    assert empty_town.get("/", host="scanner.example.org")[0] == 421


def test_nothing_needs_a_privileged_port_or_another_address_family(town: Any) -> None:
    config = next((town.world.home / "plane").glob("balancer-*/nginx.conf")).read_text()
    ports = {int(line.rsplit(":", 1)[1].split()[0].rstrip(";")) for line in config.splitlines() if "listen " in line}
    assert ports == {translate.port(443)}
    assert min(ports) >= 1024
    assert os.path.exists("/proc/self/stat"), "processes are known again through /proc"  # noqa: PTH110


def _clients(town: Any, path: str, until: Callable[..., Any]) -> set[str]:
    def lines() -> set[str]:
        return {line["client"] for task in town.tasks() for line in town.log(task) if line["uri"] == path}

    until(lines, lambda: path)
    return lines()


def _nodes(town: Any) -> set[str]:
    interfaces = town.ec2.describe_network_interfaces()["NetworkInterfaces"]
    return {translate.address(found["PrivateIpAddress"]) for found in interfaces if found["Description"].startswith("ELB net/")}


def _zones(town: Any, prefix: str) -> set[str]:
    return {task["availabilityZone"][-1] for task in town.tasks() if any(line["uri"].startswith(prefix) for line in town.log(task))}
