"""The stack that looks for drift, in the engine: its schedule starts the build on the deployed branch, when it is time to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pipeline import drift_project, paths
from pipeline.local import connections, schedules
from stacks.config_drift import DriftCheck
from stacks.project import load

pytestmark = pytest.mark.local

BUILDSPEC = """
version: 0.2
phases:
  build:
    commands:
      - echo "tells $TOPIC about $CODEBUILD_RESOLVED_SOURCE_VERSION"
      - test "$(cat name.txt)" != drifted || exit 4
"""
TOPIC = "arn:aws:sns:ap-northeast-1:111122223333:kotei-pipeline-topic"


@pytest.fixture
def stack(engine: Any, checkout: Any) -> dict[str, Any]:
    arn = engine.client("codeconnections").create_connection(ConnectionName="demo", ProviderType="GitHub")["ConnectionArn"]
    connections.complete(engine.world, arn)
    checkout.commit({"name.txt": "one", "buildspec/drift.yml": BUILDSPEC})
    project = load(paths.ROOT)
    project = project.model_copy(update={"pipeline": project.pipeline.model_copy(update={"drift": DriftCheck(every="day")})})
    given = {"ConnectionArn": arn, "TopicArn": TOPIC, "ArtifactKeyArn": "arn:aws:kms:ap-northeast-1:111122223333:key/1"}
    client = engine.client("cloudformation")
    client.create_stack(
        StackName="kotei-drift",
        TemplateBody=drift_project.build(project).to_json(),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )

    def described() -> dict[str, Any]:
        found: dict[str, Any] = client.describe_stacks(StackName="kotei-drift")["Stacks"][0]
        return found

    engine.wait(lambda: not described()["StackStatus"].endswith("IN_PROGRESS"), "the stack")
    return described()


def built(engine: Any) -> dict[str, Any]:
    """By the schedule, a day later."""
    engine.clock.ahead += timedelta(days=1)
    (said,) = schedules.start_due(engine.world)
    build = said.rpartition("started ")[2]
    engine.wait(lambda: ended(engine, build)["buildComplete"], "the build")
    return ended(engine, build)


def ended(engine: Any, build: str) -> dict[str, Any]:
    found: dict[str, Any] = engine.client("codebuild").batch_get_builds(ids=[build])["builds"][0]
    return found


def test_a_schedule_starts_at_once_and_then_at_its_rate(engine: Any, stack: dict[str, Any]) -> None:
    assert stack["StackStatus"] == "CREATE_COMPLETE"

    def started() -> int:
        builds = [said.rpartition("started ")[2] for said in schedules.start_due(engine.world)]
        for build in builds:
            engine.wait(lambda build=build: ended(engine, build)["buildComplete"], "the build")
        return len(builds)

    assert (started(), started()) == (1, 0)
    engine.clock.ahead += timedelta(hours=23)
    assert started() == 0
    engine.clock.ahead += timedelta(hours=2)
    assert (started(), started()) == (1, 0)
    schedule = engine.client("scheduler").get_schedule(Name="kotei-drift")
    given = {key: schedule[key] for key in ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    engine.client("scheduler").update_schedule(**given, State="DISABLED")
    engine.clock.ahead += timedelta(days=2)
    assert started() == 0


def test_a_schedule_may_start_only_what_its_role_may(engine: Any, stack: dict[str, Any]) -> None:
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    role = engine.client("scheduler").get_schedule(Name="kotei-drift")["Target"]["RoleArn"].rpartition("/")[2]
    engine.client("iam").delete_role_policy(RoleName=role, PolicyName="start")
    (said,) = schedules.start_due(engine.world)
    assert "not started:" in said
    assert "codebuild:StartBuild" in said
    assert engine.client("codebuild").list_builds_for_project(projectName="kotei-drift")["ids"] == []


def test_the_schedule_names_the_build_and_the_build_reads_the_deployed_branch(engine: Any, checkout: Any, stack: dict[str, Any]) -> None:
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    schedule = engine.client("scheduler").get_schedule(Name="kotei-drift")
    (project,) = engine.client("codebuild").batch_get_projects(names=["kotei-drift"])["projects"]
    assert (schedule["ScheduleExpression"], schedule["Target"]["Arn"]) == ("rate(1 day)", project["arn"])
    head = checkout.git("rev-parse", "HEAD")
    first = built(engine)
    assert (first["buildStatus"], first["resolvedSourceVersion"]) == ("SUCCEEDED", head)
    log = (engine.world.home / "builds" / first["id"].rpartition(":")[2] / "log").read_text()
    assert f"tells {TOPIC} about {head}" in log
    # A branch that nobody deploys changes nothing about it; a commit that is deployed does.
    checkout.commit({"name.txt": "drifted"}, branch="other")
    assert built(engine)["resolvedSourceVersion"] == head
    checkout.commit({"name.txt": "drifted"})
    assert built(engine)["buildStatus"] == "FAILED"


def test_what_cannot_be_fetched_is_not_started(engine: Any, stack: dict[str, Any]) -> None:
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="'nowhere' is no branch or commit of the local remote"):
        engine.client("codebuild").start_build(projectName="kotei-drift", sourceVersion="nowhere")
