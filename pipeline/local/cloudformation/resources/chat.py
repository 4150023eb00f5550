"""Amazon Q Developer in chat applications: nobody chats here, so a channel is only recorded."""

from __future__ import annotations

from pipeline.local.cloudformation.resources.handler import Handler, Made, Properties, Scope, names


def _create(scope: Scope, properties: Properties) -> Made:
    arn = f"arn:aws:chatbot::{scope.account}:chat-configuration/slack-channel/{properties['ConfigurationName']}"
    return Made(id=arn, attributes={"Arn": arn})


def _delete(_scope: Scope, _made: Made, _: Properties) -> None:
    pass


HANDLERS = {
    "AWS::Chatbot::SlackChannelConfiguration": Handler(
        create=_create,
        delete=_delete,
        enforced=frozenset(),
        recorded=names("ConfigurationName GuardrailPolicies IamRoleArn LoggingLevel SlackChannelId SlackWorkspaceId SnsTopicArns Tags"),
    ),
}
