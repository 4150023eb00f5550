"""The kinds of action that the pipeline consists of, each a function from its settings to CodePipeline's description."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from troposphere import codepipeline as aws

SOURCE_ARTIFACT = "Source"
EXECUTION_ID = "#{codepipeline.PipelineExecutionId}"


def source(*, connection: Any, repository: str, branch: str) -> aws.Actions:
    return aws.Actions(
        Name="Source",
        Namespace="Source",
        ActionTypeId=aws.ActionTypeId(Category="Source", Owner="AWS", Provider="CodeStarSourceConnection", Version="1"),
        Configuration={
            "ConnectionArn": connection,
            "FullRepositoryId": repository,
            "BranchName": branch,
            # The trigger below decides. Change detection beside it would start every push twice.
            "DetectChanges": "false",
            # The CloudFormation actions read templates from this artifact; a CODEBUILD_CLONE_REF artifact can only be read by CodeBuild.
            "OutputArtifactFormat": "CODE_ZIP",
        },
        OutputArtifacts=[aws.OutputArtifacts(Name=SOURCE_ARTIFACT)],
        RunOrder=1,
    )


def build(name: str, *, project: str, variables: Mapping[str, str], namespace: str | None = None, run_order: int = 1) -> aws.Actions:
    environment = [{"name": key, "value": value, "type": "PLAINTEXT"} for key, value in variables.items()]
    return aws.Actions(
        Name=name,
        ActionTypeId=aws.ActionTypeId(Category="Build", Owner="AWS", Provider="CodeBuild", Version="1"),
        Configuration={"ProjectName": project, "EnvironmentVariables": json.dumps(environment, separators=(",", ":"))},
        InputArtifacts=[aws.InputArtifacts(Name=SOURCE_ARTIFACT)],
        RunOrder=run_order,
        **({"Namespace": namespace} if namespace else {}),
    )


def approval(*, text: str, topic: Any, link: str, timeout_minutes: int) -> aws.Actions:
    return aws.Actions(
        Name="Approve",
        ActionTypeId=aws.ActionTypeId(Category="Approval", Owner="AWS", Provider="Manual", Version="1"),
        Configuration={"CustomData": text, "NotificationArn": topic, "ExternalEntityLink": link},
        TimeoutInMinutes=timeout_minutes,
        RunOrder=1,
    )


def stack(
    name: str,
    *,
    folder: str,
    stack_name: str,
    namespace: str,
    parameters: str | None,
    names_roles: bool,
    role: Any,
    region: str,
    run_order: int,
    action_role: str | None,
) -> aws.Actions:
    """`role` is what CloudFormation acts as; `action_role` what CodePipeline acts as, in another account only."""
    return aws.Actions(
        Name=name,
        Namespace=namespace,
        ActionTypeId=aws.ActionTypeId(Category="Deploy", Owner="AWS", Provider="CloudFormation", Version="1"),
        Configuration={
            "ActionMode": "CREATE_UPDATE",
            "StackName": stack_name,
            "TemplatePath": f"{SOURCE_ARTIFACT}::{folder}/{name}.yaml",
            "TemplateConfiguration": f"{SOURCE_ARTIFACT}::{folder}/{name}.json",
            **({"ParameterOverrides": parameters} if parameters else {}),
            # Only where a template names a role: CAPABILITY_IAM makes CloudFormation refuse names that could take over a role.
            "Capabilities": "CAPABILITY_NAMED_IAM" if names_roles else "CAPABILITY_IAM",
            "RoleArn": role,
        },
        InputArtifacts=[aws.InputArtifacts(Name=SOURCE_ARTIFACT)],
        Region=region,
        RunOrder=run_order,
        **({"RoleArn": action_role} if action_role else {}),
    )


def rule(name: str, *, provider: str, configuration: Mapping[str, str], result: str) -> aws.Condition:
    """A condition of one rule; `result` is what happens when the rule does not hold."""
    return aws.Condition(
        Result=result,
        Rules=[
            aws.RuleDeclaration(
                Name=name,
                RuleTypeId=aws.RuleTypeId(Category="Rule", Owner="AWS", Provider=provider, Version="1"),
                Configuration=dict(configuration),
            )
        ],
    )
