"""Elastic IPs and security groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from pipeline.local import pinned
from pipeline.local.cloudformation.resources.ec2_network import retag, tag
from pipeline.local.cloudformation.resources.handler import (
    SYSTEM,
    Handler,
    Made,
    Properties,
    ResourceError,
    Scope,
    names,
    only,
    tag_list,
    without,
)
from pipeline.local.cloudformation.resources.shape import params


def _create_address(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ec2")
    wanted = {"Domain": "vpc", **without(properties, "Tags")}
    given = client.allocate_address(**params(client, "AllocateAddress", wanted))
    pin = pinned.of_resource(scope.world, scope.stack, scope.name)
    if pin and pinned.take(scope.account, scope.region, given["AllocationId"], pin):
        given = {"PublicIp": pin.address, "AllocationId": pin.allocation}
    made = scope.born(_address(given))
    return _update_address(scope, made, {}, properties)


def _address(address: Mapping[str, Any]) -> Made:
    # Ref of an Elastic IP is its address; everything else needs the allocation.
    return Made(id=address["PublicIp"], attributes=only(dict(address), "PublicIp", "AllocationId"))


def _update_address(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    tag(scope, made.attributes["AllocationId"], old, new)
    return made


def _release(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("ec2").release_address(AllocationId=made.attributes["AllocationId"])


def _adopt_address(scope: Scope, identifier: Mapping[str, str]) -> Made:
    if set(identifier) != {"PublicIp", "AllocationId"}:
        raise ResourceError("an Elastic IP is imported by PublicIp and AllocationId")
    found = scope.client("ec2").describe_addresses(AllocationIds=[identifier["AllocationId"]])["Addresses"][0]
    if found["PublicIp"] != identifier["PublicIp"]:
        raise ResourceError(f"{identifier['AllocationId']} has the address {found['PublicIp']}, not {identifier['PublicIp']}")
    return _address(found)


def permission(rule: Properties, *, ingress: bool) -> dict[str, Any]:
    """One rule in the shape of IpPermissions."""
    side = "Source" if ingress else "Destination"
    described = {"Description": rule["Description"]} if "Description" in rule else {}
    shaped: dict[str, Any] = {"IpProtocol": str(rule["IpProtocol"])}
    for key in ("FromPort", "ToPort"):
        if key in rule:
            shaped[key] = int(rule[key])
    if "CidrIp" in rule:
        shaped["IpRanges"] = [{"CidrIp": rule["CidrIp"], **described}]
    elif "CidrIpv6" in rule:
        shaped["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **described}]
    elif f"{side}SecurityGroupId" in rule:
        shaped["UserIdGroupPairs"] = [{"GroupId": rule[f"{side}SecurityGroupId"], **described}]
    elif f"{side}PrefixListId" in rule:
        shaped["PrefixListIds"] = [{"PrefixListId": rule[f"{side}PrefixListId"], **described}]
    else:
        raise ResourceError(f"the local CloudFormation does not know the peer of the security group rule {rule}")
    return shaped


def _authorize(client: Any, group: str, rule: Properties, *, ingress: bool) -> str:
    call = client.authorize_security_group_ingress if ingress else client.authorize_security_group_egress
    answer = call(GroupId=group, IpPermissions=[permission(rule, ingress=ingress)])
    identity: str = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
    return identity


def _revoke(client: Any, group: str, rule: Properties, *, ingress: bool) -> None:
    call = client.revoke_security_group_ingress if ingress else client.revoke_security_group_egress
    call(GroupId=group, IpPermissions=[permission(rule, ingress=ingress)])


def _create_group(scope: Scope, properties: Properties) -> Made:
    client = scope.client("ec2")
    name = properties.get("GroupName") or scope.physical_name(255)
    wanted = {"GroupName": name, "Description": properties["GroupDescription"], **only(properties, "VpcId")}
    group = client.create_security_group(**params(client, "CreateSecurityGroup", wanted))["GroupId"]
    made = scope.born(Made(id=group, attributes={"GroupId": group, "Id": group, "VpcId": properties.get("VpcId", "")}))
    tag(scope, group, {}, properties)
    # As CloudFormation tags whatever takes tags; policies ask for those of a group (policy/verify.py).
    client.create_tags(Resources=[group], Tags=tag_list({f"{SYSTEM}stack-name": scope.stack, f"{SYSTEM}logical-id": scope.name}))
    if properties.get("SecurityGroupEgress"):
        # EC2 opens every new group outward; a template that names its egress rules means only those.
        _revoke(client, group, {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}, ingress=False)
    _rules(client, group, {}, properties)
    return made


def _rules(client: Any, group: str, old: Properties, new: Properties) -> None:
    for key, ingress in (("SecurityGroupIngress", True), ("SecurityGroupEgress", False)):
        before, after = _listed(old.get(key)), _listed(new.get(key))
        added, gone = [rule for rule in after if rule not in before], [rule for rule in before if rule not in after]
        # Another description is another rule in the same place: first the old one goes (cloudformation-coverage-roadmap#2259).
        first = [rule for rule in gone if any(_way(rule) == _way(other) for other in added)]
        for rule in first:
            _unless(client, "InvalidPermission.NotFound", _revoke, group, rule, ingress=ingress)
        for rule in added:
            _unless(client, "InvalidPermission.Duplicate", _authorize, group, rule, ingress=ingress)
        for rule in gone:
            if rule not in first:
                _unless(client, "InvalidPermission.NotFound", _revoke, group, rule, ingress=ingress)


def _way(rule: Properties) -> dict[str, str]:
    return {key: str(value) for key, value in rule.items() if key != "Description"}


def _unless(client: Any, code: str, act: Callable[..., Any], group: str, rule: Properties, *, ingress: bool) -> None:
    """What somebody has done by hand already is done (aws-cloudformation/cloudformation-coverage-roadmap#1532)."""
    try:
        act(client, group, rule, ingress=ingress)
    except ClientError as error:
        if error.response["Error"]["Code"] != code:
            raise


def _listed(rules: Any) -> list[Properties]:
    return rules if isinstance(rules, list) else [rules] if rules else []


def _update_group(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    if bool(old.get("SecurityGroupEgress")) != bool(new.get("SecurityGroupEgress")):
        raise ResourceError("the local CloudFormation cannot change between default and named egress rules of a security group")
    _rules(scope.client("ec2"), made.id, old, new)
    return retag(scope, made, old, new)


def _delete_group(scope: Scope, made: Made, _: Properties) -> None:
    scope.client("ec2").delete_security_group(GroupId=made.id)


def _rule_handler(*, ingress: bool) -> Handler:
    side = "Source" if ingress else "Destination"

    def create(scope: Scope, properties: Properties) -> Made:
        identity = _authorize(scope.client("ec2"), properties["GroupId"], properties, ingress=ingress)
        return Made(id=identity, attributes={"Id": identity})

    def update(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
        # Only the description can change in place; in EC2's emulation it is part of the rule.
        delete(scope, made, old)
        return create(scope, new)

    def delete(scope: Scope, _: Made, properties: Properties) -> None:
        _revoke(scope.client("ec2"), properties["GroupId"], properties, ingress=ingress)

    return Handler(
        create=create,
        update=update,
        delete=delete,
        enforced=names(f"CidrIp CidrIpv6 Description FromPort GroupId IpProtocol ToPort {side}PrefixListId {side}SecurityGroupId"),
        mutable=names("Description"),
    )


HANDLERS = {
    "AWS::EC2::EIP": Handler(
        create=_create_address,
        update=_update_address,
        delete=_release,
        adopt=_adopt_address,
        enforced=names("Address Domain Tags"),
        mutable=names("Tags"),
        recorded=names("NetworkBorderGroup"),
    ),
    "AWS::EC2::SecurityGroup": Handler(
        create=_create_group,
        update=_update_group,
        delete=_delete_group,
        enforced=names("GroupDescription GroupName SecurityGroupEgress SecurityGroupIngress Tags VpcId"),
        mutable=names("SecurityGroupEgress SecurityGroupIngress Tags"),
    ),
    "AWS::EC2::SecurityGroupIngress": _rule_handler(ingress=True),
    "AWS::EC2::SecurityGroupEgress": _rule_handler(ingress=False),
}
