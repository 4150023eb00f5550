"""Whom the pipeline tells: what fails, what is stopped or taken back, and who is waited for. By mail and, if wanted, in a chat channel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from troposphere import GetAtt, Template, chatbot, events, iam, sns

from policy import topic as policy
from policy import trust
from stacks.config_chat import Chat
from stacks.project import Project

RUN, STAGE, ACTION = (f"CodePipeline {kind} Execution State Change" for kind in ("Pipeline", "Stage", "Action"))


@dataclass(frozen=True, kw_only=True)
class Notice:
    """`text` names what `values` takes from the event. `mail`: whether the topic with the mail addresses gets it too."""

    rule: str
    about: str
    kind: str
    detail: Mapping[str, Any]
    text: str
    values: Mapping[str, str]
    mail: bool = True


EXECUTION = {"run": "$.detail.execution-id"}
IN_STAGE = {**EXECUTION, "stage": "$.detail.stage"}
NOTICES = (
    Notice(
        rule="FailureRule",
        about="failed",
        kind=STAGE,
        detail={"state": ["FAILED"]},
        text="stage <stage> failed in run <run>. What happened: kotei status",
        values=IN_STAGE,
    ),
    Notice(
        rule="StopRule",
        about="stopped",
        # A queued run is never superseded; should somebody change the mode, that is to be noticed.
        kind=RUN,
        detail={"state": ["STOPPED", "SUPERSEDED"]},
        text="run <run> ended before it was through: <state>",
        values={**EXECUTION, "state": "$.detail.state"},
    ),
    Notice(
        rule="RollbackRule",
        about="rollback",
        kind=RUN,
        detail={"state": ["STARTED"], "execution-trigger": {"trigger-type": ["AutomatedRollback", "ManualRollback"]}},
        text="run <run> takes a stage back to an earlier run (<trigger>). What runs then: kotei status",
        values={**EXECUTION, "trigger": "$.detail.execution-trigger.trigger-type"},
    ),
    # By mail the approval action itself asks, with the plan's page.
    Notice(
        rule="ApprovalRule",
        about="approval",
        kind=ACTION,
        detail={"state": ["STARTED"], "type": {"category": ["Approval"]}},
        text="<stage> waits for a person in run <run>. What and how to answer: kotei status",
        values=IN_STAGE,
        mail=False,
    ),
)


def add(t: Template, project: Project, key: Any) -> sns.Topic:
    """Returns the topic that approvals are asked on."""
    config = project.pipeline
    topic = _topic(t, "Topic", f"{config.project} pipeline", key)
    if config.approvers_email:
        t.add_resource(sns.SubscriptionResource("ApproversEmail", TopicArn=topic.ref(), Protocol="email", Endpoint=config.approvers_email))
    chat = _chat(t, config.project, config.chat, key) if config.chat else None
    for notice in NOTICES:
        if targets := list(_targets(project, notice, topic, chat)):
            t.add_resource(
                events.Rule(
                    notice.rule,
                    Name=f"{config.project}-pipeline-{notice.about}",
                    Description=f"The pipeline tells: {notice.about}",
                    EventPattern={
                        "source": ["aws.codepipeline"],
                        "detail-type": [notice.kind],
                        "detail": {"pipeline": [config.project], **notice.detail},
                    },
                    Targets=targets,
                )
            )
    return topic


def _targets(project: Project, notice: Notice, topic: sns.Topic, chat: sns.Topic | None) -> Iterator[events.Target]:
    text = f"Pipeline {project.pipeline.project}: {notice.text}"
    if notice.mail:
        yield _target("Topic", topic, notice, text)
    if chat:
        # Anything else than this form, and than what AWS's services send as it is, the chat drops without a word
        # (Amazon Q Developer in chat applications, "Custom notifications").
        content = {"version": "1.0", "source": "custom", "content": {"description": text}, "metadata": {"threadId": "<run>"}}
        yield _target("Chat", chat, notice, content)


def _target(name: str, topic: sns.Topic, notice: Notice, message: Any) -> events.Target:
    transformer = events.InputTransformer(InputPathsMap=dict(notice.values), InputTemplate=json.dumps(message))
    return events.Target(Id=name, Arn=topic.ref(), InputTransformer=transformer)


def _topic(t: Template, name: str, shown: str, key: Any) -> sns.Topic:
    topic = t.add_resource(sns.Topic(name, DisplayName=shown, KmsMasterKeyId=key))
    t.add_resource(sns.TopicPolicy(f"{name}Policy", Topics=[topic.ref()], PolicyDocument=policy.failure_reports(topic=topic.ref())))
    return topic


def _chat(t: Template, project: str, chat: Chat, key: Any) -> sns.Topic:
    """A topic of its own: what the first one gets, a person reads, and the chat could not."""
    topic = _topic(t, "ChatTopic", f"{project} pipeline, chat", key)
    # It may do nothing, and the guardrail holds whatever somebody gives it or its users later: the channel reads.
    role = t.add_resource(iam.Role("ChatRole", AssumeRolePolicyDocument=trust.passed("chatbot.amazonaws.com")))
    t.add_resource(
        chatbot.SlackChannelConfiguration(
            "ChatChannel",
            ConfigurationName=f"{project}-pipeline",
            SlackWorkspaceId=chat.slack_workspace,
            SlackChannelId=chat.slack_channel,
            IamRoleArn=GetAtt(role, "Arn"),
            GuardrailPolicies=["arn:aws:iam::aws:policy/AWSDenyAll"],
            SnsTopicArns=[topic.ref()],
            LoggingLevel="ERROR",
        )
    )
    return topic
