"""What an image repository allows beyond IAM: pulls by the tasks of other accounts, and no deletion by hand."""

from __future__ import annotations

from collections.abc import Sequence

from awacs import ecr
from awacs.aws import Allow, ArnLike, AWSPrincipal, Condition, Deny, PolicyDocument, Principal, Statement

from policy.statement import document


def images(*, pulled_by: Sequence[str]) -> PolicyDocument:
    """`pulled_by` are patterns of execution roles in other accounts. A repository policy names no Resource: it is about its repository."""
    statements = [
        # Only the lifecycle policy removes images. A task that starts, or a rollback, needs its digest to be there.
        Statement(
            Sid="KeepImages",
            Effect=Deny,
            Principal=Principal("*"),
            Action=[ecr.BatchDeleteImage, ecr.DeleteRepository],
        )
    ]
    if pulled_by:
        accounts = sorted({f"arn:aws:iam::{role.split(':')[4]}:root" for role in pulled_by})
        statements.append(
            Statement(
                Sid="PullFromEnvironments",
                Effect=Allow,
                Principal=AWSPrincipal(accounts),
                Action=[ecr.BatchCheckLayerAvailability, ecr.BatchGetImage, ecr.GetDownloadUrlForLayer],
                # A role that is named as the principal must exist; these are made with their environment, and anew with another id.
                Condition=Condition(ArnLike({"aws:PrincipalArn": list(pulled_by)})),
            )
        )
    return document(*statements)
