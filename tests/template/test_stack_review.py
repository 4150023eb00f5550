"""The build that reviews pull requests: what starts it, what it fetches, and how little it may do."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

import botocore.session
import pytest
import yaml

from pipeline import render, review_project
from pipeline.paths import ROOT
from policy import cloudformation
from stacks.config_rules import free_name
from stacks.project import Project, load

MODEL = botocore.session.get_session().get_service_model("codebuild")
PROVIDERS = {"GitHub": "github.com", "GitLab": "gitlab.com", "Bitbucket": "bitbucket.org"}
BUILDSPEC = yaml.safe_load((ROOT / "buildspec/review.yml").read_text(encoding="utf-8"))
COMMANDS = [command for phase in BUILDSPEC["phases"].values() for command in phase["commands"]]


def at(project: Project, **repository: str | bool) -> Project:
    config = project.pipeline
    changed = config.repository.model_copy(update=repository)
    return project.model_copy(update={"pipeline": config.model_copy(update={"repository": changed})})


def resources(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(review_project.build(project).to_json())["Resources"]
    return found


@pytest.fixture(params=PROVIDERS)
def provider(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def review(project: Project, provider: str) -> dict[str, Any]:
    properties: dict[str, Any] = resources(at(project, provider=provider))["Project"]["Properties"]
    return properties


def filters(properties: dict[str, Any]) -> dict[str, str]:
    (group,) = properties["Triggers"]["FilterGroups"]
    return {one["Type"]: one["Pattern"] for one in group}


def test_codebuild_fetches_the_repository_with_its_history_through_the_connection(review: dict[str, Any], provider: str) -> None:
    source = review["Source"]
    assert source["Type"] == provider.upper()
    assert source["Location"] == f"https://{PROVIDERS[provider]}/example-org/kotei.git"
    assert source["Auth"] == {"Type": "CODECONNECTIONS", "Resource": {"Ref": "ConnectionArn"}}
    # A shallow clone has no merge base.
    assert source["GitCloneDepth"] == 0
    assert source["ReportBuildStatus"] is True
    assert review["Artifacts"] == {"Type": "NO_ARTIFACTS"}


def test_codebuild_knows_every_word(review: dict[str, Any], provider: str) -> None:
    """cfn-lint checks none of these."""
    words = MODEL.shape_for("WebhookFilter").members["type"].documentation
    events = filters(review)["EVENT"].split(", ")
    assert all(f"<code>{event}</code>" in words for event in events)
    # "PULL_REQUEST_REOPENED and WORKFLOW_JOB_QUEUED work with GitHub and GitHub Enterprise only"
    assert ("PULL_REQUEST_REOPENED" in events) == (provider == "GitHub")
    assert {"PULL_REQUEST_CREATED", "PULL_REQUEST_UPDATED"} <= set(events)
    policy = review["Triggers"]["PullRequestBuildPolicy"]
    assert policy["RequiresCommentApproval"] in MODEL.shape_for("PullRequestBuildCommentApproval").enum
    assert set(policy["ApproverRoles"]) <= set(MODEL.shape_for("PullRequestBuildApproverRole").enum)
    assert review["Source"]["Type"] in MODEL.shape_for("SourceType").enum
    assert review["Source"]["Auth"]["Type"] in MODEL.shape_for("SourceAuthType").enum


@pytest.mark.parametrize("branch", ["main", "release/1.0"])
def test_only_pull_requests_for_the_branch_that_is_deployed_start_it(project: Project, branch: str) -> None:
    base = filters(resources(at(project, branch=branch))["Project"]["Properties"])["BASE_REF"]
    assert re.search(base, f"refs/heads/{branch}")
    for other in (f"{branch}-2", f"x/{branch}", branch.replace(".", "x") + "x", "release/1x0"):
        assert not re.search(base, f"refs/heads/{other}"), other


def test_who_may_not_push_waits_for_somebody_who_may(review: dict[str, Any], provider: str) -> None:
    policy = review["Triggers"]["PullRequestBuildPolicy"]
    assert policy["RequiresCommentApproval"] == "ALL_PULL_REQUESTS"
    without = {"GITHUB_READ", "GITHUB_TRIAGE", "GITLAB_GUEST", "GITLAB_PLANNER", "GITLAB_REPORTER", "BITBUCKET_READ"}
    everybody = [role for role in MODEL.shape_for("PullRequestBuildApproverRole").enum if role.startswith(provider.upper())]
    assert set(policy["ApproverRoles"]) == set(everybody) - without


def test_the_build_is_small_short_and_holds_no_secret(review: dict[str, Any]) -> None:
    environment = review["Environment"]
    assert (environment["Type"], environment["PrivilegedMode"]) == ("ARM_CONTAINER", False)
    assert "EnvironmentVariables" not in environment
    assert review["TimeoutInMinutes"] <= 15
    assert review["ConcurrentBuildLimit"] <= 5
    assert "VpcConfig" not in review


def test_its_role_fetches_the_source_and_writes_its_log_and_nothing_else(project: Project) -> None:
    """It runs code that nobody has reviewed: whatever the role could read, a pull request could print."""
    found = resources(project)
    (policy,) = found["Role"]["Properties"]["Policies"]
    assert "ManagedPolicyArns" not in found["Role"]["Properties"]
    by_resource = {json.dumps(s["Resource"]): sorted(s["Action"]) for s in policy["PolicyDocument"]["Statement"]}
    names = ("GetConnection", "GetConnectionToken", "UseConnection")
    assert by_resource == {
        '[{"Fn::GetAtt": ["Logs", "Arn"]}]': ["logs:CreateLogStream", "logs:PutLogEvents"],
        '[{"Ref": "ConnectionArn"}]': [f"{prefix}:{name}" for prefix in ("codeconnections", "codestar-connections") for name in names],
    }
    assert found["Project"]["Properties"]["LogsConfig"]["CloudWatchLogs"] == {"Status": "ENABLED", "GroupName": {"Ref": "Logs"}}
    assert found["Logs"]["DeletionPolicy"] == "RetainExceptOnCreate"


def test_only_its_own_project_takes_on_its_role(project: Project) -> None:
    found = resources(project)
    (statement,) = found["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    name = found["Project"]["Properties"]["Name"]
    assert statement["Condition"]["ArnLike"]["aws:SourceArn"] == f"arn:aws:codebuild:ap-northeast-1:111122223333:project/{name}"


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        # What CloudFormation calls for Triggers; the type is too old to have a schema that says so.
        ("codebuild:CreateWebhook", "arn:aws:codebuild:ap-northeast-1:111122223333:project/kotei-review"),
        ("codebuild:UpdateWebhook", "arn:aws:codebuild:ap-northeast-1:111122223333:project/kotei-review"),
        ("codebuild:DeleteWebhook", "arn:aws:codebuild:ap-northeast-1:111122223333:project/kotei-review"),
        # aws/aws-cdk#31726: "Failed to call CreateWebhook, reason: Access denied to connection".
        ("codeconnections:UseConnection", "arn:aws:codeconnections:ap-northeast-1:111122223333:connection/1a"),
        ("codestar-connections:UseConnection", "arn:aws:codeconnections:ap-northeast-1:111122223333:connection/1a"),
        ("codeconnections:GetConnectionToken", "arn:aws:codeconnections:ap-northeast-1:111122223333:connection/1a"),
        ("iam:CreateRole", "arn:aws:iam::111122223333:role/kotei-review-Role-1A"),
        ("iam:PassRole", "arn:aws:iam::111122223333:role/kotei-review-Role-1A"),
        ("logs:CreateLogGroup", "arn:aws:logs:ap-northeast-1:111122223333:log-group:/aws/codebuild/kotei-review"),
    ],
)
def test_the_shared_role_may_make_it(action: str, resource: str) -> None:
    shared = json.loads(cloudformation.shared(account="111122223333", region="ap-northeast-1", project="kotei").to_json())
    allowed = [s for s in shared["Statement"] if s["Effect"] == "Allow"]
    assert any(action in s["Action"] and any(fnmatchcase(resource, pattern) for pattern in s["Resource"]) for s in allowed)


def test_no_environment_has_its_name() -> None:
    """The shared role may change roles that are called <project>-review-..., as an environment's would be."""
    assert list(free_name(review_project.NAME))
    assert not list(free_name("reviews"))


def test_the_buildspec_is_lines_that_a_person_can_paste() -> None:
    assert BUILDSPEC["env"]["shell"] == "bash"
    assert set(BUILDSPEC["phases"]) == {"install", "build"}
    used = {variable for command in COMMANDS for variable in re.findall(r"\$\{?([A-Z_]+)", command)}
    set_before = {name for command in COMMANDS for name in re.findall(r"^([A-Z_]+)=", command)}
    assert used - set_before <= {"PATH", "PWD", "VENV", "CODEBUILD_WEBHOOK_BASE_REF"}
    for command in COMMANDS:
        assert "\n" not in command
    # Git's own credentials would be within reach of the pull request's code.
    assert "git-credential-helper" not in BUILDSPEC["env"]


def test_a_team_that_reviews_elsewhere_has_no_such_build() -> None:
    files = render.files(at(load(ROOT), review_pull_requests=False))
    assert "stacks/rendered/shared/review.yaml" not in files
    assert "StackName: kotei-review" not in files["stacks/rendered/shared/pipeline.yaml"]


def test_what_is_generated_is_looked_at_before_it_is_reviewed() -> None:
    """A pull request whose generated files are stale would be reviewed as one that changes nothing."""
    assert COMMANDS[-2:] == ["kotei render --check", 'kotei review "$BASE" HEAD --public']
