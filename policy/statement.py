"""What the documents here consist of: one version, statements that allow, and the statements that several documents share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from awacs import iam
from awacs.aws import Action, Allow, ArnLike, AWSPrincipal, Bool, Condition, Deny, PolicyDocument, Principal, Statement, StringEquals

VERSION = "2012-10-17"


def document(*statements: Statement) -> PolicyDocument:
    return PolicyDocument(Version=VERSION, Statement=list(statements))


def allow(sid: str, actions: Sequence[Any], *resources: Any, **more: Any) -> Statement:
    """`more` is what few statements have: Principal and Condition."""
    return Statement(Sid=sid, Effect=Allow, Action=list(actions), Resource=list(resources), **more)


def by_name(*actions: Any) -> list[Any]:
    """In the order in which people look for them, wherever they come from."""
    return sorted(actions, key=lambda action: str(action.action))


def only_tls(action: Action, *resources: Any) -> Statement:
    return Statement(
        Sid="OnlyTls",
        Effect=Deny,
        Principal=Principal("*"),
        Action=[action],
        Resource=list(resources),
        Condition=Condition(Bool({"aws:SecureTransport": "false"})),
    )


def other_accounts_read(roles: list[str], actions: Sequence[Any], *resources: Any) -> list[Statement]:
    """`roles` by name: a principal must exist when it is named, and these may be made later; a pattern may be empty."""
    if not roles:
        return []
    accounts = sorted({f"arn:aws:iam::{role.split(':')[4]}:root" for role in roles})
    condition = Condition(ArnLike("aws:PrincipalArn", roles))
    return [allow("OtherAccountsRead", actions, *resources, Principal=AWSPrincipal(accounts), Condition=condition)]


def hand_over(roles: Sequence[Any]) -> Statement:
    """To CloudFormation, which then acts as one of them."""
    condition = Condition(StringEquals({"iam:PassedToService": "cloudformation.amazonaws.com"}))
    return allow("HandOver", [iam.PassRole], *roles, Condition=condition)
