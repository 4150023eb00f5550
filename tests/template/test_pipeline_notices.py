"""Whom the pipeline tells what: the events as CodePipeline sends them, and messages that mail and chat can show."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pipeline import codepipeline
from pipeline.notifications import NOTICES
from policy import cloudformation
from stacks import roles
from stacks.config_chat import Chat
from stacks.project import Project

# As CodePipeline sends them (CodePipeline user guide, Monitoring CodePipeline events).
RUN = {"pipeline": "kotei", "execution-id": "01234567-89ab-cdef-0123-456789abcdef"}
EVENTS: dict[str, tuple[str, dict[str, Any]]] = {
    "failed": ("Stage", {**RUN, "stage": "Staging-Deploy", "state": "FAILED"}),
    "stopped": ("Pipeline", {**RUN, "state": "STOPPED"}),
    "rollback": (
        "Pipeline",
        {**RUN, "state": "STARTED", "execution-trigger": {"trigger-type": "AutomatedRollback"}},
    ),
    "approval": (
        "Action",
        {**RUN, "stage": "Production-Approve", "action": "Approve", "state": "STARTED", "type": {"owner": "AWS", "category": "Approval"}},
    ),
    "nothing": ("Pipeline", {**RUN, "state": "STARTED", "execution-trigger": {"trigger-type": "StartPipelineExecution"}}),
    "no approval": ("Action", {**RUN, "stage": "Check", "action": "Check", "state": "STARTED", "type": {"category": "Build"}}),
    "another pipeline": ("Stage", {**RUN, "pipeline": "other", "stage": "Deploy", "state": "FAILED"}),
}


@pytest.fixture
def chatting(project: Project) -> Project:
    chat = Chat(slack_workspace="T0EXAMPLE01", slack_channel="C0EXAMPLE01")
    return project.model_copy(update={"pipeline": project.pipeline.model_copy(update={"chat": chat})})


def resources(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(codepipeline.build(project).to_json())["Resources"]
    return found


def matches(pattern: Any, value: Any) -> bool:
    if isinstance(pattern, dict):
        return all(isinstance(value, dict) and key in value and matches(below, value[key]) for key, below in pattern.items())
    return value in pattern


def messages(project: Project, event: str) -> dict[str, str]:
    """Topic -> what it gets of the event."""
    kind, detail = EVENTS[event]
    sent = {"source": "aws.codepipeline", "detail-type": f"CodePipeline {kind} Execution State Change", "detail": detail}
    told: dict[str, str] = {}
    for rule in resources(project).values():
        if rule["Type"] == "AWS::Events::Rule" and matches(rule["Properties"]["EventPattern"], sent):
            for target in rule["Properties"]["Targets"]:
                transformer = target["InputTransformer"]
                text = transformer["InputTemplate"]
                for name, path in transformer["InputPathsMap"].items():
                    value: Any = sent
                    for step in path.removeprefix("$.").split("."):
                        value = value[step]
                    text = text.replace(f"<{name}>", value)
                assert not re.search(r"<\w+>", text), text
                assert target["Arn"]["Ref"] not in told, "told twice"
                told[target["Arn"]["Ref"]] = text
    return told


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("failed", "stage Staging-Deploy failed in run <run>. What happened: kotei status"),
        ("stopped", "run <run> ended before it was through: STOPPED"),
        ("rollback", "run <run> takes a stage back to an earlier run (AutomatedRollback). What runs then: kotei status"),
    ],
)
def test_the_mail_says_what_happened_and_how_to_see_more(project: Project, event: str, said: str) -> None:
    assert messages(project, event) == {"Topic": json.dumps(f"Pipeline kotei: {said.replace('<run>', RUN['execution-id'])}")}


@pytest.mark.parametrize("event", ["approval", "nothing", "no approval", "another pipeline"])
def test_of_an_approval_the_approval_itself_writes_and_of_the_rest_nobody(project: Project, event: str) -> None:
    assert messages(project, event) == {}


@pytest.mark.parametrize("event", ["failed", "stopped", "rollback", "approval"])
def test_the_chat_gets_each_in_the_form_that_it_shows(chatting: Project, event: str) -> None:
    told = messages(chatting, event)
    assert set(told) == ({"ChatTopic"} if event == "approval" else {"Topic", "ChatTopic"})
    message = json.loads(told["ChatTopic"])
    assert (message["version"], message["source"]) == ("1.0", "custom")
    assert message["content"]["description"].startswith("Pipeline kotei: ")
    assert message["metadata"]["threadId"] == RUN["execution-id"]


def test_the_chat_can_only_be_read(chatting: Project) -> None:
    found = resources(chatting)
    channel = found["ChatChannel"]["Properties"]
    assert channel["GuardrailPolicies"] == ["arn:aws:iam::aws:policy/AWSDenyAll"]
    assert channel["SnsTopicArns"] == [{"Ref": "ChatTopic"}]
    role = found["ChatRole"]["Properties"]
    assert not role.get("Policies")
    assert not role.get("ManagedPolicyArns")
    assert found["ChatTopic"]["Properties"]["KmsMasterKeyId"] == found["Topic"]["Properties"]["KmsMasterKeyId"]


def test_only_who_wants_a_chat_gives_cloudformation_the_right_to_make_one(project: Project, chatting: Project) -> None:
    def actions(one: Project) -> set[str]:
        role = json.loads(roles.build(one).to_json())["Resources"]["SharedCloudFormationRole"]["Properties"]
        return {action for s in role["Policies"][0]["PolicyDocument"]["Statement"] if s["Effect"] == "Allow" for action in s["Action"]}

    assert not [one for one in actions(project) if one.startswith("chatbot:")]
    assert {"chatbot:CreateSlackChannelConfiguration", "chatbot:UpdateSlackChannelConfiguration", "iam:PassRole"} <= actions(chatting)


def test_cloudformation_may_make_every_rule() -> None:
    (statement,) = [
        s
        for s in json.loads(cloudformation.shared(account="1", region="r", project="kotei").to_json())["Statement"]
        if "events:PutRule" in s["Action"]
    ]
    (pattern,) = statement["Resource"]
    assert pattern.endswith("*")
    assert all(f"arn:aws:events:r:1:rule/kotei-pipeline-{notice.about}".startswith(pattern[:-1]) for notice in NOTICES)
