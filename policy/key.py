"""Who may use the key that encrypts the pipeline's artifacts and messages."""

from __future__ import annotations

from awacs import kms
from awacs.aws import Action, Allow, ArnLike, Condition, PolicyDocument, Principal, Statement


def artifacts(*, account: str, readers: list[str]) -> PolicyDocument:
    """`readers` are roles in other accounts."""
    statements = [
        # The roles' own policies decide inside the account; without this statement nobody could ever administer the key again.
        Statement(
            Sid="AccountDecides",
            Effect=Allow,
            Principal=Principal("AWS", f"arn:aws:iam::{account}:root"),
            Action=[Action("kms", "*")],
            # In a key policy "*" means this key.
            Resource=["*"],
        ),
        # EventBridge writes to an encrypted topic only when the key lets it. It sends none of aws:SourceAccount and aws:SourceArn to
        # KMS, so a condition on them would lose the messages (SNS, "Key management", compatibility of event sources).
        Statement(
            Sid="FailureReports",
            Effect=Allow,
            Principal=Principal("Service", "events.amazonaws.com"),
            Action=[kms.Decrypt, kms.GenerateDataKey],
            Resource=["*"],
        ),
    ]
    if readers:
        statements.append(
            Statement(
                Sid="OtherAccountsRead",
                Effect=Allow,
                # A principal must exist when it is named, and these roles may be made later; a pattern may be empty.
                Principal=Principal("AWS", sorted({f"arn:aws:iam::{role.split(':')[4]}:root" for role in readers})),
                Action=[kms.Decrypt, kms.DescribeKey],
                Resource=["*"],
                Condition=Condition(ArnLike("aws:PrincipalArn", readers)),
            )
        )
    return PolicyDocument(Version="2012-10-17", Statement=statements)
