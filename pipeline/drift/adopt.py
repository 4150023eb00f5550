"""What to change so that Git says what is live: a key of the configuration where there is one, else the module of the stack. Pure.

A key is only named where the template that it makes has been compared with what is live.
"""

from __future__ import annotations

import json
import pprint
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from pipeline import catalog
from pipeline.drift import rules, ways
from pipeline.drift.model import Drift, PropertyDrift
from pipeline.drift.words import by_key, same
from pipeline.review.read import items, mapping
from stacks.environment import Environment
from stacks.project import environment_file
from stacks.security import description

Plain = Callable[[Any], Any]
CLIENTS = ("security", "LoadBalancerGroup", "SecurityGroupIngress")


def flag(value: Any) -> Any:
    return {"true": True, "false": False}.get(str(value).lower(), value)


def number(value: Any) -> Any:
    return int(value) if str(value).isdigit() else value


def arn(value: Any) -> Any:
    found = items(value)
    return mapping(found[0]).get("CertificateArn") if len(found) == 1 else None


# (stack, logical id, property) -> the key of the environment's file that the template takes it from, and its value there. A property
# that is a list of Key and Value has the key behind a dot.
KEYS: Mapping[tuple[str, str, str], tuple[str, Plain]] = {
    ("service", "ScalableTarget", "MinCapacity"): ("service.min_tasks", number),
    ("service", "ScalableTarget", "MaxCapacity"): ("service.max_tasks", number),
    ("service", "Logs", "RetentionInDays"): ("service.log_days", number),
    ("loadbalancer", "Listener", "SslPolicy"): ("loadbalancer.ssl_policy", str),
    ("loadbalancer", "Listener", "Certificates"): ("certificate.arn", arn),
    ("loadbalancer", "LoadBalancer", "LoadBalancerAttributes.deletion_protection.enabled"): ("loadbalancer.deletion_protection", flag),
    ("loadbalancer", "LoadBalancer", "LoadBalancerAttributes.load_balancing.cross_zone.enabled"): ("loadbalancer.cross_zone", flag),
}


def advice(drift: Drift, env: Environment | None) -> Iterator[str]:
    """Line by line. `env` None: the drift is of a stack that all environments share."""
    if drift.kind == "deleted":
        yield from _in_the_module(drift, env, [f"del t.resources[{drift.logical_id!r}]"])
        return
    for one in drift.properties:
        if one.stands == "as live":
            yield f"# {drift.place} {one.name}: Git says what is live already; deploy it: git push"
        elif ways.is_revision(drift, one):
            yield f"# {drift.place} {one.name}: {ways.OWN_REVISION}"
        else:
            yield from (env and _in_the_configuration(drift, one, env)) or _as_code(drift, one, env)


def _in_the_configuration(drift: Drift, one: PropertyDrift, env: Environment) -> list[str]:
    """Empty where no key says exactly what is live."""
    if (drift.stack, drift.logical_id, one.name) == CLIENTS:
        return _clients(drift, one, env)
    keys = _keys(drift, one)
    if keys is None or not _says(env, drift, one, keys):
        return []
    file = environment_file(env.name)
    lines = []
    for key, value in keys.items():
        section, _, name = key.partition(".")
        before = getattr(getattr(env, section), name)
        lines += [f"# {file}: {key} (it is {json.dumps(before)})", f"{name} = {json.dumps(value)}"]
    return lines


def _keys(drift: Drift, one: PropertyDrift) -> dict[str, Any] | None:
    """Key -> value for all that differs; None where some of it has no key."""
    live, deployed = by_key(one.live), by_key(one.deployed)
    changed = {one.name: one.live} if live is None or deployed is None else _changed(one.name, deployed, live)
    found = {}
    for name, value in changed.items():
        known = KEYS.get((drift.stack, drift.logical_id, name))
        if known is None:
            return None
        found[known[0]] = known[1](value)
    return found


def _changed(name: str, deployed: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    every = dict.fromkeys([*deployed, *live])
    return {f"{name}.{key}": live.get(key) for key in every if not same(live.get(key), deployed.get(key))}


def _says(env: Environment, drift: Drift, one: PropertyDrift, keys: Mapping[str, Any]) -> bool:
    """Whether an environment with these keys is valid, and its template says what is live."""
    document = env.model_dump()
    for key, value in keys.items():
        section, _, name = key.partition(".")
        document[section] = {**document[section], name: value}
    try:
        changed = type(env).model_validate(document)
    except ValidationError:
        return False
    spec = next(spec for spec in catalog.ENVIRONMENT_STACKS if spec.name == drift.stack)
    made = spec.build(changed).to_dict()["Resources"].get(drift.logical_id, {})
    return same(mapping(made.get("Properties")).get(one.name), one.live)


def _clients(drift: Drift, one: PropertyDrift, env: Environment) -> list[str]:
    """Every entry of access.allow is a rule for each port, so only what is true of every port can be said there."""
    file = environment_file(env.name)
    known = {entry.cidr: entry for entry in env.access.allow}
    notes = {str(rule.get("CidrIp")): str(rule.get("Description", "")) for rule in items(one.live)}
    wanted = [
        {**known[cidr].model_dump(), "note": known[cidr].note if description(known[cidr].note) == note else note}
        if cidr in known
        else {"cidr": cidr, "note": note or "who this is, and why"}
        for cidr, note in notes.items()
    ]
    if env.access.open or not _says(env, drift, one, {"access.allow": wanted}):
        _, added, gone = next(rules.lists(drift), (one, [], []))
        return [f"# access.allow cannot say this: {rules.sentence(rule)}" for rule in (*added, *gone)] + _as_code(drift, one, env)
    lines = []
    for entry in wanted:
        place = f"[[access.allow]] with cidr = {json.dumps(entry['cidr'])}"
        note = f"note = {json.dumps(entry['note'], ensure_ascii=False)}"
        if entry["cidr"] not in known:
            lines += [f"# {file}: add", "[[access.allow]]", f"cidr = {json.dumps(entry['cidr'])}", note]
        elif entry["note"] != known[entry["cidr"]].note:
            lines.append(f"# {file}: in the entry {place} write {note}")
    return lines + [f"# {file}: remove the entry [[access.allow]] with cidr = {json.dumps(cidr)}" for cidr in known if cidr not in notes]


def _as_code(drift: Drift, one: PropertyDrift, env: Environment | None) -> list[str]:
    properties = f"t.resources[{drift.logical_id!r}].properties"
    if one.live is None:
        return _in_the_module(drift, env, [f"del {properties}[{one.name!r}]"])
    value = pprint.pformat(one.live, width=100, sort_dicts=False).splitlines()
    return _in_the_module(drift, env, [f"{properties}[{one.name!r}] = {value[0]}", *value[1:]])


def _in_the_module(drift: Drift, env: Environment | None, code: list[str]) -> list[str]:
    """As the last lines of build(); a stack's module builds every environment."""
    condition, indent = (f"if env.name == {env.name!r}:", "    ") if env else ("", "")
    return [
        f"# {drift.module or drift.stack}, build(), before its `return t`; no key of the configuration says it",
        *([condition] if condition else []),
        *(f"{indent}{line}" for line in code),
    ]
