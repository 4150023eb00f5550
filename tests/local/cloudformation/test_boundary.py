"""Permissions boundaries as CloudFormation deploys them: into an account that had none, and against templates that would be rid of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from pipeline.access.decide import Request
from pipeline.local.iam import authorize
from pipeline.paths import ROOT
from stacks import cloudformation_role, project, roles, service
from stacks.project import Project

pytestmark = pytest.mark.local

Template = dict[str, Any]
NAMED = ["CAPABILITY_NAMED_IAM"]
BOUNDARY = "arn:aws:iam::111122223333:policy/kotei-roles-staging-boundary"


@pytest.fixture
def sample() -> Project:
    return project.load(ROOT)


@pytest.fixture
def shared(sample: Project) -> Template:
    """The stack of CloudFormation's roles."""
    return plain(roles.build(sample))


@pytest.fixture
def staging(sample: Project) -> Template:
    """The service's roles alone, with the log that one of them names."""
    whole = plain(service.STACK.build(sample.environments[0]))["Resources"]
    return {"Resources": {name: whole[name] for name in ("Logs", "ExecutionRole", "TaskRole")}}


def plain(template: Any) -> Template:
    found: Template = json.loads(template.to_json())
    return found


def before(template: Template) -> Template:
    """As it was before there were boundaries."""
    kept = {name: one for name, one in copy.deepcopy(template["Resources"]).items() if not name.endswith("Boundary")}
    for resource in kept.values():
        resource["Properties"].pop("PermissionsBoundary", None)
        for policy in resource["Properties"].get("Policies", []):
            policy["PolicyDocument"]["Statement"] = [
                _unbounded(one) for one in policy["PolicyDocument"]["Statement"] if one.get("Sid") not in ("KeepBoundary", "KeepBoundaries")
            ]
    return {**template, "Resources": kept}


def _unbounded(statement: dict[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in statement.items() if key != "Condition" or statement["Sid"] not in ("BoundedRoles", "EmptyRoles")}
    return {**rest, "Action": [one for one in statement["Action"] if one != "iam:PutRolePermissionsBoundary"]}


class Account:
    """Deploys both stacks as the pipeline does."""

    def __init__(self, cloud: Any, sample: Project) -> None:
        self.cloud = cloud
        self.shared_role = roles.shared_arn(sample)
        self.role = cloudformation_role.arn(sample.environments[0])

    def first(self, shared: Template) -> str:
        """A person's own first deployment (kotei bootstrap): as no role."""
        return str(self.cloud.create("kotei-roles", shared, Capabilities=NAMED)["StackStatus"])

    def shared(self, template: Template) -> str:
        return str(self.cloud.update("kotei-roles", template, Capabilities=NAMED, RoleARN=self.shared_role)["StackStatus"])

    def create(self, template: Template) -> str:
        return str(self.cloud.create("kotei-staging-service", template, Capabilities=NAMED, RoleARN=self.role)["StackStatus"])

    def update(self, template: Template) -> str:
        return str(self.cloud.update("kotei-staging-service", template, Capabilities=NAMED, RoleARN=self.role)["StackStatus"])

    def reasons(self) -> str:
        return "\n".join(self.cloud.reasons("kotei-staging-service"))

    def limit(self, name: str) -> str | None:
        role = self.cloud.ids("kotei-staging-service")[name]
        found = self.cloud.client("iam").get_role(RoleName=role)["Role"].get("PermissionsBoundary")
        return str(found["PermissionsBoundaryArn"]) if found else None

    def task(self) -> str:
        return str(self.cloud.client("iam").get_role(RoleName=self.cloud.ids("kotei-staging-service")["TaskRole"])["Role"]["Arn"])


@pytest.fixture
def account(cloud: Any, sample: Project) -> Account:
    return Account(cloud, sample)


@pytest.fixture
def bounded(account: Account, shared: Template, staging: Template) -> Account:
    assert account.first(shared) == "CREATE_COMPLETE"
    assert account.create(staging) == "CREATE_COMPLETE", account.reasons()
    return account


@pytest.fixture
def unbounded(account: Account, shared: Template, staging: Template) -> Account:
    assert account.first(before(shared)) == "CREATE_COMPLETE"
    assert account.create(before(staging)) == "CREATE_COMPLETE", account.reasons()
    return account


def widened(template: Template, statement: dict[str, Any]) -> Template:
    template = copy.deepcopy(template)
    document = template["Resources"]["TaskRole"]["Properties"]["Policies"][0]["PolicyDocument"]
    document["Statement"] = [{"Effect": "Allow", "Resource": "*", **statement}]
    return template


def without(template: Template) -> Template:
    template = copy.deepcopy(template)
    del template["Resources"]["TaskRole"]["Properties"]["PermissionsBoundary"]
    return template


def test_an_account_without_boundaries_gets_them_from_the_pipeline(unbounded: Account, shared: Template, staging: Template) -> None:
    """The stack of the roles first, as the role that it makes, then the environment; also where a policy changes at the same time."""
    assert unbounded.limit("TaskRole") is None
    assert unbounded.shared(shared) == "UPDATE_COMPLETE"
    assert unbounded.update(widened(staging, {"Action": "logs:PutLogEvents"})) == "UPDATE_COMPLETE", unbounded.reasons()
    assert {unbounded.limit("TaskRole"), unbounded.limit("ExecutionRole")} == {BOUNDARY}


def test_a_role_from_before_may_go_unbounded(unbounded: Account, shared: Template, staging: Template) -> None:
    assert unbounded.shared(shared) == "UPDATE_COMPLETE"
    del staging["Resources"]["TaskRole"]
    assert unbounded.update(staging) == "UPDATE_COMPLETE"
    assert "DELETE_FAILED" not in unbounded.reasons()


def test_the_environment_before_its_boundary_is_refused(unbounded: Account, staging: Template) -> None:
    assert unbounded.update(staging) != "UPDATE_COMPLETE"
    assert "not authorized to perform: iam:PutRolePermissionsBoundary" in unbounded.reasons()
    assert unbounded.limit("TaskRole") is None


def test_the_update_that_brings_the_boundary_does_not_go_back_by_itself(unbounded: Account, shared: Template, staging: Template) -> None:
    """Going back would take the boundary away. The role is left as it is now, by name."""
    assert unbounded.shared(shared) == "UPDATE_COMPLETE"
    staging["Resources"]["Wrong"] = {"Type": "AWS::Logs::LogGroup", "DependsOn": ["TaskRole"], "Properties": {"LogGroupName": "/other"}}
    del staging["Resources"]["ExecutionRole"]["Properties"]["PermissionsBoundary"]
    assert unbounded.update(staging) == "UPDATE_ROLLBACK_FAILED"
    assert "perform: iam:DeleteRolePermissionsBoundary" in unbounded.reasons()
    unbounded.cloud.cfn.continue_update_rollback(StackName="kotei-staging-service", ResourcesToSkip=["TaskRole"], RoleARN=unbounded.role)
    assert unbounded.cloud.settled("kotei-staging-service")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert unbounded.limit("TaskRole") == BOUNDARY


@pytest.mark.parametrize("action", ["*", ["iam:*", "s3:*"]])
def test_a_template_that_gives_a_task_everything_gives_it_nothing(bounded: Account, staging: Template, action: Any) -> None:
    assert bounded.update(widened(staging, {"Action": action})) == "UPDATE_COMPLETE", bounded.reasons()
    made = authorize.decided(bounded.task(), Request(action="iam:CreateUser", resource="arn:aws:iam::111122223333:user/x"))
    assert made.why == "with an explicit deny in a permissions boundary"
    read = authorize.decided(bounded.task(), Request(action="s3:GetObject", resource="arn:aws:s3:::payroll/2026"))
    assert read.why == "because no permissions boundary allows the s3:GetObject action"


def other(template: Template) -> Template:
    template = copy.deepcopy(template)
    template["Resources"]["TaskRole"]["Properties"]["PermissionsBoundary"] = "arn:aws:iam::aws:policy/AdministratorAccess"
    return template


def more(template: Template) -> Template:
    free = without(template)["Resources"]["TaskRole"]
    return {"Resources": {**template["Resources"], "Free": free}}


def lifted(template: Template) -> Template:
    """The boundary itself, written anew."""
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    policy = {
        "Type": "AWS::IAM::ManagedPolicy",
        "Properties": {"ManagedPolicyName": "kotei-roles-staging-boundary", "PolicyDocument": document},
    }
    return {"Resources": {**template["Resources"], "Limit": policy}}


@pytest.mark.parametrize(
    ("change", "action"),
    [
        (without, "iam:DeleteRolePermissionsBoundary"),
        (other, "iam:PutRolePermissionsBoundary"),
        (more, "iam:CreateRole"),
        (lifted, "iam:CreatePolicy"),
    ],
)
def test_a_template_is_not_rid_of_the_boundary(
    bounded: Account, staging: Template, change: Callable[[Template], Template], action: str
) -> None:
    assert bounded.update(change(staging)) == "UPDATE_ROLLBACK_COMPLETE"
    assert f"is not authorized to perform: {action} on resource: " in bounded.reasons()
    assert bounded.limit("TaskRole") == BOUNDARY


def test_the_pipelines_own_change_does_not_take_it_from_a_role_either(bounded: Account) -> None:
    asked = Request(action="iam:DeleteRolePermissionsBoundary", resource=bounded.task())
    assert authorize.decided(bounded.shared_role, asked).why == "with an explicit deny in an identity-based policy"
