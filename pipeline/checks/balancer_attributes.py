"""Names and values of a network load balancer's attributes, which are free text everywhere but at AWS."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.checks.documents import Document
from pipeline.checks.finding import Finding

Values = frozenset[str] | range | re.Pattern[str]

SWITCH = frozenset({"true", "false"})
ANY = re.compile(r".*")

# elasticloadbalancingv2's API reference: LoadBalancerAttribute, TargetGroupAttribute, ListenerAttribute. Only those for network balancers.
LOAD_BALANCER: dict[str, Values] = {
    "access_logs.s3.bucket": ANY,
    "access_logs.s3.enabled": SWITCH,
    "access_logs.s3.prefix": re.compile(r"(?!.*AWSLogs)[^/].*[^/]|"),
    "deletion_protection.enabled": SWITCH,
    "dns_record.client_routing_policy": frozenset(
        {"availability_zone_affinity", "partial_availability_zone_affinity", "any_availability_zone"}
    ),
    "ipv6.deny_all_igw_traffic": SWITCH,
    "load_balancing.cross_zone.enabled": SWITCH,
    "secondary_ips.auto_assigned.per_subnet": range(8),
    "zonal_shift.config.enabled": SWITCH,
}
TARGET_GROUP: dict[str, Values] = {
    "deregistration_delay.connection_termination.enabled": SWITCH,
    "deregistration_delay.timeout_seconds": range(3601),
    "load_balancing.cross_zone.enabled": SWITCH | {"use_load_balancer_configuration"},
    "preserve_client_ip.enabled": SWITCH,
    "proxy_protocol_v2.enabled": SWITCH,
    "stickiness.enabled": SWITCH,
    "stickiness.type": frozenset({"source_ip"}),
    "target_group_health.dns_failover.minimum_healthy_targets.count": re.compile(r"off|[1-9]\d*"),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": re.compile(r"off|[1-9]\d?|100"),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": re.compile(r"[1-9]\d*"),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": re.compile(r"off|[1-9]\d?|100"),
    "target_health_state.unhealthy.connection_termination.enabled": SWITCH,
    "target_health_state.unhealthy.draining_interval_seconds": range(360001),
}
# A TLS listener's idle timeout is fixed at 350 seconds: tcp.idle_timeout.seconds is for TCP listeners.
LISTENER: dict[str, dict[str, Values]] = {"TCP": {"tcp.idle_timeout.seconds": range(60, 6001)}, "TLS": {}}

# https://docs.aws.amazon.com/elasticloadbalancing/latest/network/describe-ssl-policies.html, those that speak TLS 1.3.
TLS_POLICIES = frozenset(
    f"ELBSecurityPolicy-TLS13-1-{name}"
    for name in (
        "2-2021-06", "2-Res-2021-06", "2-Ext1-2021-06", "2-Ext2-2021-06", "1-2021-06", "0-2021-06", "3-2021-06",
        "3-FIPS-2023-04", "2-FIPS-2023-04", "2-Res-FIPS-2023-04", "2-Ext0-FIPS-2023-04", "2-Ext1-FIPS-2023-04", "2-Ext2-FIPS-2023-04",
        "1-FIPS-2023-04", "0-FIPS-2023-04",
        "3-PQ-2025-09", "2-PQ-2025-09", "2-Res-PQ-2025-09", "2-Ext1-PQ-2025-09", "2-Ext2-PQ-2025-09",
        "3-FIPS-PQ-2025-09", "2-FIPS-PQ-2025-09", "2-Res-FIPS-PQ-2025-09", "2-Ext0-FIPS-PQ-2025-09", "2-Ext1-FIPS-PQ-2025-09",
        "2-Ext2-FIPS-PQ-2025-09",
    )
)  # fmt: skip
ALPN = frozenset({"HTTP1Only", "HTTP2Only", "HTTP2Optional", "HTTP2Preferred", "None"})

ELB = "AWS::ElasticLoadBalancingV2"


def findings(document: Document) -> Iterator[Finding]:
    for logical_id, properties in document.resources(f"{ELB}::LoadBalancer"):
        for message in _attributes(properties.get("LoadBalancerAttributes", []), LOAD_BALANCER):
            yield _finding(document, logical_id, message)
    for logical_id, properties in document.resources(f"{ELB}::TargetGroup"):
        attributes = properties.get("TargetGroupAttributes", [])
        for message in [*_attributes(attributes, TARGET_GROUP), *_contradictions(attributes)]:
            yield _finding(document, logical_id, message)
    for logical_id, properties in document.resources(f"{ELB}::Listener"):
        for message in _listener(properties):
            yield _finding(document, logical_id, message)


def _finding(document: Document, logical_id: str, message: str) -> Finding:
    return Finding(path=document.path, where=logical_id, rule="balancer-attributes", message=message)


def _attributes(attributes: list[dict[str, Any]], known: Mapping[str, Values]) -> Iterator[str]:
    names = [attribute.get("Key") for attribute in attributes]
    for name in sorted({str(name) for name in names if names.count(name) > 1}):
        yield f"{name} is set twice"
    for attribute in attributes:
        key, value = attribute.get("Key"), attribute.get("Value")
        values = known.get(str(key))
        if values is None:
            yield f"attribute {key} does not exist for a network load balancer: use one of {', '.join(sorted(known)) or 'none'}"
        elif isinstance(value, str) and not _fits(value, values):
            yield f"{key}: {value!r} is not {_say(values)}"
        elif not isinstance(value, str | dict):
            yield f"{key}: {value!r} must be text: write '{str(value).lower()}'"


def _fits(value: str, values: Values) -> bool:
    if isinstance(values, range):
        return value.isdigit() and int(value) in values
    return bool(values.fullmatch(value)) if isinstance(values, re.Pattern) else value in values


def _say(values: Values) -> str:
    if isinstance(values, range):
        return f"a number from {values.start} to {values.stop - 1}"
    return f"like {values.pattern}" if isinstance(values, re.Pattern) else f"one of {', '.join(sorted(values))}"


def _contradictions(attributes: list[dict[str, Any]]) -> Iterator[str]:
    value = {attribute.get("Key"): attribute.get("Value") for attribute in attributes}
    draining = value.get("target_health_state.unhealthy.draining_interval_seconds", "0")
    if draining != "0" and value.get("target_health_state.unhealthy.connection_termination.enabled", "true") == "true":
        yield "target_health_state.unhealthy.draining_interval_seconds needs connection_termination.enabled to be false beside it"
    if value.get("preserve_client_ip.enabled") == "true" and value.get("proxy_protocol_v2.enabled") == "true":
        yield "preserve_client_ip and proxy_protocol_v2 both carry the client's address: choose one"


def _listener(properties: dict[str, Any]) -> Iterator[str]:
    protocol, policy = properties.get("Protocol"), properties.get("SslPolicy")
    if isinstance(policy, str) and policy not in TLS_POLICIES:
        yield f"SslPolicy {policy!r} does not exist or has no TLS 1.3: use one of {', '.join(sorted(TLS_POLICIES))}"
    alpn = properties.get("AlpnPolicy", [])
    if len(alpn) > 1 or set(alpn) - ALPN:
        yield f"AlpnPolicy {alpn}: give one of {', '.join(sorted(ALPN))}"
    if alpn and protocol != "TLS":
        yield "AlpnPolicy is for TLS listeners"
    yield from _attributes(properties.get("ListenerAttributes", []), LISTENER.get(str(protocol), {}))
