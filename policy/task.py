"""What a proxy task may do: nothing by itself; what ECS does to start it is the execution role's."""

from __future__ import annotations

from awacs import ecr, logs
from awacs.aws import Action, Allow, Deny, PolicyDocument, Statement

from policy.trust import VERSION


def task() -> PolicyDocument:
    """Nginx calls no AWS API. An explicit denial also covers what a resource policy grants to a whole account."""
    return PolicyDocument(Version=VERSION, Statement=[Statement(Sid="Nothing", Effect=Deny, Action=[Action("*")], Resource=["*"])])


def execution(*, repository: str, log_group: object) -> PolicyDocument:
    """`log_group` is the group's ARN as AWS::Logs::LogGroup returns it, ending in `:*`."""
    return PolicyDocument(
        Version=VERSION,
        Statement=[
            # ecr:GetAuthorizationToken knows no resource: the token is for the registry, the next statement limits what it opens.
            Statement(Sid="AnyResourceLogIn", Effect=Allow, Action=[ecr.GetAuthorizationToken], Resource=["*"]),
            Statement(
                Sid="Pull",
                Effect=Allow,
                Action=[ecr.BatchCheckLayerAvailability, ecr.BatchGetImage, ecr.GetDownloadUrlForLayer],
                Resource=[repository],
            ),
            Statement(Sid="Log", Effect=Allow, Action=[logs.CreateLogStream, logs.PutLogEvents], Resource=[log_group]),
        ],
    )
