"""Whom the pipeline tells: approvals that wait and runs that failed go to one encrypted topic."""

from __future__ import annotations

from typing import Any

from troposphere import Template, events, sns

from policy import topic as policy
from stacks.project import Project


def add(t: Template, project: Project, key: Any) -> sns.Topic:
    config = project.pipeline
    topic = t.add_resource(sns.Topic("Topic", DisplayName=f"{config.project} pipeline", KmsMasterKeyId=key))
    if config.approvers_email:
        t.add_resource(sns.SubscriptionResource("ApproversEmail", TopicArn=topic.ref(), Protocol="email", Endpoint=config.approvers_email))
    t.add_resource(
        sns.TopicPolicy("TopicPolicy", Topics=[topic.ref()], PolicyDocument=policy.failure_reports(topic=topic.ref())),
    )
    text = {"execution": "$.detail.execution-id"}
    t.add_resource(
        events.Rule(
            "FailureRule",
            Name=_failure_rule_name(project),
            Description="A run of the pipeline failed",
            EventPattern={
                "source": ["aws.codepipeline"],
                "detail-type": ["CodePipeline Pipeline Execution State Change"],
                "detail": {"pipeline": [config.project], "state": ["FAILED"]},
            },
            Targets=[
                events.Target(
                    Id="Topic",
                    Arn=topic.ref(),
                    InputTransformer=events.InputTransformer(
                        InputPathsMap=text,
                        InputTemplate=f'"Pipeline {config.project}: run <execution> failed. What happened: kotei status"',
                    ),
                )
            ],
        )
    )
    return topic


def _failure_rule_name(project: Project) -> str:
    return f"{project.pipeline.project}-pipeline-failed"
