"""Rules of security groups in people's words and as the commands that take one away or put one back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.drift.model import Drift, PropertyDrift
from pipeline.drift.words import same
from pipeline.review.read import items, mapping, text
from pipeline.review.resource_types import SECURITY_GROUP

INLINE = {"SecurityGroupIngress": "ingress", "SecurityGroupEgress": "egress"}


def lists(drift: Drift) -> Iterator[tuple[PropertyDrift, list[Mapping[str, Any]], list[Mapping[str, Any]]]]:
    """Each list of rules that drifted, with the rules that were added and those that were taken away."""
    if drift.type == SECURITY_GROUP:
        for one in drift.properties:
            if one.name in INLINE:
                live, deployed = items(one.live), items(one.deployed)
                yield one, _missing(live, deployed), _missing(deployed, live)


def _missing(some: list[Any], others: list[Any]) -> list[Mapping[str, Any]]:
    return [mapping(rule) for rule in some if not any(same(rule, other) for other in others)]


def sentence(rule: Mapping[str, Any]) -> str:
    """`tcp 443, 203.0.113.9/32 (emergency)`."""
    first, last = rule.get("FromPort"), rule.get("ToPort")
    protocol = "everything" if str(rule.get("IpProtocol")) == "-1" else rule.get("IpProtocol")
    ports = "" if first is None else f" {first}" if first == last else f" {first}-{last}"
    described = f" ({rule['Description']})" if rule.get("Description") else ""
    return f"{protocol}{ports}, {peer(rule)}{described}"


def peer(rule: Mapping[str, Any]) -> str:
    ways = ("CidrIp", "CidrIpv6", "SourceSecurityGroupId", "DestinationSecurityGroupId", "SourcePrefixListId", "DestinationPrefixListId")
    return next((text(rule[key]) for key in ways if rule.get(key) is not None), "anybody")


def commands(drift: Drift, region: str) -> Iterator[str]:
    """What undoes just this, at once. A rule that names what only the template knows is left to `kotei drift revert`."""
    for one, added, gone in lists(drift):
        way = INLINE[one.name]
        for verb, rules in (("revoke", added), ("authorize", gone)):
            shaped = [_permission(rule) for rule in rules if "CidrIp" in rule or "CidrIpv6" in rule]
            if shaped:
                given = json.dumps(shaped, separators=(",", ":")).replace("'", "'\\''")
                group = f"--region {region} --group-id {drift.physical_id}"
                yield f"aws ec2 {verb}-security-group-{way} {group} --ip-permissions '{given}'"


def _permission(rule: Mapping[str, Any]) -> dict[str, Any]:
    # EC2 finds the rule by what it lets pass: a description only names it.
    described = {"Description": rule["Description"]} if rule.get("Description") else {}
    ports = {key: int(rule[key]) for key in ("FromPort", "ToPort") if rule.get(key) is not None}
    who = {"IpRanges": [{"CidrIp": rule["CidrIp"], **described}]} if "CidrIp" in rule else {}
    who = who or {"Ipv6Ranges": [{"CidrIpv6": rule["CidrIpv6"], **described}]}
    return {"IpProtocol": str(rule["IpProtocol"]), **ports, **who}
