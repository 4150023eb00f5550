"""Who may use the keys that encrypt the pipeline's artifacts and messages. In a key policy "*" means this key."""

from __future__ import annotations

from awacs import kms
from awacs.aws import Action, AWSPrincipal, PolicyDocument, Principal, Statement

from policy.statement import allow, document, other_accounts_read


def artifacts(*, account: str, readers: list[str]) -> PolicyDocument:
    """`readers` are roles in other accounts."""
    return document(*_artifacts(account, readers))


def artifacts_and_messages(*, account: str, readers: list[str]) -> PolicyDocument:
    """`readers` are roles in other accounts."""
    return document(
        *_artifacts(account, readers),
        # EventBridge writes to an encrypted topic only when the key lets it. It sends none of aws:SourceAccount and aws:SourceArn to
        # KMS, so a condition on them would lose the messages (SNS, "Key management", compatibility of event sources).
        allow("FailureReports", [kms.Decrypt, kms.GenerateDataKey], "*", Principal=Principal("Service", "events.amazonaws.com")),
    )


def _artifacts(account: str, readers: list[str]) -> list[Statement]:
    return [
        # The roles' own policies decide inside the account; without this statement nobody could ever administer the key again.
        allow("AccountDecides", [Action("kms", "*")], "*", Principal=AWSPrincipal(f"arn:aws:iam::{account}:root")),
        *other_accounts_read(readers, [kms.Decrypt, kms.DescribeKey], "*"),
    ]
