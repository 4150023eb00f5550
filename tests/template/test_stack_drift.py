"""The build that looks for drift: what starts it, what it may read, and whom it tells."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import Any

import pytest
import yaml

from pipeline import catalog, drift_project, registry_schema, render
from pipeline.checks import embedded_json, iam_actions, service_models, template_lint, template_rules
from pipeline.checks.documents import Document
from pipeline.paths import GUARD_RULES, ROOT
from pipeline.wiring import planned_arns
from policy import drift as policy
from policy.statement import document
from stacks import roles
from stacks.config_drift import DriftCheck
from stacks.project import Project

# What read handlers list and no reading needs; IAM does not even know the second, which is about endpoints of service networks.
NOT_READ = {"iam:PassRole", "vpc-lattice:DescribeServiceNetworkVpcEndpointAssociation"}


@pytest.fixture
def looking(project: Project) -> Project:
    return project.model_copy(update={"pipeline": project.pipeline.model_copy(update={"drift": DriftCheck(every="day")})})


def resources(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(drift_project.build(project).to_json())["Resources"]
    return found


def allowed(document: Any) -> dict[str, set[str]]:
    """Action -> resources."""
    found: dict[str, set[str]] = {}
    for statement in document["Statement"]:
        for action in statement["Action"]:
            found.setdefault(action, set()).update(json.dumps(one) if isinstance(one, dict) else one for one in statement["Resource"])
    return found


def test_it_is_there_only_where_somebody_wants_it(project: Project, looking: Project) -> None:
    assert not drift_project.STACK.wanted(project)
    assert drift_project.STACK.wanted(looking)
    paths = set(render.files(looking)) - set(render.files(project))
    assert paths == {"stacks/rendered/shared/drift.json", "stacks/rendered/shared/drift.yaml"}


def test_a_schedule_starts_the_build_and_may_start_nothing_else(looking: Project) -> None:
    found = resources(looking)
    schedule = found["Schedule"]["Properties"]
    assert (schedule["ScheduleExpression"], schedule["FlexibleTimeWindow"]) == ("rate(1 day)", {"Mode": "OFF"})
    assert schedule["Target"]["Arn"] == f"arn:aws:codebuild:ap-northeast-1:111122223333:project/{found['Project']['Properties']['Name']}"
    role = found["ScheduleRole"]["Properties"]
    assert allowed(role["Policies"][0]["PolicyDocument"]) == {"codebuild:StartBuild": {schedule["Target"]["Arn"]}}
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert trust["Condition"]["ArnLike"] == {"aws:SourceArn": "arn:aws:scheduler:ap-northeast-1:111122223333:schedule-group/default"}


def test_it_reads_whatever_the_detection_reads_and_changes_nothing(looking: Project) -> None:
    """CloudFormation reads as the caller: without one of these a resource would be UNKNOWN, or the detection fail."""
    found = allowed(resources(looking)["Role"]["Properties"]["Policies"][0]["PolicyDocument"])
    templates = [spec.build(looking) for spec in catalog.SHARED_STACKS if spec.wanted(looking)]
    templates += [spec.build(env) for env in looking.environments for spec in catalog.ENVIRONMENT_STACKS if spec.wanted(env)]
    types = {resource["Type"] for template in templates for resource in json.loads(template.to_json())["Resources"].values()}
    needed = {action for kind in types for action in registry_schema.permissions(kind, "read")} - NOT_READ
    assert needed - found.keys() == set()
    verbs = ("Describe", "Get", "List", "Detect", "BatchGet")
    others = {action for action in found if not action.partition(":")[2].startswith(verbs)}
    connection = {"codeconnections:UseConnection", "codestar-connections:UseConnection"}
    own = {"logs:CreateLogStream", "logs:PutLogEvents", "sns:Publish", "kms:Decrypt", "kms:GenerateDataKey", "sts:AssumeRole"}
    assert others == connection | own
    assert "s3:GetObject" not in found
    assert "secretsmanager:GetSecretValue" not in found


def test_it_looks_at_every_stack_of_the_account(looking: Project) -> None:
    found = allowed(resources(looking)["Role"]["Properties"]["Policies"][0]["PolicyDocument"])
    for action in ("cloudformation:DetectStackDrift", "cloudformation:DescribeStackResourceDrifts", "cloudformation:GetTemplate"):
        assert found[action] == set(planned_arns(looking))
    assert any(fnmatchcase("arn:aws:cloudformation:ap-northeast-1:111122223333:stack/kotei-drift/1", arn) for arn in planned_arns(looking))


def test_the_role_in_another_account_lets_it_in_and_reads_there(project: Project, looking: Project) -> None:
    def read_role(of: Project) -> dict[str, Any]:
        (other,) = catalog.outside(of)
        found: dict[str, Any] = json.loads(other.spec.build(other.config).to_json())["Resources"]["ReadRole"]["Properties"]
        return found

    def trusted(of: Project) -> set[str]:
        (statement,) = read_role(of)["AssumeRolePolicyDocument"]["Statement"]
        users: list[str] = next(iter(statement["Condition"].values()))["aws:PrincipalArn"]
        return set(users)

    assert trusted(looking) - trusted(project) == {"arn:aws:iam::111122223333:role/kotei-drift-build"}
    there, before = (allowed(read_role(of)["Policies"][0]["PolicyDocument"]) for of in (looking, project))
    assert "cloudformation:DetectStackDrift" in there
    assert "cloudformation:DetectStackDrift" not in before
    assert (
        allowed(
            json.loads(document(*policy.read_environments(project="kotei", account="444455556666", regions=["ap-northeast-1"])).to_json())
        ).keys()
        <= there.keys()
    )


def test_the_buildspec_tells_the_topic_and_fails_the_build(looking: Project) -> None:
    commands = yaml.safe_load((ROOT / "buildspec/drift.yml").read_text(encoding="utf-8"))["phases"]["build"]["commands"]
    assert commands == ['kotei drift --every --notify "$TOPIC" --exit-code']
    variables = resources(looking)["Project"]["Properties"]["Environment"]["EnvironmentVariables"]
    assert variables == [{"Name": "TOPIC", "Value": {"Ref": "TopicArn"}}]


def test_cloudformation_may_set_it_up(looking: Project, project: Project) -> None:
    def of(one: Project) -> dict[str, set[str]]:
        found = json.loads(roles.build(one).to_json())["Resources"]["SharedCloudFormationRole"]["Properties"]
        return allowed(found["Policies"][0]["PolicyDocument"])

    for action in (
        *registry_schema.permissions("AWS::Scheduler::Schedule", "create"),
        "scheduler:UpdateSchedule",
        "scheduler:DeleteSchedule",
    ):
        assert action in of(looking)
    assert not [action for action in of(project) if action.startswith("scheduler:")]
    assert "arn:aws:iam::111122223333:role/kotei-drift-*" in of(looking)["iam:CreateRole"]


def test_what_is_rendered_has_no_finding(looking: Project) -> None:
    lint, validate = template_lint.linter(ROOT), template_rules.validator(ROOT / GUARD_RULES)
    files = render.files(looking)
    for name in ("drift", "pipeline", "roles"):
        path = f"stacks/rendered/shared/{name}.yaml"
        one = Document(path=path, text=files[path], region="ap-northeast-1", content=yaml.safe_load(files[path]))
        found = [*lint(one.path, one.text, one.region), *validate(one.path, one.text, one.region)]
        found += [finding for fact in (embedded_json, iam_actions, service_models) for finding in fact.findings(one)]
        assert [str(finding) for finding in found] == []
