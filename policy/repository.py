"""What the image repository allows beyond IAM: pulls from the other accounts, and no deletion by hand."""

from __future__ import annotations

from collections.abc import Sequence

from awacs import ecr
from awacs.aws import Allow, AWSPrincipal, Deny, PolicyDocument, Principal, Statement

from policy.statement import document


def images(*, pull_accounts: Sequence[str]) -> PolicyDocument:
    """An ECR repository policy names no Resource: it is about the repository that carries it."""
    statements = [
        # Only the lifecycle policy removes images. A task that starts, or a rollback, needs its digest to be there.
        Statement(
            Sid="KeepImages",
            Effect=Deny,
            Principal=Principal("*"),
            Action=[ecr.BatchDeleteImage, ecr.DeleteRepository],
        )
    ]
    if pull_accounts:
        statements.append(
            Statement(
                Sid="PullFromEnvironments",
                Effect=Allow,
                Principal=AWSPrincipal([f"arn:aws:iam::{account}:root" for account in pull_accounts]),
                Action=[ecr.BatchCheckLayerAvailability, ecr.BatchGetImage, ecr.GetDownloadUrlForLayer],
            )
        )
    return document(*statements)
