"""The opt-in parts of the supply chain: rendered without a finding, with the permissions that they need, and off by default."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from pipeline import catalog, codepipeline, render
from pipeline.checks import iam_actions, service_models, template_lint, template_rules
from pipeline.checks.documents import Document
from pipeline.paths import GUARD_RULES, ROOT
from stacks import roles, supply
from stacks.config_drift import DriftCheck
from stacks.config_supply import Supply
from stacks.project import Project

EVERYTHING = Supply(pull_through_cache=True, signing=True, attestations=True)


@pytest.fixture
def full(project: Project) -> Project:
    return with_keys(project, supply=EVERYTHING, hooks="fail", drift=DriftCheck(every="day"))


def with_keys(project: Project, **keys: Any) -> Project:
    return project.model_copy(update={"pipeline": project.pipeline.model_copy(update=keys)})


def plain(template: Any) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(template.to_json())
    return content


def image_role(project: Project) -> list[dict[str, Any]]:
    policy = plain(codepipeline.build(project))["Resources"]["ImageRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    statements: list[dict[str, Any]] = policy["Statement"]
    return statements


def test_every_shared_stack_is_clean_with_everything_on(full: Project) -> None:
    lint, validate = template_lint.linter(ROOT), template_rules.validator(ROOT / GUARD_RULES)
    for spec in catalog.SHARED_STACKS:
        text = render.template_text(spec.build(full), source="x.py")
        one = Document(path=f"{spec.name}.yaml", text=text, region=full.pipeline.region, content=yaml.safe_load(text))
        judged = [*lint(one.path, one.text, one.region), *validate(one.path, one.text, one.region)]
        assert [str(finding) for finding in (*judged, *iam_actions.findings(one), *service_models.findings(one))] == []


# The cache has no credentials and no role of its own; roles are passed by name, which another test compares.
UNNEEDED = {"secretsmanager:GetSecretValue", "iam:PassRole"}
OPTIONAL = (
    "AWS::ECR::PullThroughCacheRule",
    "AWS::ECR::SigningConfiguration",
    "AWS::Signer::SigningProfile",
    "AWS::CloudFormation::GuardHook",
)


@pytest.mark.parametrize("kind", OPTIONAL)
def test_the_shared_role_can_set_it_up(full: Project, kind: str) -> None:
    templates = [plain(spec.build(full)) for spec in catalog.SHARED_STACKS]
    assert any(resource["Type"] == kind for template in templates for resource in template["Resources"].values())
    role = plain(roles.build(full))["Resources"]["SharedCloudFormationRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    allowed = {action for statement in role["Statement"] if statement["Effect"] == "Allow" for action in statement["Action"]}
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema("ap-northeast-1", kind).schema
    asked = {one for operation in ("create", "read", "update") for one in schema["handlers"][operation]["permissions"]}
    assert asked | set(schema["tagging"].get("permissions", [])) <= allowed | UNNEEDED


def test_the_stack_is_there_only_where_something_of_it_is_on(project: Project) -> None:
    assert not supply.STACK.wanted(project)
    assert supply.STACK.wanted(with_keys(project, supply=Supply(pull_through_cache=True)))
    assert supply.STACK.wanted(with_keys(project, supply=Supply(signing=True)))
    assert not supply.STACK.wanted(with_keys(project, supply=Supply(attestations=True)))


def test_the_build_pulls_through_the_cache_that_the_stack_makes(full: Project, project: Project) -> None:
    rule = plain(supply.build(full))["Resources"]["PublicCache"]["Properties"]
    assert supply.base_registry(full) == f"111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/{rule['EcrRepositoryPrefix']}"
    (statement,) = [one for one in image_role(full) if one["Sid"] == "PullThrough"]
    assert statement["Resource"] == [f"arn:aws:ecr:ap-northeast-1:111122223333:repository/{rule['EcrRepositoryPrefix']}/*"]
    assert supply.base_registry(project) == "public.ecr.aws"


def test_the_build_may_sign_with_the_stacks_profile_and_nothing_else(full: Project, project: Project) -> None:
    (statement,) = [one for one in image_role(full) if "signer:SignPayload" in one["Action"]]
    assert statement["Resource"] == [{"Ref": supply.SIGNING_PROFILE}]
    assert supply.SIGNING_PROFILE in plain(supply.build(full))["Outputs"]
    assert not any("signer" in action for one in image_role(project) for action in one["Action"])


def test_only_the_projects_images_are_signed(full: Project) -> None:
    (rule,) = plain(supply.build(full))["Resources"]["Signing"]["Properties"]["Rules"]
    assert rule["RepositoryFilters"] == [{"Filter": "kotei/proxy", "FilterType": "WILDCARD_MATCH"}]


def test_only_the_plan_may_write_the_rules_that_the_hook_reads(full: Project, project: Project) -> None:
    def writers(one: Project) -> list[str]:
        roles_of = [(name, item) for name, item in plain(codepipeline.build(one))["Resources"].items() if item["Type"] == "AWS::IAM::Role"]
        return [name for name, item in roles_of if "RulesBucket" in str(item["Properties"]["Policies"])]

    assert writers(full) == ["PlanRole"]
    assert writers(project) == []
