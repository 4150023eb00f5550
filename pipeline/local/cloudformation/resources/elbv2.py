"""Load balancers, target groups, listeners."""

from __future__ import annotations

from typing import Any

from pipeline.local.cloudformation.resources.handler import (
    Handler,
    Made,
    Properties,
    ResourceError,
    Scope,
    names,
    only,
    tag_changes,
    tag_list,
    without,
)
from pipeline.local.cloudformation.resources.shape import params

NAME_LIMIT = 32


def _retag(client: Any, arn: str, old: Properties, new: Properties) -> None:
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.add_tags(ResourceArns=[arn], Tags=tag_list(wanted))
    if gone:
        client.remove_tags(ResourceArns=[arn], TagKeys=gone)


def _refuse_dropped(old: Properties, new: Properties, key: str) -> None:
    """An attribute that a template no longer names keeps its value in AWS; that is drift in the making, so it is refused here."""
    if dropped := sorted({one["Key"] for one in old.get(key, [])} - {one["Key"] for one in new.get(key, [])}):
        raise ResourceError(f"{key}: {', '.join(dropped)} would keep the former value; write the value that is wanted")


def _create_balancer(scope: Scope, properties: Properties) -> Made:
    client = scope.client("elbv2")
    wanted = without(properties, "LoadBalancerAttributes", "EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic")
    wanted.setdefault("Name", scope.physical_name(NAME_LIMIT))
    balancer = client.create_load_balancer(**params(client, "CreateLoadBalancer", wanted))["LoadBalancers"][0]
    arn = balancer["LoadBalancerArn"]
    attributes = {
        "LoadBalancerArn": arn,
        "LoadBalancerFullName": arn.split(":loadbalancer/", 1)[1],
        "LoadBalancerName": balancer["LoadBalancerName"],
        "DNSName": balancer["DNSName"],
        "CanonicalHostedZoneID": balancer["CanonicalHostedZoneId"],
        "SecurityGroups": balancer.get("SecurityGroups", []),
    }
    made = scope.born(Made(id=arn, attributes=attributes))
    if properties.get("LoadBalancerAttributes"):
        client.modify_load_balancer_attributes(LoadBalancerArn=arn, Attributes=_attributes(properties["LoadBalancerAttributes"]))
    return made


def _attributes(given: list[Properties]) -> list[dict[str, str]]:
    return [{"Key": one["Key"], "Value": str(one["Value"])} for one in given]


def _update_balancer(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("elbv2")
    _refuse_dropped(old, new, "LoadBalancerAttributes")
    if old.get("LoadBalancerAttributes") != new.get("LoadBalancerAttributes"):
        client.modify_load_balancer_attributes(LoadBalancerArn=made.id, Attributes=_attributes(new.get("LoadBalancerAttributes", [])))
    if any(old.get(key) != new.get(key) for key in ("Subnets", "SubnetMappings")):
        client.set_subnets(**params(client, "SetSubnets", {"LoadBalancerArn": made.id, **only(new, "Subnets", "SubnetMappings")}))
    if old.get("SecurityGroups") != new.get("SecurityGroups"):
        client.set_security_groups(LoadBalancerArn=made.id, SecurityGroups=new.get("SecurityGroups", []))
    _retag(client, made.id, old, new)
    return Made(id=made.id, attributes={**made.attributes, "SecurityGroups": new.get("SecurityGroups", [])})


def _delete_balancer(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("elbv2").delete_load_balancer(LoadBalancerArn=made.id)


def _create_target_group(scope: Scope, properties: Properties) -> Made:
    client = scope.client("elbv2")
    wanted = without(properties, "TargetGroupAttributes")
    wanted.setdefault("Name", scope.physical_name(NAME_LIMIT))
    group = client.create_target_group(**params(client, "CreateTargetGroup", wanted))["TargetGroups"][0]
    arn = group["TargetGroupArn"]
    attributes = {
        "TargetGroupArn": arn,
        "TargetGroupFullName": arn.rsplit(":", 1)[1],
        "TargetGroupName": group["TargetGroupName"],
        "LoadBalancerArns": [],
    }
    made = scope.born(Made(id=arn, attributes=attributes))
    if properties.get("TargetGroupAttributes"):
        client.modify_target_group_attributes(TargetGroupArn=arn, Attributes=_attributes(properties["TargetGroupAttributes"]))
    return made


HEALTH = names(
    "HealthCheckEnabled HealthCheckIntervalSeconds HealthCheckPath HealthCheckPort HealthCheckProtocol HealthCheckTimeoutSeconds "
    "HealthyThresholdCount Matcher UnhealthyThresholdCount"
)


def _update_target_group(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("elbv2")
    _refuse_dropped(old, new, "TargetGroupAttributes")
    if old.get("TargetGroupAttributes") != new.get("TargetGroupAttributes"):
        client.modify_target_group_attributes(TargetGroupArn=made.id, Attributes=_attributes(new.get("TargetGroupAttributes", [])))
    if any(old.get(key) != new.get(key) for key in HEALTH):
        client.modify_target_group(**params(client, "ModifyTargetGroup", {"TargetGroupArn": made.id, **only(new, *HEALTH)}))
    _retag(client, made.id, old, new)
    return made


def _delete_target_group(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("elbv2").delete_target_group(TargetGroupArn=made.id)


def _create_listener(scope: Scope, properties: Properties) -> Made:
    client = scope.client("elbv2")
    wanted = without(properties, "ListenerAttributes")
    arn = client.create_listener(**params(client, "CreateListener", wanted))["Listeners"][0]["ListenerArn"]
    made = scope.born(Made(id=arn, attributes={"ListenerArn": arn}))
    if properties.get("ListenerAttributes"):
        client.modify_listener_attributes(ListenerArn=arn, Attributes=_attributes(properties["ListenerAttributes"]))
    return made


def _update_listener(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("elbv2")
    _refuse_dropped(old, new, "ListenerAttributes")
    if old.get("ListenerAttributes") != new.get("ListenerAttributes"):
        client.modify_listener_attributes(ListenerArn=made.id, Attributes=_attributes(new.get("ListenerAttributes", [])))
    wanted = without(new, "ListenerAttributes", "LoadBalancerArn", "Tags")
    client.modify_listener(**params(client, "ModifyListener", {"ListenerArn": made.id, **wanted}))
    _retag(client, made.id, old, new)
    return made


def _delete_listener(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("elbv2").delete_listener(ListenerArn=made.id)


def _add_certificates(scope: Scope, properties: Properties) -> Made:
    scope.client("elbv2").add_listener_certificates(ListenerArn=properties["ListenerArn"], Certificates=properties["Certificates"])
    return Made(id=f"{properties['ListenerArn']}|{'|'.join(one['CertificateArn'] for one in properties['Certificates'])}")


def _change_certificates(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    changed = _add_certificates(scope, new)
    gone = [one for one in old["Certificates"] if one not in new["Certificates"]]
    if gone:
        _remove_certificates(scope, made, {**old, "Certificates": gone})
    return changed


def _remove_certificates(scope: Scope, _: Made, properties: Properties) -> None:
    scope.client("elbv2").remove_listener_certificates(ListenerArn=properties["ListenerArn"], Certificates=properties["Certificates"])


HANDLERS = {
    "AWS::ElasticLoadBalancingV2::LoadBalancer": Handler(
        create=_create_balancer,
        update=_update_balancer,
        delete=_delete_balancer,
        enforced=names("IpAddressType LoadBalancerAttributes Name Scheme SecurityGroups SubnetMappings Subnets Tags Type"),
        mutable=names("LoadBalancerAttributes SecurityGroups SubnetMappings Subnets Tags"),
        # PrivateLink is not emulated.
        recorded=names("EnforceSecurityGroupInboundRulesOnPrivateLinkTraffic"),
    ),
    "AWS::ElasticLoadBalancingV2::TargetGroup": Handler(
        create=_create_target_group,
        update=_update_target_group,
        delete=_delete_target_group,
        enforced=HEALTH | names("IpAddressType Name Port Protocol ProtocolVersion Tags TargetGroupAttributes TargetType VpcId"),
        mutable=HEALTH | names("Tags TargetGroupAttributes"),
    ),
    "AWS::ElasticLoadBalancingV2::Listener": Handler(
        create=_create_listener,
        update=_update_listener,
        delete=_delete_listener,
        enforced=names("AlpnPolicy Certificates DefaultActions ListenerAttributes LoadBalancerArn Port Protocol SslPolicy Tags"),
        mutable=names("AlpnPolicy Certificates DefaultActions ListenerAttributes Port Protocol SslPolicy Tags"),
    ),
    "AWS::ElasticLoadBalancingV2::ListenerCertificate": Handler(
        create=_add_certificates,
        update=_change_certificates,
        delete=_remove_certificates,
        enforced=names("Certificates ListenerArn"),
        mutable=names("Certificates"),
    ),
}
