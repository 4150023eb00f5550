"""What CloudFormation needs for the channel that hears from the pipeline."""

from __future__ import annotations

from awacs import chatbot, iam
from awacs.aws import Condition, Statement, StringEquals

from policy.statement import allow


def channel(*, account: str, project: str) -> list[Statement]:
    configuration = _configuration(account, project)
    service = f"arn:aws:iam::{account}:role/aws-service-role/management.chatbot.amazonaws.com/*"
    role = f"arn:aws:iam::{account}:role/{project}-pipeline-*"
    return [
        allow(
            "ChatChannel",
            [
                chatbot.AssociateToConfiguration,
                chatbot.DeleteSlackChannelConfiguration,
                chatbot.DisassociateFromConfiguration,
                chatbot.ListAssociations,
                chatbot.TagResource,
                chatbot.UntagResource,
                chatbot.UpdateSlackChannelConfiguration,
            ],
            configuration,
        ),
        # None knows a resource (Service Authorization Reference).
        allow(
            "AnyResourceChatChannel",
            [chatbot.CreateSlackChannelConfiguration, chatbot.DescribeSlackChannelConfigurations, chatbot.ListTagsForResource],
            "*",
        ),
        allow(
            "ChatServiceRole",
            [iam.CreateServiceLinkedRole],
            service,
            Condition=Condition(StringEquals({"iam:AWSServiceName": "management.chatbot.amazonaws.com"})),
        ),
        allow("PassChatRole", [iam.PassRole], role, Condition=Condition(StringEquals({"iam:PassedToService": "chatbot.amazonaws.com"}))),
    ]


def see(*, account: str, project: str) -> list[Statement]:
    """What whoever looks for drift needs."""
    return [
        allow("ReadChatChannel", [chatbot.ListAssociations], _configuration(account, project)),
        allow("AnyResourceReadChatChannel", [chatbot.DescribeSlackChannelConfigurations], "*"),
    ]


def _configuration(account: str, project: str) -> str:
    return f"arn:aws:chatbot::{account}:chat-configuration/slack-channel/{project}-pipeline"
