"""What to change so that Git says what is live: a key of the configuration where there is one, else the module of the stack. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.drift import rules
from pipeline.drift.model import Drift, PropertyDrift
from pipeline.drift.words import same
from pipeline.review.read import items
from stacks.environment import Environment
from stacks.ports import LISTENER_PORT
from stacks.project import environment_file

# (stack, logical id, property) -> the key of the environment's file that the template takes it from.
KEYS: Mapping[tuple[str, str, str], str] = {
    ("service", "ScalableTarget", "MinCapacity"): "service.min_tasks",
    ("service", "ScalableTarget", "MaxCapacity"): "service.max_tasks",
    ("service", "Logs", "RetentionInDays"): "service.log_days",
}


def advice(drift: Drift, env: Environment | None) -> Iterator[str]:
    """Line by line. `env` None: the drift is of a stack that all environments share."""
    if drift.kind == "deleted":
        yield f"# {drift.logical_id} is gone. To give it up: take it out of {drift.module or 'its module'} and run: kotei render"
        return
    for one in drift.properties:
        yield from _of(drift, one, env)


def _of(drift: Drift, one: PropertyDrift, env: Environment | None) -> Iterator[str]:
    if one.stands == "as live":
        yield f"# {drift.place} {one.name}: Git says what is live already; deploy it: git push"
    elif env is not None and (drift.stack, drift.logical_id, one.name) == ("security", "LoadBalancerGroup", "SecurityGroupIngress"):
        yield from _clients(drift, one, env)
    elif env is not None and (key := KEYS.get((drift.stack, drift.logical_id, one.name))):
        yield f"# {environment_file(env.name)}: {key} (it is {json.dumps(one.deployed)})"
        yield f"{key.rpartition('.')[2]} = {json.dumps(one.live)}"
    else:
        yield from _in_the_module(drift, one)


def _in_the_module(drift: Drift, one: PropertyDrift) -> Iterator[str]:
    yield f"# {drift.module or drift.stack}: {drift.type} {drift.logical_id}, {one.name}; no key of the configuration says it"
    yield f"{one.name} = {json.dumps(one.live, indent=2)}"


def _clients(drift: Drift, one: PropertyDrift, env: Environment) -> Iterator[str]:
    """Every entry of access.allow is a rule for each port, so only what is true of every port can be said there."""
    file = environment_file(env.name)
    ports = {str(port) for port in (LISTENER_PORT, *(further.port for further in env.ports))}
    live, deployed = _by_network(items(one.live), ports), _by_network(items(one.deployed), ports)
    rest = [rule for rule in items(one.live) if not _simple(rule, ports) and not any(same(rule, old) for old in items(one.deployed))]
    for cidr, found in live.items():
        before = deployed.get(cidr, {})
        if set(found) != ports:
            rest += [rule for port, rule in found.items() if port not in before]
        elif set(before) != ports:
            note = next((rule["Description"] for rule in found.values() if rule.get("Description")), "")
            yield from (f"# {file}: add", "[[access.allow]]", f"cidr = {json.dumps(cidr)}", _note(note))
        elif (note := next(iter(found.values())).get("Description", "")) != next(iter(before.values())).get("Description", ""):
            yield f"# {file}: the note of access.allow {cidr} in AWS is {json.dumps(note)}"
    for cidr in deployed:
        if not live.get(cidr):
            yield f"# {file}: remove the entry [[access.allow]] with cidr = {json.dumps(cidr)}"
        elif set(live[cidr]) != ports:
            yield f"# {file} cannot let {cidr} in on some ports only; it lacks {', '.join(sorted(ports - set(live[cidr])))} in AWS"
    for rule in rest:
        yield f"# access.allow cannot say this ({rules.sentence(rule)}); it would have to be written into {drift.module}:"
        yield json.dumps(rule)


def _note(note: str) -> str:
    return f"note = {json.dumps(note)}" if note else 'note = "who this is, and why"'


def _simple(rule: Mapping[str, Any], ports: set[str]) -> bool:
    port = str(rule.get("FromPort"))
    return "CidrIp" in rule and str(rule.get("IpProtocol")) == "tcp" and port == str(rule.get("ToPort")) and port in ports


def _by_network(some: list[Any], ports: set[str]) -> dict[str, dict[str, Any]]:
    """Network -> port -> its rule."""
    found: dict[str, dict[str, Any]] = {}
    for rule in some:
        if _simple(rule, ports):
            found.setdefault(rule["CidrIp"], {})[str(rule["FromPort"])] = rule
    return found
