"""A push of a branch that no pipeline follows, as a pull request: who is built, on what, with which variables, and what is said."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline.local import connections, pull_request, push, remote
from pipeline.local.codebuild import webhook

pytestmark = pytest.mark.local

BUILDSPEC = """
version: 0.2
phases:
  build:
    commands:
      - echo "$CODEBUILD_WEBHOOK_EVENT $CODEBUILD_WEBHOOK_TRIGGER $CODEBUILD_SOURCE_VERSION $CODEBUILD_WEBHOOK_HEAD_REF"
      - echo "is $CODEBUILD_RESOLVED_SOURCE_VERSION"
      - BASE="$(git merge-base "origin/${CODEBUILD_WEBHOOK_BASE_REF#refs/heads/}" HEAD)"
      - git diff --name-only "$BASE" HEAD
      - test "$(cat name.txt)" != blocked || exit 5
"""
FILTERS = [
    [{"Type": "EVENT", "Pattern": "PULL_REQUEST_CREATED, PULL_REQUEST_UPDATED"}, {"Type": "BASE_REF", "Pattern": "^refs/heads/main$"}]
]
Push = Callable[..., list[str]]


def template(arn: str, *, filters: Any = FILTERS, hooked: bool = True, **source: Any) -> str:
    given = {
        "Type": "GITHUB",
        "Location": "https://github.com/me/demo.git",
        "BuildSpec": "review.yml",
        "Auth": {"Type": "CODECONNECTIONS", "Resource": arn},
    }
    properties = {
        "Name": "review",
        "ServiceRole": "arn:aws:iam::111122223333:role/review",
        "Source": {**given, **source},
        "Artifacts": {"Type": "NO_ARTIFACTS"},
        "Environment": {"Type": "ARM_CONTAINER", "Image": "aws/codebuild/amazonlinux-aarch64-standard:3.0", "ComputeType": "X"},
        **({"Triggers": {"Webhook": True, "FilterGroups": filters}} if hooked else {}),
    }
    return json.dumps({"Resources": {"Project": {"Type": "AWS::CodeBuild::Project", "Properties": properties}}})


@pytest.fixture
def arn(engine: Any, checkout: Any) -> str:
    """Of the connection of a pipeline that follows main."""
    found: str = engine.client("codeconnections").create_connection(ConnectionName="demo", ProviderType="GitHub")["ConnectionArn"]
    connections.complete(engine.world, found)
    checkout.commit({"name.txt": "one", "review.yml": BUILDSPEC})
    kind = {"category": "Source", "owner": "AWS", "provider": "CodeStarSourceConnection", "version": "1"}
    configuration = {"ConnectionArn": found, "FullRepositoryId": "me/demo", "BranchName": "main"}
    source = {"name": "Source", "actionTypeId": kind, "configuration": configuration, "outputArtifacts": [{"name": "Source"}]}
    asked = {"category": "Approval", "owner": "AWS", "provider": "Manual", "version": "1"}
    engine.client("s3").create_bucket(Bucket="artifacts", CreateBucketConfiguration={"LocationConstraint": engine.world.region})
    engine.client("codepipeline").create_pipeline(
        pipeline={
            "name": "demo",
            "roleArn": "arn:aws:iam::111122223333:role/pipeline",
            "artifactStore": {"type": "S3", "location": "artifacts"},
            "pipelineType": "V2",
            "executionMode": "QUEUED",
            "stages": [
                {"name": "Source", "actions": [source]},
                {"name": "Ask", "actions": [{"name": "Ask", "actionTypeId": asked}]},
            ],
        }
    )
    return found


def deploy(engine: Any, body: str, *, update: bool = False) -> None:
    client = engine.client("cloudformation")
    (client.update_stack if update else client.create_stack)(StackName="review", TemplateBody=body)

    def done() -> bool:
        status: str = client.describe_stacks(StackName="review")["Stacks"][0]["StackStatus"]
        return not status.endswith("IN_PROGRESS")

    engine.wait(done, "the stack")


def status(engine: Any) -> str:
    found: str = engine.client("cloudformation").describe_stacks(StackName="review")["Stacks"][0]["StackStatus"]
    return found


@pytest.fixture
def pushed(engine: Any, checkout: Any) -> Push:
    """Commits, pushes to a branch as a person would, and says what the person is told."""

    def push_it(branch: str, files: dict[str, str]) -> list[str]:
        known = remote.commit(engine.world.home, f"refs/heads/{branch}")
        checkout.commit(files, branch=branch)
        new = checkout.git("rev-parse", "HEAD")
        return list(push.received(engine.world, {"changes": [[known.id if known else remote.NOTHING, new, f"refs/heads/{branch}"]]}))

    return push_it


def test_a_pushed_branch_is_built_on_a_whole_clone_with_the_variables_of_a_webhook(
    engine: Any, checkout: Any, arn: str, pushed: Push
) -> None:
    deploy(engine, template(arn))
    said = pushed("topic", {"other.txt": "x"})
    commit = checkout.git("rev-parse", "HEAD")
    assert said == [
        f"pull request 1 created: topic into main, {commit[:10]}; review reviews it",
        "PULL_REQUEST_CREATED pr/1 pr/1 refs/heads/topic",
        f"is {commit}",
        "other.txt",
        "pull request 1: review SUCCEEDED",
    ]
    assert pushed("topic", {"third.txt": "x"})[:2] == [
        f"pull request 1 updated: topic into main, {checkout.git('rev-parse', 'HEAD')[:10]}; review reviews it",
        "PULL_REQUEST_UPDATED pr/1 pr/1 refs/heads/topic",
    ]
    assert "pull request 2 created: another into main" in pushed("another", {"fourth.txt": "x"})[0]


def test_what_main_has_got_meanwhile_is_no_part_of_it(engine: Any, checkout: Any, arn: str, pushed: Push) -> None:
    deploy(engine, template(arn))
    left = checkout.git("rev-parse", "HEAD")
    checkout.commit({"of-others.txt": "x"})
    checkout.git("reset", "--quiet", "--hard", left)
    assert pushed("topic", {"mine.txt": "x"})[3:-1] == ["mine.txt"]


def test_a_review_that_fails_says_with_which_exit_status(engine: Any, arn: str, pushed: Push) -> None:
    deploy(engine, template(arn))
    *_, end, log = pushed("topic", {"name.txt": "blocked"})
    assert end.startswith("pull request 1: review FAILED: review:")
    assert "exit status 5" in end or "the shell was left" in end
    assert log.strip().removeprefix("whole log: ").endswith("/log")


@pytest.mark.parametrize(
    "change",
    [
        {"hooked": False},
        {"filters": [[{"Type": "EVENT", "Pattern": "PUSH"}]]},
        {"filters": [[{"Type": "EVENT", "Pattern": "PULL_REQUEST_CREATED"}, {"Type": "BASE_REF", "Pattern": "^refs/heads/release$"}]]},
        {"Location": "https://github.com/me/another.git"},
    ],
    ids=["no-webhook", "another-event", "another-base", "another-repository"],
)
def test_where_no_project_wants_it_the_push_is_answered_as_ever(engine: Any, arn: str, pushed: Push, change: dict[str, Any]) -> None:
    deploy(engine, template(arn, **change))
    assert pushed("topic", {"other.txt": "x"}) == ["pipeline demo does not start: it follows branch main"]


def test_a_branch_with_nothing_new_is_no_pull_request(engine: Any, checkout: Any, arn: str) -> None:
    deploy(engine, template(arn))
    head = checkout.git("rev-parse", "HEAD")
    assert pull_request.start(engine.world, "topic", head) == []
    said = list(pull_request.again(engine.world, {"branch": "topic", "commit": head}))
    assert said == ["no project reviews a pull request of topic"]


def test_a_branch_that_is_taken_away_closes_its_pull_request(engine: Any, checkout: Any, arn: str, pushed: Push) -> None:
    deploy(engine, template(arn))
    pushed("topic", {"other.txt": "x"})
    head = checkout.git("rev-parse", "HEAD")
    gone = list(push.received(engine.world, {"changes": [[head, remote.NOTHING, "refs/heads/topic"]]}))
    assert gone == ["refs/heads/topic: no pipeline starts for it"]
    assert "pull request 2 created" in pushed("topic", {"third.txt": "x"})[0]


def test_a_shallow_clone_lacks_what_a_shallow_clone_lacks(engine: Any, checkout: Any, arn: str, pushed: Push) -> None:
    """As in CodeBuild, where GitCloneDepth is set: there is no merge base."""
    checkout.commit({"name.txt": "two"})
    deploy(engine, template(arn, GitCloneDepth=1))
    assert "FAILED" in pushed("topic", {"other.txt": "x"})[-2]


def test_an_update_of_the_stack_changes_and_takes_away_the_webhook(engine: Any, arn: str) -> None:
    def hook() -> Any:
        (project,) = engine.client("codebuild").batch_get_projects(names=["review"])["projects"]
        return project.get("webhook")

    deploy(engine, template(arn))
    assert hook()["filterGroups"][0][1] == {"type": "BASE_REF", "pattern": "^refs/heads/main$"}
    deploy(engine, template(arn, filters=[[{"Type": "EVENT", "Pattern": "PUSH"}]]), update=True)
    assert (status(engine), hook()["filterGroups"]) == ("UPDATE_COMPLETE", [[{"type": "EVENT", "pattern": "PUSH"}]])
    deploy(engine, template(arn, hooked=False), update=True)
    assert (status(engine), hook()) == ("UPDATE_COMPLETE", None)


def test_a_connection_that_nobody_has_accepted_has_no_webhook(engine: Any) -> None:
    pending = engine.client("codeconnections").create_connection(ConnectionName="new", ProviderType="GitHub")["ConnectionArn"]
    deploy(engine, template(pending))
    events = engine.client("cloudformation").describe_stack_events(StackName="review")["StackEvents"]
    assert any(f"Access denied to connection {pending}" in event.get("ResourceStatusReason", "") for event in events)
    # What was half made is gone with it.
    assert engine.client("codebuild").list_projects()["projects"] == []


@pytest.mark.parametrize(
    ("groups", "said"),
    [
        ([[{"type": "BASE_REF", "pattern": "^refs/heads/main$"}]], "each filter group needs a filter of type EVENT"),
        ([[{"type": "EVENT", "pattern": "PUSH"}, {"type": "BASE_REF", "pattern": "("}]], "is not a pattern"),
        ([[{"type": "EVENT", "pattern": "PUSH"}, {"type": "ACTOR_ACCOUNT_ID", "pattern": "1"}]], "is not supported by the local engine"),
    ],
)
def test_a_filter_that_cannot_work_is_refused_by_name(engine: Any, arn: str, groups: list[Any], said: str) -> None:
    deploy(engine, template(arn, hooked=False))
    with pytest.raises(ClientError, match=said):
        engine.client("codebuild").create_webhook(projectName="review", filterGroups=groups)


EVENT = webhook.Event(
    kind="PULL_REQUEST_CREATED", base="refs/heads/main", head="refs/heads/topic", message="Add x", files=("a.py", "b/c.toml")
)


@pytest.mark.parametrize(
    ("group", "taken"),
    [
        ({"EVENT": "PUSH, PULL_REQUEST_CREATED"}, True),
        ({"EVENT": "PUSH,PULL_REQUEST_CREATED"}, True),
        ({"EVENT": "PUSH"}, False),
        ({"EVENT": "PULL_REQUEST_CREATED", "HEAD_REF": "^refs/heads/to"}, True),
        ({"EVENT": "PULL_REQUEST_CREATED", "HEAD_REF": "^refs/heads/main$"}, False),
        ({"EVENT": "PULL_REQUEST_CREATED", "FILE_PATH": r"\.toml$"}, True),
        ({"EVENT": "PULL_REQUEST_CREATED", "FILE_PATH": r"\.md$"}, False),
        ({"EVENT": "PULL_REQUEST_CREATED", "COMMIT_MESSAGE": "^Add"}, True),
        ({"EVENT": "PULL_REQUEST_CREATED", "COMMIT_MESSAGE": "skip"}, False),
    ],
)
def test_every_filter_of_a_group_must_hold(group: dict[str, str], taken: bool) -> None:  # noqa: FBT001 - a row of a table
    one = [{"type": kind, "pattern": pattern} for kind, pattern in group.items()]
    assert webhook.matches([one], EVENT) is taken
    assert webhook.matches([[{"type": "EVENT", "pattern": "RELEASED"}], one], EVENT) is taken
    assert webhook.matches([], EVENT) is False


def test_a_filter_may_exclude() -> None:
    kind = {"type": "EVENT", "pattern": "PULL_REQUEST_CREATED"}
    assert not webhook.matches([[kind, {"type": "HEAD_REF", "pattern": "topic", "excludeMatchedPattern": True}]], EVENT)
    assert webhook.matches([[kind, {"type": "HEAD_REF", "pattern": "other", "excludeMatchedPattern": True}]], EVENT)
