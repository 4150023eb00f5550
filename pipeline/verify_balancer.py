"""Whether a load balancer is on its fixed addresses and forwards to healthy tasks in every zone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline import addresses, live
from pipeline.aws import Aws
from stacks.environment import Environment


def wrong(aws: Aws, env: Environment, zone_of: Mapping[str, str]) -> Iterator[str]:
    """`zone_of` the tasks' addresses."""
    name = env.stack_name("loadbalancer")
    stack = live.describe(aws, name)
    if stack is None:
        yield f"stack {name} does not exist"
        return
    arn = f"arn:aws:elasticloadbalancing:{env.region}:{env.account}:loadbalancer/{live.outputs(stack)['LoadBalancerFullName']}"
    yield from _addresses(aws, env, arn)
    yield from _protection(aws, env, arn)
    for listener in aws.pages("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn):
        yield from _zones(aws, env, listener, zone_of)


def _addresses(aws: Aws, env: Environment, arn: str) -> Iterator[str]:
    balancer = aws.call("elbv2", "describe_load_balancers", LoadBalancerArns=[arn])["LoadBalancers"][0]
    held = {one.get("IpAddress") for zone in balancer["AvailabilityZones"] for one in zone.get("LoadBalancerAddresses", [])}
    serving = {f"{env.region}{zone}" for zone in env.zones}
    wanted = {one.address: one.zone for one in addresses.read(aws, env) if one.zone in serving}
    yield from (f"the load balancer is not on {address} ({wanted[address]})" for address in sorted(wanted.keys() - held))
    yield from (f"the load balancer is on {address}, which is no address of this environment" for address in sorted(held - wanted.keys()))


def _protection(aws: Aws, env: Environment, arn: str) -> Iterator[str]:
    if env.loadbalancer.deletion_protection:
        found = aws.call("elbv2", "describe_load_balancer_attributes", LoadBalancerArn=arn)["Attributes"]
        if {one["Key"]: one["Value"] for one in found}.get("deletion_protection.enabled") != "true":
            yield "the load balancer can be deleted (deletion_protection.enabled)"


def _zones(aws: Aws, env: Environment, listener: Mapping[str, Any], zone_of: Mapping[str, str]) -> Iterator[str]:
    """Of a canary or blue/green service the tasks are in the one target group or the other: those count that the listener forwards to."""
    healthy = {
        zone_of.get(target["Target"]["Id"]) or target["Target"].get("AvailabilityZone")
        for group in _forwarded(listener)
        for target in aws.call("elbv2", "describe_target_health", TargetGroupArn=group)["TargetHealthDescriptions"]
        if target["TargetHealth"]["State"] == "healthy"
    }
    for zone in (f"{env.region}{zone}" for zone in env.zones):
        if zone not in healthy:
            yield f"zone {zone} has no healthy target for port {listener['Port']}"


def _forwarded(listener: Mapping[str, Any]) -> set[str]:
    found = set()
    for action in listener["DefaultActions"]:
        groups = action.get("ForwardConfig", {}).get("TargetGroups") or [{"TargetGroupArn": action.get("TargetGroupArn")}]
        found |= {one["TargetGroupArn"] for one in groups if one.get("Weight", 1) and one["TargetGroupArn"]}
    return found
