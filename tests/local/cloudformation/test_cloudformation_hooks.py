"""A Guard hook holds the project's stacks to the house rules, from the same files as the checks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import guard_hook
from pipeline.aws import Aws, Target
from pipeline.paths import GUARD_RULES, ROOT
from stacks.project import PipelineConfig, Project

pytestmark = pytest.mark.local

BUCKET = "demo-rules"
GOOD = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"KmsMasterKeyId": "alias/aws/sns"}}}}
# storage.guard
BAD = {"Resources": {**GOOD["Resources"], "Plain": {"Type": "AWS::SNS::Topic"}}}
RULE = "topic_encrypted"


def hooks_stack(mode: str, status: str = "ENABLED") -> dict[str, Any]:
    """The stack as it is rendered, for a project that is called demo."""
    config = PipelineConfig.model_validate(
        {
            "project": "demo",
            "account": "111122223333",
            "region": "ap-northeast-1",
            "environments": ["test"],
            "repository": {"name": "example-org/demo"},
            "hooks": mode,
        }
    )
    content: dict[str, Any] = json.loads(guard_hook.build(Project.model_construct(pipeline=config, environments=())).to_json())
    content["Resources"]["HouseRules"]["Properties"]["HookStatus"] = status
    return content


GIVEN = {"Parameters": [{"ParameterKey": "RulesBucketName", "ParameterValue": BUCKET}], "Capabilities": ["CAPABILITY_IAM"]}


@pytest.fixture
def hook(cloud: Any) -> Any:
    """Makes the stack with the hook; `rules` says whether they are where it looks for them."""

    def made(mode: str = "fail", *, rules: bool = True) -> None:
        cloud.client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "ap-northeast-1"})
        if rules:
            target = Target(endpoint=cloud.world.endpoint, why="test")
            guard_hook.publish(Aws(target=target, account=cloud.world.account, region=cloud.world.region), ROOT, BUCKET)
        assert cloud.create("demo-hooks", hooks_stack(mode), **GIVEN)["StackStatus"] == "CREATE_COMPLETE"

    return made


def told(cloud: Any, stack: str) -> list[tuple[str, str]]:
    events = cloud.cfn.describe_stack_events(StackName=stack)["StackEvents"]
    return [(event["HookStatus"], event["HookStatusReason"]) for event in events if "HookStatus" in event]


def test_a_stack_that_breaks_a_rule_is_not_created(cloud: Any, hook: Any) -> None:
    hook()
    stack = cloud.create("demo-test-x", BAD)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "The following hook(s) failed: [Demo::House::Rules]" in " ".join(cloud.reasons("demo-test-x"))
    (status, reason), *more = told(cloud, "demo-test-x")
    assert (status, more) == ("HOOK_COMPLETE_FAILED", [])
    assert reason.startswith("Hook failed with message: Template failed validation, the following rule(s) failed:")
    assert RULE in reason
    assert cloud.ids("demo-test-x") == {}


def test_an_update_that_breaks_a_rule_changes_nothing(cloud: Any, hook: Any) -> None:
    hook()
    assert cloud.create("demo-test-x", GOOD)["StackStatus"] == "CREATE_COMPLETE"
    before = cloud.ids("demo-test-x")
    assert cloud.update("demo-test-x", BAD)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert cloud.ids("demo-test-x") == before
    assert len(cloud.client("sns").list_topics()["Topics"]) == 1
    # A sound template still goes through, and what is deleted is not judged.
    assert (
        cloud.update("demo-test-x", {"Resources": {**GOOD["Resources"], "Other": GOOD["Resources"]["Topic"]}})["StackStatus"]
        == "UPDATE_COMPLETE"
    )
    assert cloud.delete("demo-test-x")["StackStatus"] == "DELETE_COMPLETE"


def test_warn_says_it_and_lets_the_stack_pass(cloud: Any, hook: Any) -> None:
    hook("warn")
    assert cloud.create("demo-test-x", BAD)["StackStatus"] == "CREATE_COMPLETE"
    ((status, reason),) = told(cloud, "demo-test-x")
    assert status == "HOOK_COMPLETE_FAILED"
    assert RULE in reason


def test_other_stacks_and_the_hooks_own_are_not_asked(cloud: Any, hook: Any) -> None:
    hook()
    assert cloud.create("another-stack", BAD)["StackStatus"] == "CREATE_COMPLETE"
    assert told(cloud, "another-stack") == told(cloud, "demo-hooks") == []


def test_without_its_rules_a_hook_refuses_and_its_own_stack_is_the_way_out(cloud: Any, hook: Any) -> None:
    hook(rules=False)
    assert cloud.create("demo-test-x", GOOD)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert cloud.update("demo-hooks", hooks_stack("fail", "DISABLED"), **GIVEN)["StackStatus"] == "UPDATE_COMPLETE"
    assert cloud.create("demo-test-y", GOOD)["StackStatus"] == "CREATE_COMPLETE"


def test_the_hook_reads_every_file_of_rules_and_its_name_changes_with_them(tmp_path: Path) -> None:
    folder = tmp_path / GUARD_RULES
    folder.mkdir(parents=True)
    for file in (ROOT / GUARD_RULES).glob("*.guard"):
        (folder / file.name).write_bytes(file.read_bytes())
    assert guard_hook.archive(tmp_path) == guard_hook.archive(ROOT)
    (folder / "iam.guard").write_text("# nothing\n")
    assert guard_hook.archive(tmp_path)[0] != guard_hook.archive(ROOT)[0]
