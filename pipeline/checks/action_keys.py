"""What CodePipeline's documentation says that actions and rules may be told. No schema says it, and cfn-lint checks none of it.

A provider that is not here is refused: the local engine could not run it either. To use one, add its page's keys here first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

GUIDE = "https://docs.aws.amazon.com/codepipeline/latest/userguide"


@dataclass(frozen=True, kw_only=True)
class Keys:
    page: str
    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    # Keys whose value is one of a few words.
    words: dict[str, frozenset[str]] = field(default_factory=dict)
    # Variables that later actions may read; None where they depend on something else (a buildspec, a template).
    variables: frozenset[str] | None = frozenset()


def _set(*words: str) -> frozenset[str]:
    return frozenset(words)


ACTIONS = {
    ("Source", "CodeStarSourceConnection"): Keys(
        page=f"{GUIDE}/action-reference-CodestarConnectionSource.html",
        required=_set("ConnectionArn", "FullRepositoryId", "BranchName"),
        optional=_set("OutputArtifactFormat", "DetectChanges"),
        words={"OutputArtifactFormat": _set("CODE_ZIP", "CODEBUILD_CLONE_REF"), "DetectChanges": _set("true", "false")},
        variables=_set("AuthorDate", "BranchName", "CommitId", "CommitMessage", "ConnectionArn", "FullRepositoryName"),
    ),
    ("Build", "CodeBuild"): Keys(
        page=f"{GUIDE}/action-reference-CodeBuild.html",
        required=_set("ProjectName"),
        optional=_set("PrimarySource", "BatchEnabled", "BuildspecOverride", "CombineArtifacts", "EnvironmentVariables"),
        variables=None,
    ),
    ("Approval", "Manual"): Keys(
        page=f"{GUIDE}/approvals-action-add.html",
        required=_set(),
        optional=_set("CustomData", "ExternalEntityLink", "NotificationArn"),
    ),
    ("Deploy", "CloudFormation"): Keys(
        page=f"{GUIDE}/action-reference-CloudFormation.html",
        required=_set("ActionMode", "StackName"),
        optional=_set(
            "ChangeSetName", "TemplatePath", "TemplateConfiguration", "Capabilities", "RoleArn", "OutputFileName", "ParameterOverrides"
        ),
        words={
            "ActionMode": _set("CHANGE_SET_REPLACE", "CHANGE_SET_EXECUTE", "CREATE_UPDATE", "DELETE_ONLY", "REPLACE_ON_FAILURE"),
            "Capabilities": _set("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"),
        },
        variables=None,
    ),
}

RULES = {
    "VariableCheck": Keys(
        page=f"{GUIDE}/rule-reference-VariableCheck.html",
        required=_set("Variable", "Operator", "Value"),
        words={"Operator": _set("EQ", "NE", "CONTAINS", "MATCHES")},
    ),
    "DeploymentWindow": Keys(page=f"{GUIDE}/rule-reference-DeploymentWindow.html", required=_set("Cron"), optional=_set("TimeZone")),
    "CloudWatchAlarm": Keys(
        page=f"{GUIDE}/rule-reference-CloudWatchAlarm.html",
        required=_set("AlarmName"),
        optional=_set("AlarmStates", "WaitTime"),
        words={"AlarmStates": _set("ALARM", "OK", "INSUFFICIENT_DATA")},
    ),
}

# https://docs.aws.amazon.com/codepipeline/latest/userguide/concepts-how-it-works-conditions.html
# CloudFormation takes any string as Condition.Result.
RESULTS = {
    "BeforeEntry": _set("FAIL", "SKIP"),
    "OnSuccess": _set("ROLLBACK", "FAIL"),
    "OnFailure": _set("ROLLBACK", "RETRY"),
}
# A condition that skips its stage may only ask these (stage-conditions.html).
SKIPPING_RULES = _set("VariableCheck", "LambdaInvoke")
