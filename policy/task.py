"""What a proxy task may do: nothing by itself; what ECS does to start it is the execution role's."""

from __future__ import annotations

from collections.abc import Sequence

from awacs import ecr, logs, secretsmanager
from awacs.aws import Action, Deny, PolicyDocument, Statement

from policy.statement import allow, document


def task() -> PolicyDocument:
    """Nginx calls no AWS API. An explicit denial also covers what a resource policy grants to a whole account."""
    return document(Statement(Sid="Nothing", Effect=Deny, Action=[Action("*")], Resource=["*"]))


def execution(*, repositories: Sequence[str], log_group: object, secrets: Sequence[str]) -> PolicyDocument:
    """`log_group` is the group's ARN as AWS::Logs::LogGroup returns it, ending in `:*`.

    A secret under a key of one's own needs more: its key policy has to let Secrets Manager decrypt for this account.
    """
    read = [allow("ReadClientCertificates", [secretsmanager.GetSecretValue], *secrets)] if secrets else []
    return document(
        # ecr:GetAuthorizationToken knows no resource: the token is for the registry, the next statement limits what it opens.
        allow("AnyResourceLogIn", [ecr.GetAuthorizationToken], "*"),
        allow("Pull", [ecr.BatchCheckLayerAvailability, ecr.BatchGetImage, ecr.GetDownloadUrlForLayer], *repositories),
        allow("Log", [logs.CreateLogStream, logs.PutLogEvents], log_group),
        *read,
    )
