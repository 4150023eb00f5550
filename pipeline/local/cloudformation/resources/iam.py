"""Roles and policies, which the engine then asks before every call of a role (pipeline/local/iam)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.local.cloudformation.resources.handler import (
    Handler,
    Made,
    Properties,
    Scope,
    names,
    only,
    tag_changes,
    tag_list,
    without,
)
from pipeline.local.cloudformation.resources.shape import params


def _create_role(scope: Scope, properties: Properties) -> Made:
    client = scope.client("iam")
    name = properties.get("RoleName") or scope.physical_name(64)
    wanted = {**without(properties, "ManagedPolicyArns", "Policies"), "RoleName": name}
    role = client.create_role(**params(client, "CreateRole", wanted))["Role"]
    made = scope.born(Made(id=name, attributes={"Arn": role["Arn"], "RoleId": role["RoleId"]}))
    _role_policies(client, name, {}, properties)
    return made


def _role_policies(client: Any, role: str, old: Properties, new: Properties) -> None:
    before = {policy["PolicyName"]: policy["PolicyDocument"] for policy in old.get("Policies", [])}
    after = {policy["PolicyName"]: policy["PolicyDocument"] for policy in new.get("Policies", [])}
    for name, document in after.items():
        if before.get(name) != document:
            client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))
    for name in before.keys() - after.keys():
        client.delete_role_policy(RoleName=role, PolicyName=name)
    attached, wanted = set(old.get("ManagedPolicyArns", [])), set(new.get("ManagedPolicyArns", []))
    for arn in sorted(wanted - attached):
        client.attach_role_policy(RoleName=role, PolicyArn=arn)
    for arn in sorted(attached - wanted):
        client.detach_role_policy(RoleName=role, PolicyArn=arn)


def _update_role(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("iam")
    if old["AssumeRolePolicyDocument"] != new["AssumeRolePolicyDocument"]:
        client.update_assume_role_policy(RoleName=made.id, PolicyDocument=json.dumps(new["AssumeRolePolicyDocument"]))
    if any(old.get(key) != new.get(key) for key in ("Description", "MaxSessionDuration")):
        client.update_role(
            RoleName=made.id, Description=new.get("Description", ""), MaxSessionDuration=int(new.get("MaxSessionDuration", 3600))
        )
    if old.get("PermissionsBoundary") != new.get("PermissionsBoundary"):
        if "PermissionsBoundary" in new:
            client.put_role_permissions_boundary(RoleName=made.id, PermissionsBoundary=new["PermissionsBoundary"])
        else:
            client.delete_role_permissions_boundary(RoleName=made.id)
    _role_policies(client, made.id, old, new)
    wanted, gone = tag_changes(old, new)
    if wanted:
        client.tag_role(RoleName=made.id, Tags=tag_list(wanted))
    if gone:
        client.untag_role(RoleName=made.id, TagKeys=gone)
    return made


def _delete_role(scope: Scope, made: Made, _: Properties) -> None:
    client = scope.client("iam")
    # What is there rather than what the template says: the role may be half made.
    for name in client.list_role_policies(RoleName=made.id)["PolicyNames"]:
        client.delete_role_policy(RoleName=made.id, PolicyName=name)
    for policy in client.list_attached_role_policies(RoleName=made.id)["AttachedPolicies"]:
        client.detach_role_policy(RoleName=made.id, PolicyArn=policy["PolicyArn"])
    client.delete_role(RoleName=made.id)


def _put_policy(scope: Scope, properties: Properties) -> Made:
    identity = scope.physical_name(64)
    return _change_policy(scope, Made(id=identity, attributes={"Id": identity}), {}, properties)


def _change_policy(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("iam")
    for role in new.get("Roles", []):
        client.put_role_policy(RoleName=role, PolicyName=new["PolicyName"], PolicyDocument=json.dumps(new["PolicyDocument"]))
    for role in old.get("Roles", []):
        if role not in new.get("Roles", []) or old["PolicyName"] != new["PolicyName"]:
            client.delete_role_policy(RoleName=role, PolicyName=old["PolicyName"])
    return made


def _delete_policy(scope: Scope, _: Made, properties: Properties) -> None:
    for role in properties.get("Roles", []):
        scope.client("iam").delete_role_policy(RoleName=role, PolicyName=properties["PolicyName"])


def _create_managed(scope: Scope, properties: Properties) -> Made:
    client = scope.client("iam")
    wanted = {
        **only(properties, "Description", "Path", "PolicyDocument"),
        "PolicyName": properties.get("ManagedPolicyName") or scope.physical_name(128),
    }
    policy = client.create_policy(**params(client, "CreatePolicy", wanted))["Policy"]
    made = scope.born(Made(id=policy["Arn"], attributes={"PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]}))
    for role in properties.get("Roles", []):
        client.attach_role_policy(RoleName=role, PolicyArn=policy["Arn"])
    return made


def _adopt_managed(scope: Scope, identifier: Mapping[str, str]) -> Made:
    policy = scope.client("iam").get_policy(**identifier)["Policy"]
    return Made(id=policy["Arn"], attributes={"PolicyArn": policy["Arn"], "PolicyId": policy["PolicyId"]})


def _update_managed(scope: Scope, made: Made, old: Properties, new: Properties) -> Made:
    client = scope.client("iam")
    if old["PolicyDocument"] != new["PolicyDocument"]:
        client.create_policy_version(PolicyArn=made.id, PolicyDocument=json.dumps(new["PolicyDocument"]), SetAsDefault=True)
        # IAM keeps five versions at most.
        for version in client.list_policy_versions(PolicyArn=made.id)["Versions"]:
            if not version["IsDefaultVersion"]:
                client.delete_policy_version(PolicyArn=made.id, VersionId=version["VersionId"])
    before, after = set(old.get("Roles", [])), set(new.get("Roles", []))
    for role in sorted(after - before):
        client.attach_role_policy(RoleName=role, PolicyArn=made.id)
    for role in sorted(before - after):
        client.detach_role_policy(RoleName=role, PolicyArn=made.id)
    return made


def _delete_managed(scope: Scope, made: Made, properties: Properties) -> None:
    client = scope.client("iam")
    for role in properties.get("Roles", []):
        client.detach_role_policy(RoleName=role, PolicyArn=made.id)
    client.delete_policy(PolicyArn=made.id)


HANDLERS = {
    "AWS::IAM::Role": Handler(
        create=_create_role,
        update=_update_role,
        delete=_delete_role,
        enforced=names(
            "AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration Path PermissionsBoundary Policies RoleName Tags"
        ),
        mutable=names("AssumeRolePolicyDocument Description ManagedPolicyArns MaxSessionDuration PermissionsBoundary Policies Tags"),
    ),
    "AWS::IAM::Policy": Handler(
        create=_put_policy,
        update=_change_policy,
        delete=_delete_policy,
        enforced=names("PolicyDocument PolicyName Roles"),
        mutable=names("PolicyDocument PolicyName Roles"),
    ),
    "AWS::IAM::ManagedPolicy": Handler(
        create=_create_managed,
        update=_update_managed,
        adopt=_adopt_managed,
        delete=_delete_managed,
        enforced=names("Description ManagedPolicyName Path PolicyDocument Roles"),
        mutable=names("PolicyDocument Roles"),
    ),
}
