"""The permissions boundary: what an environment's roles do is within it, and nothing that a template could give them besides."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from troposphere import Template

from pipeline.access.decide import Held, Request, decide
from pipeline.access.principals import Deployed, Named, roles
from pipeline.access.reference import context
from pipeline.review.statements import policy
from policy import boundary_name
from stacks import cloudformation_role
from stacks.catalog import ENVIRONMENT_STACKS
from stacks.environment import Environment

# IAM: white space does not count.
MANAGED_POLICY_CHARACTERS = 6_144
KEY = "iam:permissionsboundary"
ANYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def of(env: Environment, given: Mapping[str, Any] | None = None) -> dict[str, Named]:
    """The roles by their names in the templates; `given` is a statement that somebody writes into each role of the environment."""
    place = Template()
    cloudformation_role.add(place, (env,), home=env.region)
    templates = [(env.stack_name(spec.name), spec.build(env)) for spec in ENVIRONMENT_STACKS if spec.wanted(env)]
    deployed = []
    for name, template in (("kotei-roles", place), *templates):
        content = json.loads(template.to_json())
        for resource in content["Resources"].values():
            if given and template is not place and resource["Type"] == "AWS::IAM::Role":
                resource["Properties"]["Policies"] = [{"PolicyDocument": {"Version": "2012-10-17", "Statement": [given]}}]
        deployed.append(Deployed(owner=env.name, stack=name, account=env.account, region=env.region, template=content))
    return {role.logical: role for role in roles(deployed)}


def bounded(env: Environment, given: Mapping[str, Any] | None = None) -> dict[str, Named]:
    return {name: role for name, role in of(env, given).items() if not role.arn.endswith("-cloudformation")}


def allowed(role: Named, action: str, resource: str, more: Mapping[str, str] | None = None) -> bool:
    return decide(role.principal(), Request(action=action, resource=resource, context=context("ap-northeast-1", more))).allowed


def test_every_role_has_the_boundary_of_its_environment(env: Environment) -> None:
    own = boundary_name.arn(account="${AWS::AccountId}", project=env.project, name=env.name)
    for spec in ENVIRONMENT_STACKS:
        if spec.wanted(env):
            for name, resource in json.loads(spec.build(env).to_json())["Resources"].items():
                if resource["Type"] == "AWS::IAM::Role":
                    assert resource["Properties"].get("PermissionsBoundary") == {"Fn::Sub": own}, name


def test_what_a_role_is_given_is_within_its_boundary(env: Environment) -> None:
    """Whatever the configuration turns on needs no other boundary."""
    found = bounded(env)
    assert found
    assert beyond(found) == []


def test_a_secret_of_another_account_is_within_it_where_the_configuration_names_it(most_shifted: Environment) -> None:
    assert beyond(bounded(most_shifted.model_copy(update={"account": "444455556666"}))) == []


def beyond(found: Mapping[str, Named]) -> list[tuple[str, str, str]]:
    return [
        (name, action, pattern)
        for name, role in found.items()
        for statement in role.statements
        if statement["Effect"] == "Allow"
        for action in statement["Action"]
        for pattern in statement["Resource"]
        if not allowed(replace(role, statements=(ANYTHING,)), action, made(pattern))
    ]


def made(pattern: str) -> str:
    """Parameters stand in it as <their name>."""
    for name, value in {"TargetGroupFullName": "targetgroup/x/1", "LoadBalancerFullName": "net/x/1", "": "1"}.items():
        pattern = re.sub(f"<{name}[^>]*>", value, pattern)
    return pattern


NEVER = [
    ("iam:CreateUser", "arn:aws:iam::111122223333:user/x"),
    ("iam:PutRolePolicy", "arn:aws:iam::111122223333:role/kotei-staging-cloudformation"),
    ("iam:PassRole", "arn:aws:iam::111122223333:role/kotei-shared-cloudformation"),
    ("iam:DeleteRolePermissionsBoundary", "arn:aws:iam::111122223333:role/kotei-staging-service-TaskRole-1"),
    ("iam:CreatePolicyVersion", "arn:aws:iam::111122223333:policy/kotei-roles-staging-boundary"),
    ("sts:AssumeRole", "arn:aws:iam::111122223333:role/admin"),
    ("ec2:ReleaseAddress", "arn:aws:ec2:ap-northeast-1:111122223333:elastic-ip/eipalloc-1"),
    ("ec2:DisassociateAddress", "arn:aws:ec2:ap-northeast-1:111122223333:elastic-ip/eipalloc-1"),
    ("ec2:AuthorizeSecurityGroupIngress", "arn:aws:ec2:ap-northeast-1:111122223333:security-group/sg-1"),
    ("ecs:UpdateService", "arn:aws:ecs:ap-northeast-1:111122223333:service/kotei-production/proxy"),
    ("elasticloadbalancing:DeleteLoadBalancer", "arn:aws:elasticloadbalancing:ap-northeast-1:111122223333:loadbalancer/net/x/1"),
    ("cloudformation:UpdateStack", "arn:aws:cloudformation:ap-northeast-1:111122223333:stack/kotei-staging-service/1"),
    ("codepipeline:PutApprovalResult", "arn:aws:codepipeline:ap-northeast-1:111122223333:kotei/Production-Approve/Approve"),
    ("logs:PutLogEvents", "arn:aws:logs:ap-northeast-1:111122223333:log-group:/kotei/production/proxy:log-stream:1"),
    ("logs:DeleteLogGroup", "arn:aws:logs:ap-northeast-1:111122223333:log-group:/kotei/staging/proxy"),
    ("ecr:PutImage", "arn:aws:ecr:ap-northeast-1:111122223333:repository/kotei/proxy"),
    ("ecr:BatchGetImage", "arn:aws:ecr:ap-northeast-1:111122223333:repository/other/app"),
    ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:ap-northeast-1:999999999999:secret:theirs-AbCdEf"),
    ("secretsmanager:PutSecretValue", "arn:aws:secretsmanager:ap-northeast-1:111122223333:secret:kotei/origin-AbCdEf"),
    ("s3:GetObject", "arn:aws:s3:::payroll/2026"),
    ("s3:DeleteObject", "arn:aws:s3:::kotei-pipeline-artifactbucket-1/plans/1"),
    ("kms:Decrypt", "arn:aws:kms:ap-northeast-1:111122223333:key/1"),
    ("organizations:LeaveOrganization", "*"),
    ("account:CloseAccount", "*"),
    ("billing:UpdateBillingPreferences", "*"),
]


@pytest.mark.parametrize("action", ["*", "iam:*", "s3:*"])
def test_a_template_that_gives_a_role_everything_gives_it_nothing_of_this(most_shifted: Environment, action: str) -> None:
    found = bounded(most_shifted, {"Effect": "Allow", "Action": action, "Resource": "*"})
    assert set(found) == {"ExecutionRole", "FlowLogsRole", "ShiftRole", "TaskRole"}
    assert [(name, *one) for name, role in found.items() for one in NEVER if allowed(role, *one)] == []


def test_without_the_boundary_it_would(most_shifted: Environment) -> None:
    for role in bounded(most_shifted, ANYTHING).values():
        free = replace(role, boundary=None)
        assert all(allowed(free, *one) for one in NEVER)


@pytest.mark.parametrize(
    ("action", "resource"), [one for one in NEVER if re.match(r"iam:|sts:|ec2:(Rel|Dis)|organizations:|account:|billing:", one[0])]
)
def test_a_resource_that_lets_everybody_do_it_does_not_let_a_bounded_role(most_shifted: Environment, action: str, resource: str) -> None:
    """What is only not allowed would not bound that."""
    everybody = Held(policy=policy({"Statement": [{**ANYTHING, "Principal": "*"}]}), account="111122223333")
    for role in bounded(most_shifted, ANYTHING).values():
        asked = Request(action=action, resource=resource)
        assert decide(role.principal(), asked, everybody).why == "with an explicit deny in a permissions boundary"


OWN, THEIRS = (f"arn:aws:iam::111122223333:policy/kotei-roles-{name}-boundary" for name in ("staging", "production"))
ROLE, DEPLOYS = (f"arn:aws:iam::111122223333:role/kotei-staging-{name}" for name in ("service-TaskRole-1", "cloudformation"))


@pytest.mark.parametrize(
    ("action", "resource", "limit", "expected"),
    [
        # Of the boundary that the call sets.
        ("iam:CreateRole", ROLE, OWN, True),
        ("iam:CreateRole", ROLE, None, False),
        ("iam:CreateRole", ROLE, THEIRS, False),
        ("iam:CreateRole", ROLE, "arn:aws:iam::aws:policy/AdministratorAccess", False),
        ("iam:PutRolePermissionsBoundary", ROLE, OWN, True),
        ("iam:PutRolePermissionsBoundary", ROLE, THEIRS, False),
        ("iam:DeleteRolePermissionsBoundary", ROLE, OWN, False),
        # Of the boundary that the role has.
        ("iam:PutRolePolicy", ROLE, OWN, True),
        ("iam:PutRolePolicy", ROLE, None, False),
        ("iam:PutRolePolicy", ROLE, THEIRS, False),
        ("iam:AttachRolePolicy", ROLE, OWN, True),
        ("iam:AttachRolePolicy", ROLE, None, False),
        # A role from before the boundary may be emptied and deleted.
        ("iam:DeleteRolePolicy", ROLE, OWN, True),
        ("iam:DeleteRolePolicy", ROLE, None, True),
        ("iam:DeleteRolePolicy", ROLE, THEIRS, False),
        ("iam:DetachRolePolicy", ROLE, None, True),
        ("iam:DetachRolePolicy", ROLE, THEIRS, False),
        ("iam:DeleteRole", ROLE, None, True),
        # What deploys.
        ("iam:PutRolePermissionsBoundary", DEPLOYS, OWN, False),
        ("iam:PutRolePolicy", DEPLOYS, OWN, False),
        # The boundary itself.
        *((f"iam:{name}", OWN, None, False) for name in ("CreatePolicy", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion")),
        ("iam:SetDefaultPolicyVersion", OWN, None, False),
    ],
)
def test_cloudformation_gives_roles_nothing_without_the_boundary(
    most_shifted: Environment, action: str, resource: str, limit: str | None, *, expected: bool
) -> None:
    role = of(most_shifted)["StagingCloudFormationRole"]
    assert allowed(role, action, resource, {KEY: limit} if limit else None) is expected


def test_what_cloudformation_may_not_it_may_not_whatever_else_it_is_given(most_shifted: Environment) -> None:
    """The denials are not there for the show: somebody could attach more."""
    role = of(most_shifted)["StagingCloudFormationRole"]
    wide = replace(role, statements=(*role.statements, ANYTHING))
    for action in ("CreatePolicy", "CreatePolicyVersion", "DeletePolicy", "DeletePolicyVersion", "SetDefaultPolicyVersion"):
        assert not allowed(wide, f"iam:{action}", OWN)
        assert allowed(wide, f"iam:{action}", f"{OWN}-2")
    assert not allowed(wide, "iam:DeleteRolePermissionsBoundary", ROLE, {KEY: OWN})
    assert not allowed(wide, "iam:PutRolePermissionsBoundary", DEPLOYS, {KEY: OWN})


def test_the_boundary_fits_into_a_managed_policy(most_shifted: Environment) -> None:
    longest = most_shifted.model_copy(update={"project": "p" * 14, "name": "n" * 14, "pipeline_region": "ap-southeast-1"})
    place = Template()
    cloudformation_role.add(place, (longest,), home="ap-southeast-1")
    (document,) = [
        resource["Properties"]["PolicyDocument"]
        for name, resource in json.loads(place.to_json())["Resources"].items()
        if name.endswith("Boundary")
    ]
    assert len(json.dumps(document, separators=(",", ":"))) <= MANAGED_POLICY_CHARACTERS


def test_the_boundary_outlives_the_configuration(env: Environment) -> None:
    """A role whose boundary is gone may do nothing; what runs must not stop with a line of configuration."""
    place = Template()
    cloudformation_role.add(place, (env,), home=env.region)
    (found,) = [one for name, one in json.loads(place.to_json())["Resources"].items() if name.endswith("Boundary")]
    assert found["DeletionPolicy"] == "RetainExceptOnCreate"
    assert found["UpdateReplacePolicy"] == "Retain"
