"""Who may reach the pipeline's artifact bucket, and how: TLS only, and accounts of environments may read."""

from __future__ import annotations

from typing import Any

from awacs import s3
from awacs.aws import Action, Allow, ArnLike, Bool, Condition, Deny, PolicyDocument, Principal, Statement


def bucket(*, bucket: Any, objects: Any, readers: list[str]) -> PolicyDocument:
    """`readers` are roles in other accounts."""
    statements = [
        Statement(
            Sid="TlsOnly",
            Effect=Deny,
            Principal=Principal("*"),
            Action=[Action("s3", "*")],
            Resource=[bucket, objects],
            Condition=Condition(Bool("aws:SecureTransport", "false")),
        )
    ]
    if readers:
        statements.append(
            Statement(
                Sid="OtherAccountsRead",
                Effect=Allow,
                # A principal must exist when it is named, and these roles may be made later; a pattern may be empty.
                Principal=Principal("AWS", sorted({f"arn:aws:iam::{role.split(':')[4]}:root" for role in readers})),
                Action=[s3.GetObject, s3.GetObjectVersion],
                Resource=[objects],
                Condition=Condition(ArnLike("aws:PrincipalArn", readers)),
            )
        )
    return PolicyDocument(Version="2012-10-17", Statement=statements)
