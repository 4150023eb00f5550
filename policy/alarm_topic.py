"""The alarm topic and its key: CloudWatch alarms of one stack publish, the account's administrators manage."""

from __future__ import annotations

from awacs import kms, sns
from awacs.aws import Action, Allow, ArnLike, AWSPrincipal, Bool, Condition, Deny, PolicyDocument, Principal, Statement, StringEquals

from policy.trust import VERSION


def _our_alarms(account: str, region: str, stack: str) -> Condition:
    """CloudFormation begins the name of an unnamed alarm with its stack's name."""
    return Condition(
        [
            StringEquals({"aws:SourceAccount": account}),
            ArnLike({"aws:SourceArn": f"arn:aws:cloudwatch:{region}:{account}:alarm:{stack}-*"}),
        ]
    )


def key(*, account: str, region: str, stack: str) -> PolicyDocument:
    return PolicyDocument(
        Version=VERSION,
        Statement=[
            # A key policy is the only door to a key: without this statement nobody could ever change it again. "*" is this key.
            Statement(
                Sid="Administer",
                Effect=Allow,
                Principal=AWSPrincipal(f"arn:aws:iam::{account}:root"),
                Action=[Action("kms", "*")],
                Resource=["*"],
            ),
            Statement(
                Sid="AlarmsPublish",
                Effect=Allow,
                Principal=Principal("Service", "cloudwatch.amazonaws.com"),
                Action=[kms.Decrypt, kms.GenerateDataKey],
                Resource=["*"],
                Condition=_our_alarms(account, region, stack),
            ),
        ],
    )


def topic(*, arn: object, account: str, region: str, stack: str) -> PolicyDocument:
    return PolicyDocument(
        Version=VERSION,
        Statement=[
            Statement(
                Sid="AlarmsPublish",
                Effect=Allow,
                Principal=Principal("Service", "cloudwatch.amazonaws.com"),
                Action=[sns.Publish],
                Resource=[arn],
                Condition=_our_alarms(account, region, stack),
            ),
            Statement(
                Sid="OnlyTls",
                Effect=Deny,
                Principal=Principal("*"),
                Action=[sns.Publish],
                Resource=[arn],
                Condition=Condition(Bool({"aws:SecureTransport": "false"})),
            ),
        ],
    )
