"""Listeners and target groups: what answers on a port, in which words, and who gets the requests."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pipeline import stack_policy_rules
from pipeline.review.model import Change, Comparison, Finding, Property, Verdict
from pipeline.review.read import anew, items, keyed, mapping, origin, origins, properties, resources_of, standing, text
from pipeline.review.resource_types import BALANCER, LISTENER, TARGET_GROUP
from pipeline.review.rules.rule import Rule, about

_about = partial(about, topic="clients")

IDLE = "tcp.idle_timeout.seconds"
DEFAULT_IDLE = 350
DEFAULT_TLS = "ELBSecurityPolicy-2016-08"
LEAST_TLS = re.compile(r"(?:TLS13|TLS|FS)-1-([0-3])")
SINCE_TLS_1_0 = re.compile(r"ELBSecurityPolicy-(?:FS-)?20\d\d")
WHO_IS_WELL = ("HealthCheckPath", "HealthCheckPort", "HealthCheckProtocol", "Matcher")


def target_group_replaced(comparison: Comparison) -> Iterator[Finding]:
    """A target group is replaced while a listener uses it."""
    for change in comparison.of_type(TARGET_GROUP):
        old = change.old_id
        ports = _ports_of(comparison, f"{change.stack}/{old}")
        if not ports or not _of_its_own(change):
            continue
        # A new logical id deletes the old resource, everything else replaces it.
        refused = _refused(comparison, change, "Update:Delete" if change.renamed_from else "Update:Replace", old)
        paths = _culprits(change)
        why = (
            f"{paths} changes, so AWS makes {change.logical_id} anew, empty: clients on port {ports} find no task until the service follows"
        )
        mend = f"leave {paths} as it was; or add a target group and a listener on another port beside it, and remove this one later"
        verdict: Verdict = "blocked" if refused else "risky"
        yield _about(change, "target-group-replaced", verdict, f"{why}; {refused}" if refused else why, mend)


def _ports_of(comparison: Comparison, target_group: str) -> str:
    found = [
        text(one.get("Port"))
        for stack, _, one in resources_of(comparison.before, LISTENER)
        if target_group in origins(comparison.before, stack, one.get("DefaultActions"))
    ]
    return ", ".join(sorted(found))


def _of_its_own(change: Change) -> bool:
    """Not only because something that it refers to is replaced, which is told of there."""
    return change.replaces and (bool(change.renamed_from) or any(not one.because for one in change.culprits))


def _culprits(change: Change) -> str:
    return ", ".join(one.path for one in change.culprits) or "the logical id"


def _refused(comparison: Comparison, change: Change, action: str, name: str) -> str:
    policy = mapping(comparison.before.stacks[change.stack].policy)
    denied = policy and stack_policy_rules.denial(policy, action, name, change.type)
    return f"the stack's policy refuses {action} of {name}" if denied else ""


def replaced(comparison: Comparison) -> Iterator[Finding]:
    """A listener is replaced, which its port may refuse."""
    after, balancers = standing(comparison), anew(comparison, BALANCER)
    for change in comparison.of_type(LISTENER):
        new = properties(comparison.after.stacks.get(change.stack), change.logical_id)
        balancer = origin(after, change.stack, new.get("LoadBalancerArn"))
        if taken := _taken(comparison, change, new, balancer):
            why = f"{change.logical_id} wants port {text(new.get('Port'))}, on which {taken} still listens then: DuplicateListener"
            yield _about(change, "listener-replaced", "blocked", why, f"keep {taken} where it is, under that logical id")
        elif _of_its_own(change) and balancer not in balancers:
            why = f"AWS makes {change.logical_id} anew ({_culprits(change)})"
            yield _about(change, "listener-replaced", "risky", f"{why}: nothing answers on the old port while clients find the new one")


def _taken(comparison: Comparison, change: Change, new: Mapping[str, Any], balancer: str) -> str:
    """The old listener of the same port: one that goes is deleted only after everything new is made."""
    after = standing(comparison)
    for stack, name, one in resources_of(comparison.before, LISTENER):
        now = properties(after.stacks.get(stack), name).get("Port", one.get("Port"))
        same_port = text(one.get("Port")) == text(new.get("Port")) == text(now)
        other = (stack, name) != (change.stack, change.logical_id)
        if same_port and other and balancer == origin(comparison.before, stack, one.get("LoadBalancerArn")):
            return name
    return ""


def removed(comparison: Comparison) -> Iterator[Finding]:
    """A port is no longer answered."""
    for change in comparison.of_type(LISTENER):
        if change.action == "remove":
            port = text(properties(comparison.before.stacks.get(change.stack), change.logical_id).get("Port"))
            why = f"{change.logical_id} goes: no address answers on port {port} any more"
            yield _about(change, "listener-removed", "risky", why, "tell those who use the port first")


def changed(comparison: Comparison) -> Iterator[Finding]:
    """A listener is changed in place."""
    for change in _modified(comparison, LISTENER):
        for one in _top(change, "Port", "Protocol"):
            does = "no address answers on the old port any more" if one.top == "Port" else "clients that go on as before are not understood"
            why = f"{one.top} of {change.logical_id}: {text(one.before)} -> {text(one.after)}: {does}"
            yield _about(
                change, "listener-changed", "risky", why, "add a listener on another port, move the clients, and remove this one later"
            )
        targets = origins(standing(comparison), change.stack, _listener(comparison, change, "after").get("DefaultActions"))
        if any(not one.because for one in _top(change, "DefaultActions")) and not targets <= anew(comparison, TARGET_GROUP):
            why = f"{change.logical_id} sends new connections elsewhere; open ones stay where they are, for up to an hour"
            yield _about(change, "listener-changed", "risky", why)


def tls_policy(comparison: Comparison) -> Iterator[Finding]:
    """Other versions of TLS, or other ciphers, are taken."""
    for change in _modified(comparison, LISTENER):
        old, new = (_listener(comparison, change, side) for side in ("before", "after"))
        if old.get("Protocol") == new.get("Protocol") == "TLS" and old.get("SslPolicy") != new.get("SslPolicy"):
            was, becomes = text(old.get("SslPolicy") or DEFAULT_TLS), text(new.get("SslPolicy") or DEFAULT_TLS)
            yield _about(
                change, "tls-policy", "risky", f"SslPolicy of {change.logical_id}: {was} -> {becomes}: {_for_clients(was, becomes)}"
            )


def _for_clients(old: str, new: str) -> str:
    was, becomes = _least(old), _least(new)
    if was is None or becomes is None:
        return "clients that speak none of its versions and ciphers are refused"
    if becomes > was:
        return f"clients that speak no TLS 1.{becomes} are refused"
    if becomes < was:
        return f"TLS 1.{becomes} is spoken again, which is weaker"
    return f"TLS 1.{was} stays the least; clients that know only ciphers that go are refused"


def _least(policy: str) -> int | None:
    found = LEAST_TLS.search(policy)
    if found:
        return int(found[1])
    return 0 if SINCE_TLS_1_0.match(policy) else None


def alpn(comparison: Comparison) -> Iterator[Finding]:
    """Other versions of HTTP are offered to clients."""
    for change in _modified(comparison, LISTENER):
        if _top(change, "AlpnPolicy"):
            old, new = (
                ", ".join(text(one) for one in items(_listener(comparison, change, side).get("AlpnPolicy"))) or "None"
                for side in ("before", "after")
            )
            why = f"AlpnPolicy of {change.logical_id}: {old} -> {new}: clients may agree on another HTTP version, or on none"
            yield _about(change, "alpn-changed", "risky", why, "see first that the tasks speak what clients may now agree on")


def idle_timeout(comparison: Comparison) -> Iterator[Finding]:
    """Idle connections are ended sooner or later than before."""
    for change in _modified(comparison, LISTENER):
        old, new = (_idle(_listener(comparison, change, side)) for side in ("before", "after"))
        if old is not None and new is not None and new < old:
            why = f"{change.logical_id} forgets a connection after {new} seconds of silence, and no longer after {old}"
            yield _about(
                change,
                "idle-timeout",
                "risky",
                f"{why}: clients that stay silent for longer are cut off",
                "let clients send keep-alives more often",
            )


def _idle(listener: Mapping[str, Any]) -> int | None:
    # For TLS it is 350 seconds whatever the attribute says.
    if listener.get("Protocol") == "TLS":
        return None
    value = keyed(listener.get("ListenerAttributes")).get(IDLE, str(DEFAULT_IDLE))
    return int(value) if value.isdecimal() else None


def health_check(comparison: Comparison) -> Iterator[Finding]:
    """What counts as a healthy task changes; how soon that is found out is another rule's."""
    for change in _modified(comparison, TARGET_GROUP):
        if asked := _top(change, *WHO_IS_WELL):
            says = ", ".join(f"{one.path} {text(one.before)} -> {text(one.after)}" for one in asked)
            why = f"{change.logical_id} asks every task at once in another way ({says}), those of the old version too"
            mend = "deploy tasks first that pass the old check and the new one"
            yield _about(
                change, "health-check-changed", "risky", f"{why}: those that do not pass get no more connections, and ECS stops them", mend
            )


def _listener(comparison: Comparison, change: Change, side: str) -> Mapping[str, Any]:
    stacks = comparison.before.stacks if side == "before" else comparison.after.stacks
    return properties(stacks.get(change.stack), change.logical_id)


def _modified(comparison: Comparison, type_name: str) -> Iterator[Change]:
    return (change for change in comparison.of_type(type_name) if change.action == "modify" and not change.replaces)


def _top(change: Change, *names: str) -> list[Property]:
    return [one for one in change.properties if one.top in names]


RULES: tuple[Rule, ...] = (
    Rule(
        "target-group-replaced",
        target_group_replaced,
        "AWS::ElasticLoadBalancingV2::TargetGroup, createOnlyProperties; policy/stack_policy.py",
    ),
    Rule(
        "listener-replaced",
        replaced,
        "CreateListener, DuplicateListener; CloudFormation deletes what goes after what comes (aws/aws-cdk#13901)",
    ),
    Rule("listener-removed", removed, "NLB guide, Delete a listener for your Network Load Balancer"),
    Rule(
        "listener-changed",
        changed,
        "NLB guide, Update a listener for your Network Load Balancer: active connections stay for up to one hour",
    ),
    Rule("tls-policy", tls_policy, "NLB guide, Security policies; ELBSecurityPolicy-2016-08 where none is given"),
    Rule("alpn-changed", alpn, "NLB guide, ALPN policies: what is agreed on goes to the target as it is"),
    Rule("idle-timeout", idle_timeout, "NLB guide, Update the TCP idle timeout for your Network Load Balancer listener"),
    Rule("health-check-changed", health_check, "NLB guide, Health checks for Network Load Balancer target groups"),
)
