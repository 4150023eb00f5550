"""The registry, the connection, and the roles in other accounts."""

from __future__ import annotations

import json
from typing import Any

from pipeline import codepipeline
from stacks import connection, deployroles, registry
from stacks.project import Project


def resources(template: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(template.to_json())["Resources"]
    return found


def test_no_tagged_image_ever_expires() -> None:
    """ECR does not know what is deployed, so no rule may select a tag, and none may select everything."""
    rules = registry.lifecycle()["rules"]
    assert [rule["selection"]["tagStatus"] for rule in rules] == ["untagged"]  # type: ignore[attr-defined]


def test_images_are_immutable_scanned_and_not_deleted_by_hand(project: Project) -> None:
    repository = resources(registry.build(project))["Repository"]["Properties"]
    assert repository["ImageTagMutability"] == "IMMUTABLE"
    assert repository["ImageScanningConfiguration"] == {"ScanOnPush": True}
    statements = {s["Sid"]: s for s in repository["RepositoryPolicyText"]["Statement"]}
    assert statements["KeepImages"]["Effect"] == "Deny"
    assert statements["KeepImages"]["Action"] == ["ecr:BatchDeleteImage", "ecr:DeleteRepository"]
    # The schema of AWS::ECR::Repository asks for at least 100 characters.
    assert len(repository["LifecyclePolicy"]["LifecyclePolicyText"]) >= 100


def test_only_the_accounts_of_environments_pull(project: Project) -> None:
    statements = resources(registry.build(project))["Repository"]["Properties"]["RepositoryPolicyText"]["Statement"]
    (pull,) = [s for s in statements if s["Effect"] == "Allow"]
    assert pull["Principal"] == {"AWS": ["arn:aws:iam::444455556666:root"]}
    execution = "arn:aws:iam::444455556666:role/kotei-production-service-ExecutionRole-*"
    assert pull["Condition"] == {"ArnLike": {"aws:PrincipalArn": [execution]}}
    alone = project.model_copy(update={"environments": project.environments[:1]})
    only = resources(registry.build(alone))["Repository"]["Properties"]["RepositoryPolicyText"]["Statement"]
    assert [s["Effect"] for s in only] == ["Deny"]


def test_the_connection_is_alone(project: Project) -> None:
    assert [r["Type"] for r in resources(connection.build(project)).values()] == ["AWS::CodeConnections::Connection"]


def test_other_accounts_are_those_without_the_pipeline(project: Project) -> None:
    assert [other.account for other in deployroles.accounts(project)] == ["444455556666"]
    alone = project.model_copy(update={"environments": project.environments[:1]})
    assert deployroles.accounts(alone) == ()


def test_roles_in_another_account_have_the_names_that_the_pipeline_uses(project: Project) -> None:
    (other,) = deployroles.accounts(project)
    found = resources(deployroles.build(other)).values()
    names = {r["Properties"]["RoleName"] for r in found if r["Type"] == "AWS::IAM::Role"}
    assert names == {"kotei-delivery", "kotei-read", "kotei-production-cloudformation"}


def test_only_roles_of_the_pipelines_stack_come_in(project: Project) -> None:
    (other,) = deployroles.accounts(project)
    pipeline = resources(codepipeline.build(project)).values()
    names = {r["Properties"].get("RoleName") for r in pipeline if r["Type"] == "AWS::IAM::Role"}
    for name, users in (("DeliveryRole", ["pipeline"]), ("ReadRole", ["plan", "verify"])):
        role = resources(deployroles.build(other))[name]["Properties"]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert statement["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
        trusted = statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
        assert trusted == [f"arn:aws:iam::111122223333:role/kotei-pipeline-{user}" for user in users]
        assert {arn.rpartition("/")[2] for arn in trusted} <= names


def test_what_is_delivered_elsewhere_is_handed_to_cloudformation_only(project: Project) -> None:
    (other,) = deployroles.accounts(project)
    (policy,) = resources(deployroles.build(other))["DeliveryRole"]["Properties"]["Policies"]
    statements = {s["Sid"]: s for s in policy["PolicyDocument"]["Statement"]}
    assert statements["HandOver"]["Resource"] == ["arn:aws:iam::444455556666:role/kotei-production-cloudformation"]
    assert statements["HandOver"]["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    actions = {action for s in statements.values() for action in s["Action"]}
    assert "cloudformation:DeleteStack" not in actions
