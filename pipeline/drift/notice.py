"""Tells a topic what drifted."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.aws import Aws
from pipeline.drift.model import Found
from pipeline.drift.report import summary

# Amazon SNS, Publish: fewer than 100 characters in a subject, 256 KiB in a message.
SUBJECT_LIMIT, MESSAGE_LIMIT = 99, 200_000


def send(aws: Aws, topic: str, found: Sequence[Found], texts: Sequence[str]) -> None:
    """Nothing where nothing drifted: a topic that says that all is well is read by nobody."""
    told = [(one, text) for one, text in zip(found, texts, strict=True) if one.telling]
    if told:
        subject = "; ".join(summary(one) for one, _ in told)
        message = "\n".join(text for _, text in told)
        aws.call("sns", "publish", TopicArn=topic, Subject=subject[:SUBJECT_LIMIT], Message=message[:MESSAGE_LIMIT])
