"""What CloudFormation needs for the channel that hears from the pipeline."""

from __future__ import annotations

from awacs import chatbot, iam
from awacs.aws import Condition, Statement, StringEquals

from policy.statement import allow


def channel(*, account: str, project: str) -> list[Statement]:
    configuration = f"arn:aws:chatbot::{account}:chat-configuration/slack-channel/{project}-pipeline"
    service = "arn:aws:iam::*:role/aws-service-role/management.chatbot.amazonaws.com/AWSServiceRoleForAWSChatbot"
    role = f"arn:aws:iam::{account}:role/{project}-pipeline-*"
    return [
        allow(
            "ChatChannel",
            [
                chatbot.AssociateToConfiguration,
                chatbot.DeleteSlackChannelConfiguration,
                chatbot.DisassociateFromConfiguration,
                chatbot.ListAssociations,
                chatbot.ListTagsForResource,
                chatbot.TagResource,
                chatbot.UntagResource,
                chatbot.UpdateSlackChannelConfiguration,
            ],
            configuration,
        ),
        # Neither knows a resource (Service Authorization Reference).
        allow("AnyResourceChatChannel", [chatbot.CreateSlackChannelConfiguration, chatbot.DescribeSlackChannelConfigurations], "*"),
        allow(
            "ChatServiceRole",
            [iam.CreateServiceLinkedRole],
            service,
            Condition=Condition(StringEquals({"iam:AWSServiceName": "management.chatbot.amazonaws.com"})),
        ),
        allow("PassChatRole", [iam.PassRole], role, Condition=Condition(StringEquals({"iam:PassedToService": "chatbot.amazonaws.com"}))),
    ]
