"""Who may do what: every role by name, CloudFormation's roles against what the resource types' own schemas ask for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib.resources import files
from typing import Any

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from pipeline import codepipeline, review_project
from policy import cloudformation
from policy.not_needed import NOT_GIVEN
from stacks import connection, registry, roles
from stacks.catalog import ENVIRONMENT_STACKS
from stacks.environment import Environment
from stacks.project import Project

REGION = "ap-northeast-1"
ACCOUNT = "111122223333"


def statements(document: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(document.to_json())["Statement"]
    return found


def allowed(*documents: Any) -> set[str]:
    return {
        action.lower()
        for document in documents
        for statement in statements(document)
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
    }


def asked_for(templates: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """(resource type, permission) of creating, reading and updating. Deleting is given where it is wanted."""
    types = {resource["Type"] for template in templates for resource in template["Resources"].values()}
    for kind in sorted(types):
        schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, kind).schema
        handlers = schema.get("handlers", {})
        for operation in ("create", "read", "update"):
            for permission in handlers.get(operation, {}).get("permissions", []):
                yield kind, permission
        # Every stack has tags, and CloudFormation gives them to each resource that takes any.
        for permission in schema.get("tagging", {}).get("permissions", []):
            yield kind, permission


def missing(templates: list[dict[str, Any]], given: set[str]) -> list[str]:
    return [
        f"{kind}: {permission}"
        for kind, permission in asked_for(templates)
        if permission.lower() not in given and not permission.startswith(tuple(NOT_GIVEN))
    ]


def environment_documents(env: Environment) -> tuple[Any, Any]:
    own = cloudformation.environment(
        account=env.account, region=env.region, project=env.project, name=env.name, hosted_zone=env.certificate.hosted_zone
    )
    return cloudformation.every_environment(account=env.account, region=env.region), own


def test_an_environments_role_can_deploy_every_kind_of_environment(env: Environment) -> None:
    templates = [json.loads(spec.build(env).to_json()) for spec in ENVIRONMENT_STACKS if spec.wanted(env)]
    assert missing(templates, allowed(*environment_documents(env))) == []


def test_the_shared_role_can_deploy_the_shared_stacks(project: Project) -> None:
    shared = cloudformation.shared(account=ACCOUNT, region=REGION, project="kotei")
    stacks = (connection.STACK, registry.STACK, roles.STACK, review_project.STACK, codepipeline.STACK)
    templates = [json.loads(spec.build(project).to_json()) for spec in stacks]
    assert missing(templates, allowed(shared)) == []


def test_no_role_of_cloudformation_gives_an_address_away(env: Environment) -> None:
    shared = cloudformation.shared(account=ACCOUNT, region=REGION, project="kotei")
    for document in (*environment_documents(env), shared):
        denied = {a for s in statements(document) if s["Effect"] == "Deny" and s["Resource"] == ["*"] for a in s["Action"]}
        assert {"ec2:ReleaseAddress", "ec2:DisassociateAddress"} <= denied


def test_no_environment_can_widen_the_role_that_deploys_it(env: Environment) -> None:
    _, own = environment_documents(env)
    role = f"arn:aws:iam::{env.account}:role/{env.stack_name('cloudformation')}"
    denied = {action for s in statements(own) if s["Effect"] == "Deny" and role in s["Resource"] for action in s["Action"]}
    assert {"iam:AttachRolePolicy", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:PassRole"} <= denied


def test_nothing_that_holds_data_or_keys_can_be_deleted(env: Environment) -> None:
    shared = cloudformation.shared(account=ACCOUNT, region=REGION, project="kotei")
    never = {"s3:deletebucket", "s3:deleteobject", "kms:schedulekeydeletion", "ecr:deleterepository", "codepipeline:deletepipeline"}
    assert not never & allowed(*environment_documents(env), shared)


def test_an_environments_role_names_no_other_environment(env: Environment) -> None:
    _, own = environment_documents(env)
    for statement in statements(own):
        if statement["Effect"] == "Allow":
            for resource in statement["Resource"]:
                assert f"{env.project}-{env.name}" in resource or f"/{env.project}/{env.name}/" in resource or "hostedzone" in resource


def test_policies_fit(env: Environment) -> None:
    """IAM: 10,240 characters for all inline policies of a role, 6,144 for a managed policy; white space does not count."""
    longest = env.model_copy(update={"project": "p" * 14, "name": "n" * 14})
    common, own = environment_documents(longest)
    assert len(json.dumps(statements(common), separators=(",", ":"))) < 6_100
    assert len(json.dumps(statements(own), separators=(",", ":"))) < 10_200


def test_every_policy_of_the_pipelines_stack_fits(project: Project) -> None:
    for name, role in pipeline_roles(project).items():
        size = sum(len(json.dumps(policy["PolicyDocument"], separators=(",", ":"))) for policy in role["Policies"])
        assert size < 10_200, name


def pipeline_roles(project: Project) -> dict[str, dict[str, Any]]:
    resources = json.loads(codepipeline.build(project).to_json())["Resources"]
    return {name: resource["Properties"] for name, resource in resources.items() if resource["Type"] == "AWS::IAM::Role"}


def role_actions(project: Project, role: str) -> set[str]:
    documents = [policy["PolicyDocument"] for policy in pipeline_roles(project)[role]["Policies"]]
    return {action for document in documents for statement in document["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize(
    ("role", "not_allowed"),
    [
        ("CheckRole", ("ecr:", "cloudformation:", "codepipeline:", "ecs:", "sts:", "iam:")),
        ("ImageRole", ("cloudformation:", "codepipeline:", "ecs:", "sts:Assume", "iam:")),
        (
            "PlanRole",
            ("ecr:", "ecs:", "iam:", "cloudformation:Create", "cloudformation:Update", "cloudformation:Delete", "codepipeline:Put"),
        ),
        (
            "VerifyRole",
            (
                "ecr:",
                "iam:",
                "cloudformation:Create",
                "cloudformation:UpdateStack",
                "cloudformation:Delete",
                "ecs:Update",
                "ecs:Run",
                "codepipeline:Put",
                "codepipeline:Start",
            ),
        ),
        ("PipelineRole", ("ec2:", "ecs:", "ecr:", "elasticloadbalancing:", "cloudformation:Delete", "codepipeline:")),
    ],
)
def test_a_role_does_its_own_job_only(project: Project, role: str, not_allowed: tuple[str, ...]) -> None:
    found = role_actions(project, role)
    assert found
    assert [action for action in found if action.startswith(not_allowed)] == []


def test_no_build_reads_what_it_could_change(project: Project) -> None:
    assert {action for action in role_actions(project, "PlanRole") if action.startswith("cloudformation:")} == {
        "cloudformation:DescribeStacks",
        "cloudformation:DescribeStackResourceDrifts",
        "cloudformation:GetStackPolicy",
        "cloudformation:GetTemplate",
        "cloudformation:ListStackResources",
    }


def test_a_plan_writes_its_page_and_nothing_else(project: Project) -> None:
    statements = [s for policy in pipeline_roles(project)["PlanRole"]["Policies"] for s in policy["PolicyDocument"]["Statement"]]
    writes = {s["Sid"]: (s["Action"], s["Resource"]) for s in statements if {"s3:PutObject", "kms:GenerateDataKey"} & set(s["Action"])}
    assert writes == {
        "WritePlans": (["s3:PutObject"], [{"Fn::Sub": "${ArtifactBucket.Arn}/plans/*"}]),
        "EncryptPlans": (["kms:GenerateDataKey"], [{"Fn::GetAtt": ["ArtifactKey", "Arn"]}]),
    }


def test_roles_are_given_to_cloudformation_only(project: Project) -> None:
    (statement,) = [
        statement
        for policy in pipeline_roles(project)["PipelineRole"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if "iam:PassRole" in statement["Action"]
    ]
    assert statement["Condition"] == {"StringEquals": {"iam:PassedToService": "cloudformation.amazonaws.com"}}
    assert statement["Resource"] == [
        "arn:aws:iam::111122223333:role/kotei-shared-cloudformation",
        "arn:aws:iam::111122223333:role/kotei-staging-cloudformation",
    ]


def test_both_names_of_the_connection_are_allowed(project: Project) -> None:
    assert {"codeconnections:UseConnection", "codestar-connections:UseConnection"} <= role_actions(project, "PipelineRole")


def test_the_source_action_may_upload_as_it_does(project: Project) -> None:
    """It sets an ACL (aws/aws-cdk#13557: "Upload to S3 failed with the following error: Access Denied")."""
    needed = {"s3:PutObject", "s3:PutObjectAcl", "s3:GetObject", "s3:GetObjectVersion"}
    needed |= {"s3:GetBucketVersioning", "s3:GetBucketAcl", "s3:GetBucketLocation"}
    assert needed <= role_actions(project, "PipelineRole")


def test_stacks_with_tags_may_be_created(project: Project) -> None:
    assert {"cloudformation:CreateStack", "cloudformation:TagResource"} <= role_actions(project, "PipelineRole")


def test_an_environments_role_may_create_its_load_balancer(env: Environment) -> None:
    """Elastic Load Balancing API permissions, CreateLoadBalancer; CloudWatch Logs, logs sent to Amazon S3."""
    ec2 = ("AccountAttributes", "Addresses", "InternetGateways", "SecurityGroups", "Subnets", "Vpcs")
    needed = {f"ec2:describe{kind.lower()}" for kind in ec2} | {"iam:createservicelinkedrole", "logs:createlogdelivery"}
    assert needed <= allowed(*environment_documents(env))


@pytest.mark.parametrize("template", ["pipeline", "roles"])
def test_a_role_that_is_passed_is_trusted_without_conditions(project: Project, template: str) -> None:
    """Neither CodePipeline nor CloudFormation documents that it sends aws:SourceArn or aws:SourceAccount for its service role."""
    stack = {"pipeline": codepipeline.STACK, "roles": roles.STACK}[template]
    resources = json.loads(stack.build(project).to_json())["Resources"].values()
    trusts = [r["Properties"]["AssumeRolePolicyDocument"]["Statement"] for r in resources if r["Type"] == "AWS::IAM::Role"]
    passed = [
        statement
        for (statement,) in trusts
        if statement["Principal"]["Service"] in ("codepipeline.amazonaws.com", "cloudformation.amazonaws.com")
    ]
    assert passed
    assert all("Condition" not in statement for statement in passed)


def test_every_build_says_on_whose_behalf(project: Project) -> None:
    builds = [role["AssumeRolePolicyDocument"]["Statement"] for role in pipeline_roles(project).values()]
    conditions = [s.get("Condition", {}) for (s,) in builds if s["Principal"]["Service"] == "codebuild.amazonaws.com"]
    assert len(conditions) == 4
    assert all({"StringEquals", "ArnLike"} == set(condition) for condition in conditions)


def test_no_condition_silences_the_failure_reports(project: Project) -> None:
    """EventBridge gives the policies of an SNS topic and of its key nothing to compare."""
    resources = json.loads(codepipeline.build(project).to_json())["Resources"]
    documents = [resources["TopicPolicy"]["Properties"]["PolicyDocument"], resources["ArtifactKey"]["Properties"]["KeyPolicy"]]
    found = [s for d in documents for s in d["Statement"] if s.get("Principal") == {"Service": "events.amazonaws.com"}]
    assert len(found) == 2
    assert all("Condition" not in statement for statement in found)


def every_role(project: Project) -> Iterator[tuple[str, dict[str, Any]]]:
    templates = [spec.build(project) for spec in (codepipeline.STACK, review_project.STACK, roles.STACK)]
    templates += [spec.build(env) for env in project.environments for spec in ENVIRONMENT_STACKS if spec.wanted(env)]
    for template in templates:
        for name, resource in json.loads(template.to_json())["Resources"].items():
            if resource["Type"] in ("AWS::IAM::Role", "AWS::IAM::ManagedPolicy"):
                properties = resource["Properties"]
                documents = [policy["PolicyDocument"] for policy in properties.get("Policies", [properties])]
                yield from ((name, statement) for document in documents for statement in document["Statement"])


def test_an_action_that_knows_no_resource_is_allowed_for_any(project: Project) -> None:
    """IAM never matches such an action with a statement that names resources, so it would be denied."""
    services = json.loads((files("cfnlint") / "data/AdditionalSpecs/Policies.json").read_text())
    wrong = []
    for name, statement in every_role(project):
        if statement["Effect"] == "Allow" and statement["Resource"] != ["*"]:
            for action in statement["Action"]:
                service, _, operation = action.partition(":")
                if not services[service]["Actions"][operation.lower()].get("Resources"):
                    wrong.append(f"{name}: {action}")
    assert wrong == []


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("cloudwatch:TagResource", "arn:aws:cloudwatch:ap-northeast-1:111122223333:alarm:kotei-staging-monitoring-NoHealthyTarget-1A"),
        ("cloudwatch:TagResource", "arn:aws:cloudwatch::111122223333:dashboard/kotei-staging"),
        ("ecs:TagResource", "arn:aws:ecs:ap-northeast-1:111122223333:cluster/kotei-staging"),
        ("ecs:TagResource", "arn:aws:ecs:ap-northeast-1:111122223333:service/kotei-staging/proxy"),
        ("ecs:TagResource", "arn:aws:ecs:ap-northeast-1:111122223333:task-definition/kotei-staging-proxy:1"),
        ("elasticloadbalancing:AddTags", "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:listener/net/x/1/2"),
        ("elasticloadbalancing:AddTags", "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:targetgroup/x/1"),
        ("iam:TagRole", "arn:aws:iam::111122223333:role/kotei-staging-service-TaskRole-1A"),
        ("logs:TagResource", "arn:aws:logs:ap-northeast-1:111122223333:log-group:/kotei/staging/proxy"),
        ("s3:PutBucketTagging", "arn:aws:s3:::kotei-staging-loadbalancer-accesslogs-1a"),
        ("sns:TagResource", "arn:aws:sns:ap-northeast-1:111122223333:kotei-staging-monitoring-Topic-1A"),
    ],
)
def test_the_stacks_tags_reach_every_resource(env: Environment, action: str, resource: str) -> None:
    """CloudFormation fails a resource that it may not tag (aws-samples/aws-eda-slurm-cluster#340)."""
    allow = [s for document in environment_documents(env) for s in statements(document) if s["Effect"] == "Allow"]
    resource = resource.replace(ACCOUNT, env.account)
    assert any(action in s["Action"] and any(fnmatchcase(resource, pattern) for pattern in s["Resource"]) for s in allow)
