"""What CloudFormation needs for roles and policies, and what keeps it from giving a role more than was meant."""

from __future__ import annotations

from collections.abc import Sequence

from awacs import iam
from awacs.aws import Action, ArnEquals, ArnEqualsIfExists, Condition, Deny, Statement, StringEquals

from policy.statement import allow, by_name

# What was written into a role while it was bounded would all be allowed at once.
KEEP_BOUNDARIES = Statement(Sid="KeepBoundaries", Effect=Deny, Action=[iam.DeleteRolePermissionsBoundary], Resource=["*"])


def roles(pattern: str, services: tuple[str, ...], *named: str, boundary: str = "") -> list[Statement]:
    """CloudFormation names a role `<stack>-<logical id>-<random>`, so the stack's name bounds which roles it may make and give.

    `boundary`: what such a role may be given is bounded by this policy and no other.
    """
    changes = [iam.AttachRolePolicy, iam.CreateRole, iam.PutRolePolicy]
    takes = [iam.DeleteRolePolicy, iam.DetachRolePolicy]
    always = [
        iam.DeleteRole,
        iam.GetRole,
        iam.GetRolePolicy,
        iam.ListAttachedRolePolicies,
        iam.ListRolePolicies,
        iam.ListRoleTags,
        iam.TagRole,
        iam.UntagRole,
        iam.UpdateAssumeRolePolicy,
        iam.UpdateRole,
        iam.UpdateRoleDescription,
    ]
    handed = Condition(StringEquals("iam:PassedToService", list(services)))
    return [
        allow("Roles", always if boundary else by_name(*always, *changes, *takes), pattern, *named),
        *(_bounded(pattern, boundary, [*changes, iam.PutRolePermissionsBoundary], takes) if boundary else []),
        allow("PassRoles", [iam.PassRole], pattern, *named, Condition=handed),
    ]


def _bounded(roles: str, boundary: str, changes: Sequence[Action], takes: Sequence[Action]) -> list[Statement]:
    """All actions that know the key are here (Service Authorization Reference, iam:PermissionsBoundary), but for the one that is denied.

    CreateRole and PutRolePermissionsBoundary are about the boundary that they set, the others about the one that the role has. An update of
    a role from before the boundary puts it before it writes the role's policies, if the update handler goes by the order of its schema.
    """
    return [
        allow("BoundedRoles", by_name(*changes), roles, Condition=Condition(ArnEquals("iam:PermissionsBoundary", boundary))),
        # A role from before the boundary has none, and may go.
        allow("EmptyRoles", takes, roles, Condition=Condition(ArnEqualsIfExists("iam:PermissionsBoundary", boundary))),
    ]


def keep_own_role(role: str) -> Statement:
    """Its name is one of those that it may change; a template of an environment must not be able to widen what deploys it."""
    changes = [
        iam.AttachRolePolicy,
        iam.DeleteRole,
        iam.DeleteRolePolicy,
        iam.DetachRolePolicy,
        iam.PassRole,
        iam.PutRolePermissionsBoundary,
        iam.PutRolePolicy,
        iam.UpdateAssumeRolePolicy,
    ]
    return Statement(Sid="KeepOwnRole", Effect=Deny, Action=changes, Resource=[role])


def keep_boundary(policy: str) -> list[Statement]:
    """Without them the boundary would bound only whoever means to be bound."""
    changes = [
        iam.CreatePolicy,
        iam.CreatePolicyVersion,
        iam.DeletePolicy,
        iam.DeletePolicyVersion,
        iam.SetDefaultPolicyVersion,
    ]
    return [KEEP_BOUNDARIES, Statement(Sid="KeepBoundary", Effect=Deny, Action=changes, Resource=[policy])]


def managed_policies(account: str, project: str) -> list[Statement]:
    return [
        allow(
            "ManagedPolicies",
            [
                iam.CreatePolicy,
                iam.CreatePolicyVersion,
                iam.DeletePolicy,
                iam.DeletePolicyVersion,
                iam.GetPolicy,
                iam.GetPolicyVersion,
                iam.ListEntitiesForPolicy,
                iam.ListPolicyTags,
                iam.ListPolicyVersions,
                iam.TagPolicy,
                iam.UntagPolicy,
            ],
            f"arn:aws:iam::{account}:policy/{project}-roles-*",
        )
    ]
