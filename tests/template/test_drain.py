"""The times of a task that leaves, read from what is rendered: the load balancer's, the service's and nginx's fit together."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from pipeline import nginx_config, render
from pipeline.paths import NGINX_RENDERED, ROOT
from stacks import drain, loadbalancer, service
from stacks.environment import Environment
from stacks.project import load

# https://docs.aws.amazon.com/elasticloadbalancing/latest/network/load-balancer-target-groups.html#deregistration-delay ("at least 120
# seconds"), .../network-load-balancers.html#connection-idle-timeout, https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html.
SECONDS_OF_NEW_CONNECTIONS = 120
LOAD_BALANCER_IDLE = 350
FARGATE = range(2, 121)


Files = tuple[dict[str, Any], dict[str, Any], str]


def _committed(env: Environment) -> Files:
    balancer, tasks = (
        yaml.safe_load((ROOT / f"stacks/rendered/{env.name}/{name}.yaml").read_text()) for name in ("loadbalancer", "service")
    )
    return balancer, tasks, (ROOT / NGINX_RENDERED / env.name / "nginx.conf").read_text()


def _built(env: Environment) -> Files:
    balancer, tasks = (yaml.safe_load(render.template_text(stack.build(env), source="x.py")) for stack in (loadbalancer, service))
    return balancer, tasks, nginx_config.files(env)[f"{NGINX_RENDERED}/{env.name}/nginx.conf"]


def directive(conf: str, name: str) -> int:
    """The first one in the file: nginx's own, or that of all of http."""
    found = re.search(rf"^\s*{name} (\d+)s;", conf, re.MULTILINE)
    assert found, f"{name} is not in nginx.conf"
    return int(found[1])


def further_ports(balancer: dict[str, Any], conf: str) -> list[tuple[int, int]]:
    """(the load balancer's, nginx's) seconds of silence until a connection is closed."""
    resources = balancer["Resources"]
    listeners = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::ElasticLoadBalancingV2::Listener"]
    pairs = []
    for listener in listeners:
        for silence in listener.get("ListenerAttributes", []):
            inside = resources[listener["DefaultActions"][0]["TargetGroupArn"]["Ref"]]["Properties"]["Port"]
            server = re.search(rf"listen {inside}\b[^}}]*?proxy_timeout (\d+)s;", conf)
            assert server, f"nginx does not listen on {inside}"
            pairs.append((int(silence["Value"]), int(server[1])))
    return pairs


def broken(files: Files) -> list[str]:
    """Every inequality that does not hold."""
    balancer, tasks, conf = files
    groups = [r["Properties"] for r in balancer["Resources"].values() if r["Type"] == "AWS::ElasticLoadBalancingV2::TargetGroup"]
    attributes = [{pair["Key"]: pair["Value"] for pair in group["TargetGroupAttributes"]} for group in groups]
    delays = {int(one["deregistration_delay.timeout_seconds"]) for one in attributes}
    cut = {one["deregistration_delay.connection_termination.enabled"] for one in attributes}
    (stop,) = (c["StopTimeout"] for c in tasks["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"] if c["Essential"])
    shutdown, keepalive = directive(conf, "worker_shutdown_timeout"), directive(conf, "keepalive_timeout")
    least = directive(conf, "keepalive_min_timeout")
    silences = further_ports(balancer, conf)
    rules = {
        "all target groups wait alike": len(delays) == 1,
        "no new connection comes after the stop signal": min(delays) > SECONDS_OF_NEW_CONNECTIONS,
        "nginx ends its connections, not the load balancer": cut == {"false"},
        "Fargate takes the stop timeout": stop in FARGATE,
        "nginx is gone before SIGKILL": shutdown + 5 <= stop,
        "idle connections end before nginx closes the rest": least < shutdown,
        "nginx never closes a connection that the load balancer still uses": keepalive > LOAD_BALANCER_IDLE,
        "nor one on a further port": all(own > load_balancers for load_balancers, own in silences),
    }
    return [rule for rule, holds in rules.items() if not holds]


@pytest.mark.parametrize("committed", load(ROOT).environments, ids=lambda env: env.name)
def test_every_time_that_is_committed_fits(committed: Environment) -> None:
    assert broken(_committed(committed)) == []


def test_every_time_fits(env: Environment) -> None:
    assert broken(_built(env)) == []


def attribute(key: str, value: str) -> Any:
    def change(files: Files) -> Files:
        for pair in files[0]["Resources"]["TargetGroup"]["Properties"]["TargetGroupAttributes"]:
            pair["Value"] = value if pair["Key"] == key else pair["Value"]
        return files

    return change


def stop_timeout(seconds: int) -> Any:
    def change(files: Files) -> Files:
        files[1]["Resources"]["TaskDefinition"]["Properties"]["ContainerDefinitions"][0]["StopTimeout"] = seconds
        return files

    return change


def silence(seconds: str) -> Any:
    def change(files: Files) -> Files:
        files[0]["Resources"]["Listener5432"]["Properties"]["ListenerAttributes"][0]["Value"] = seconds
        return files

    return change


def nginx(name: str, seconds: int) -> Any:
    return lambda files: (*files[:2], re.sub(rf"{name} \d+s;", f"{name} {seconds}s;", files[2]))


@pytest.mark.parametrize(
    ("change", "rules"),
    [
        (attribute("deregistration_delay.timeout_seconds", "151"), ["all target groups wait alike"]),
        (
            attribute("deregistration_delay.timeout_seconds", "120"),
            ["all target groups wait alike", "no new connection comes after the stop signal"],
        ),
        (attribute("deregistration_delay.connection_termination.enabled", "true"), ["nginx ends its connections, not the load balancer"]),
        (stop_timeout(121), ["Fargate takes the stop timeout"]),
        (stop_timeout(119), ["nginx is gone before SIGKILL"]),
        (nginx("worker_shutdown_timeout", 116), ["nginx is gone before SIGKILL"]),
        (nginx("worker_shutdown_timeout", 20), ["idle connections end before nginx closes the rest"]),
        (nginx("keepalive_min_timeout", 115), ["idle connections end before nginx closes the rest"]),
        (silence("3610"), ["nor one on a further port"]),
        (nginx("keepalive_timeout", 350), ["nginx never closes a connection that the load balancer still uses"]),
    ],
)
def test_a_time_that_does_not_fit_is_found(most: Environment, change: Any, rules: list[str]) -> None:
    assert broken(change(_built(most))) == rules


def test_the_bound_that_is_stated_holds(env: Environment) -> None:
    """The service's part of it is what a person writes."""
    assert drain.stop_timeout(env) == env.service.drain_seconds
    assert drain.DEREGISTRATION_DELAY + drain.stop_timeout(env) <= 270
