"""The pipeline's document: its stages, what feeds them, and the gates that nothing may take away."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from pipeline import codepipeline
from pipeline.wiring import environment_steps, overrides
from stacks.environment import DeployWindow, Environment
from stacks.project import Project

NAMESPACE = re.compile(r"[A-Za-z0-9@\-_]{1,100}")
VARIABLE = re.compile(r"#\{([^.}]+)\.([^}]+)\}")
# The longest value of each kind that AWS hands out, for ParameterOverrides after substitution.
LONGEST = {
    "Vpc": "vpc-0123456789abcdef0",
    "Subnet": "subnet-0123456789abcdef0",
    "Address": "eipalloc-0123456789abcdef0",
    "LoadBalancerSecurityGroup": "sg-0123456789abcdef0",
    "TaskSecurityGroup": "sg-0123456789abcdef0",
    "CertificateArn": "arn:aws:acm:ap-southeast-1:111122223333:certificate/01234567-89ab-cdef-0123-456789abcdef",
    "TargetGroupArn": "arn:aws:elasticloadbalancing:ap-southeast-1:111122223333:targetgroup/" + "x" * 32 + "/0123456789abcdef",
    "LoadBalancerFullName": "net/" + "x" * 32 + "/0123456789abcdef",
    "TargetGroupFullName": "targetgroup/" + "x" * 32 + "/0123456789abcdef",
    "Alternate": "x" * 32 + "/0123456789abcdef,0123456789abcdef",
    "ClusterName": "x" * 14 + "-" + "x" * 14,
    "ServiceName": "proxy",
    "ImageDigest": "sha256:" + "0" * 64,
    "ConnectionArn": "arn:aws:codeconnections:ap-southeast-1:111122223333:connection/01234567-89ab-cdef-0123-456789abcdef",
}


def template(project: Project) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(codepipeline.build(project).to_json())
    return document


def pipeline(project: Project) -> dict[str, Any]:
    properties: dict[str, Any] = template(project)["Resources"]["Pipeline"]["Properties"]
    return properties


def stages(project: Project) -> dict[str, dict[str, Any]]:
    return {stage["Name"]: stage for stage in pipeline(project)["Stages"]}


def actions(project: Project) -> list[dict[str, Any]]:
    return [action for stage in pipeline(project)["Stages"] for action in stage["Actions"]]


def variables(action: dict[str, Any]) -> dict[str, str]:
    return {item["name"]: item["value"] for item in json.loads(action["Configuration"]["EnvironmentVariables"])}


def with_approval(project: Project, approval: str) -> Project:
    changed = tuple(env.model_copy(update={"approval": approval}) for env in project.environments)
    return project.model_copy(update={"environments": changed})


@pytest.fixture(params=["always", "risky", "never"])
def approval(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_stages_in_order(project: Project) -> None:
    first, second = project.environments
    mixed = project.model_copy(
        update={"environments": (first.model_copy(update={"approval": "never"}), second.model_copy(update={"approval": "always"}))}
    )
    assert list(stages(mixed)) == [
        "Source",
        "Check",
        "Pipeline-Plan",
        "Pipeline-Approve",
        "Pipeline-Update",
        "Image",
        "Staging-Plan",
        "Staging-Deploy",
        "Production-Plan",
        "Production-Approve",
        "Production-Deploy",
    ]


def test_names_and_namespaces_are_unique_and_allowed(project: Project) -> None:
    namespaces = [action["Namespace"] for action in actions(project) if "Namespace" in action]
    assert len(set(namespaces)) == len(namespaces)
    assert all(NAMESPACE.fullmatch(namespace) for namespace in namespaces)
    for stage in pipeline(project)["Stages"]:
        names = [action["Name"] for action in stage["Actions"]]
        assert len(set(names)) == len(names)


def test_every_variable_is_made_by_an_earlier_action(project: Project) -> None:
    known = {"codepipeline"}
    for stage in pipeline(project)["Stages"]:
        condition = json.dumps(stage.get("BeforeEntry", {}))
        assert {namespace for namespace, _ in VARIABLE.findall(condition)} <= known, stage["Name"]
        for action in sorted(stage["Actions"], key=lambda action: action["RunOrder"]):
            used = {namespace for namespace, _ in VARIABLE.findall(json.dumps(action["Configuration"]))}
            assert used <= known, f"{stage['Name']}/{action['Name']}"
            known |= {action["Namespace"]} if "Namespace" in action else set()


def test_every_action_reads_the_source_artifact(project: Project) -> None:
    for action in actions(project):
        if action["ActionTypeId"]["Category"] in ("Build", "Deploy"):
            assert action["InputArtifacts"] == [{"Name": "Source"}], action["Name"]


def test_the_source_can_be_read_by_cloudformation(project: Project) -> None:
    configuration = stages(project)["Source"]["Actions"][0]["Configuration"]
    assert configuration["OutputArtifactFormat"] == "CODE_ZIP"
    assert configuration["DetectChanges"] == "false"


def test_every_parameter_is_fed_and_nothing_else(project: Project) -> None:
    for env in project.environments:
        deploy = {action["Name"]: action for action in stages(project)[f"{env.name.capitalize()}-Deploy"]["Actions"]}
        for step in environment_steps(env):
            given = json.loads(deploy[step.stack]["Configuration"].get("ParameterOverrides", "{}"))
            assert given == dict(step.parameters)


def test_parameter_overrides_fit_before_and_after_substitution(project: Project) -> None:
    """CodePipeline takes 1 KB; a configuration value of an action may have 1000 characters."""
    for action in actions(project):
        given = action["Configuration"].get("ParameterOverrides", "{}")
        assert len(given) <= 1000, action["Name"]
        worst = json.dumps({name: _longest(name) for name in json.loads(given)})
        assert len(worst) <= 1024, action["Name"]


def test_the_parameters_of_an_environment_that_uses_everything_fit(most: Environment, most_shifted: Environment) -> None:
    for env in (most, most_shifted):
        for step in environment_steps(env.model_copy(update={"name": "n" * 14, "project": "p" * 14})):
            assert len(overrides(step) or "{}") <= 1000, step.stack
            assert len(json.dumps({name: _longest(name) for name in step.parameters})) <= 1024, step.stack


def _longest(name: str) -> str:
    return next(value for prefix, value in LONGEST.items() if name.startswith(prefix))


def test_every_configuration_value_fits(project: Project) -> None:
    for action in actions(project):
        for key, value in action["Configuration"].items():
            assert not isinstance(value, str) or 1 <= len(value) <= 1000, f"{action['Name']}: {key}"


def test_a_deployment_begins_with_its_gate(project: Project, approval: str) -> None:
    document = stages(with_approval(project, approval))
    for name, stage in document.items():
        if any(action["ActionTypeId"]["Category"] == "Deploy" for action in stage["Actions"]):
            gate, *others = sorted(stage["Actions"], key=lambda action: action["RunOrder"])
            prefix = name.split("-")[0]
            assert gate["Name"] == "Gate"
            assert all(other["RunOrder"] > gate["RunOrder"] for other in others)
            assert variables(gate)["EXPECT"] == f"#{{{prefix}Plan.FINGERPRINT}}"
            assert variables(gate)["EXECUTION"] == "#{codepipeline.PipelineExecutionId}"
            plan = document[f"{prefix}-Plan"]["Actions"][0]
            assert {**variables(plan), **variables(gate)} == variables(gate), "gate and plan must plan the same"


def test_stacks_are_deployed_one_after_the_other(project: Project) -> None:
    deploy = stages(project)["Staging-Deploy"]["Actions"]
    assert [action["RunOrder"] for action in deploy] == list(range(1, len(deploy) + 1))
    assert [action["Name"] for action in deploy] == ["Gate", *(step.stack for step in environment_steps(project.environments[0])), "Verify"]


def test_approval_by_policy(project: Project, approval: str) -> None:
    stage = stages(with_approval(project, approval)).get("Production-Approve")
    if approval == "never":
        assert stage is None
    elif approval == "always":
        assert stage is not None
        assert "BeforeEntry" not in stage, "where a person always decides, nothing may skip the question"
    else:
        assert stage is not None
        assert _conditions(stage) == [
            ("SKIP", "VariableCheck", {"Variable": "#{ProductionPlan.NEEDS_APPROVAL}", "Operator": "EQ", "Value": "true"})
        ]


def test_the_pipelines_own_change_is_approved_when_it_is_risky(project: Project) -> None:
    assert [result for result, _, _ in _conditions(stages(project)["Pipeline-Approve"])] == ["SKIP"]


def test_the_approver_reads_the_plan(project: Project) -> None:
    action = stages(with_approval(project, "always"))["Production-Approve"]["Actions"][0]
    assert action["Configuration"]["CustomData"] == "#{ProductionPlan.SUMMARY}"
    assert action["Configuration"]["ExternalEntityLink"] == "#{ProductionPlan.REPORT}"
    assert action["TimeoutInMinutes"] == project.pipeline.approval_timeout_minutes


def test_a_deploy_window_is_the_condition_to_enter_the_deployment(project: Project) -> None:
    window = DeployWindow(cron="* * 9-17 ? * MON-FRI", timezone="Asia/Tokyo")
    first, *others = project.environments
    frozen = project.model_copy(update={"environments": (first.model_copy(update={"deploy_window": window}), *others)})
    assert _conditions(stages(frozen)["Staging-Deploy"]) == [
        ("FAIL", "DeploymentWindow", {"Cron": "* * 9-17 ? * MON-FRI", "TimeZone": "Asia/Tokyo"})
    ]


def _conditions(stage: dict[str, Any]) -> list[tuple[str, str, dict[str, str]]]:
    conditions = stage["BeforeEntry"]["Conditions"]
    return [
        (condition["Result"], rule["RuleTypeId"]["Provider"], rule["Configuration"])
        for condition in conditions
        for rule in condition["Rules"]
    ]


def test_a_failed_deployment_goes_back(project: Project) -> None:
    for env in project.environments:
        assert stages(project)[f"{env.name.capitalize()}-Deploy"]["OnFailure"] == {"Result": "ROLLBACK"}


def test_runs_wait_for_each_other(project: Project) -> None:
    properties = pipeline(project)
    assert (properties["PipelineType"], properties["ExecutionMode"], properties["RestartExecutionOnUpdate"]) == ("V2", "QUEUED", True)


def test_the_pipeline_itself_is_updated_last(project: Project) -> None:
    update = stages(project)["Pipeline-Update"]["Actions"]
    assert [action["Name"] for action in update] == ["Gate", "connection", "registry", "roles", "review", "pipeline"]
    assert json.loads(update[-1]["Configuration"]["ParameterOverrides"]) == {"ConnectionArn": "#{shared-connection.ConnectionArn}"}


def test_only_the_stacks_that_name_roles_may_name_roles(project: Project) -> None:
    """Other accounts name the pipeline's roles, one by one, in whom they trust."""
    named = {a["Name"] for a in actions(project) if a["Configuration"].get("Capabilities") == "CAPABILITY_NAMED_IAM"}
    assert named == {"roles", "pipeline"}


def test_the_trigger_is_the_branch_without_the_ignored_paths(project: Project) -> None:
    (trigger,) = pipeline(project)["Triggers"]
    (push,) = trigger["GitConfiguration"]["Push"]
    assert push["Branches"] == {"Includes": [project.pipeline.repository.branch]}
    assert push["FilePaths"] == {"Excludes": list(project.pipeline.repository.ignore_paths)}
    source = stages(project)["Source"]["Actions"][0]
    assert trigger["GitConfiguration"]["SourceActionName"] == source["Name"]


def test_another_account_is_deployed_with_the_roles_that_are_made_there(project: Project) -> None:
    production = [a for a in stages(project)["Production-Deploy"]["Actions"] if a["ActionTypeId"]["Provider"] == "CloudFormation"]
    account = project.environments[1].account
    assert {action["RoleArn"] for action in production} == {f"arn:aws:iam::{account}:role/kotei-delivery"}
    assert {a["Configuration"]["RoleArn"] for a in production} == {f"arn:aws:iam::{account}:role/kotei-production-cloudformation"}
    here = [a for a in stages(project)["Staging-Deploy"]["Actions"] if a["ActionTypeId"]["Provider"] == "CloudFormation"]
    assert all("RoleArn" not in action for action in here)


def test_what_holds_state_is_kept_under_the_same_name(project: Project) -> None:
    locked = ("AWS::CodePipeline::Pipeline", "AWS::KMS::Key", "AWS::Logs::LogGroup", "AWS::S3::Bucket")
    resources = template(project)["Resources"]
    assert {name: r["Type"] for name, r in resources.items() if r["Type"] in locked} == {
        "ArtifactBucket": "AWS::S3::Bucket",
        "ArtifactKey": "AWS::KMS::Key",
        "CheckLogs": "AWS::Logs::LogGroup",
        "ImageLogs": "AWS::Logs::LogGroup",
        "Pipeline": "AWS::CodePipeline::Pipeline",
        "PlanLogs": "AWS::Logs::LogGroup",
        "VerifyLogs": "AWS::Logs::LogGroup",
    }
    for name in ("ArtifactBucket", "ArtifactKey"):
        assert (resources[name]["DeletionPolicy"], resources[name]["UpdateReplacePolicy"]) == ("Retain", "Retain")
