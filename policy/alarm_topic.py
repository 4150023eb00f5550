"""The alarm topic and its key: CloudWatch alarms of one stack publish, the account's administrators manage."""

from __future__ import annotations

from typing import Any

from awacs import kms, sns
from awacs.aws import Action, ArnLike, AWSPrincipal, Condition, PolicyDocument, Principal, Statement, StringEquals

from policy.statement import allow, document, only_tls


def key(*, account: str, region: str, stack: str) -> PolicyDocument:
    return document(
        # A key policy is the only door to a key: without this statement nobody could ever change it again. "*" is this key.
        allow("Administer", [Action("kms", "*")], "*", Principal=AWSPrincipal(f"arn:aws:iam::{account}:root")),
        _alarms_publish([kms.Decrypt, kms.GenerateDataKey], "*", account=account, region=region, stack=stack),
    )


def topic(*, arn: object, account: str, region: str, stack: str) -> PolicyDocument:
    return document(
        _alarms_publish([sns.Publish], arn, account=account, region=region, stack=stack),
        only_tls(sns.Publish, arn),
    )


def _alarms_publish(actions: list[Any], resource: object, *, account: str, region: str, stack: str) -> Statement:
    # CloudFormation begins the name of an unnamed alarm with its stack's name.
    ours = ArnLike({"aws:SourceArn": f"arn:aws:cloudwatch:{region}:{account}:alarm:{stack}-*"})
    condition = Condition([StringEquals({"aws:SourceAccount": account}), ours])
    return allow("AlarmsPublish", actions, resource, Principal=Principal("Service", "cloudwatch.amazonaws.com"), Condition=condition)
