"""What apply and destroy refuse, and what is asked of AWS for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline import apply, apply_change_set, bootstrap, destroy, render
from pipeline.apply_change_set import BODY_LIMIT, Wanted, fitting, unlisted
from pipeline.aws import Aws, Target
from pipeline.errors import PipelineError
from pipeline.paths import ROOT
from pipeline.review.model import Change, StackReview
from pipeline.template_text import document
from stacks.environment import DeployWindow
from stacks.project import Project, load

ACCOUNT, OTHER = "111122223333", "444455556666"
RUN = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture(scope="module")
def sample() -> Project:
    return load(ROOT)


def row(action: str, name: str, replacement: str = "") -> Mapping[str, Any]:
    return {"Action": action, "LogicalResourceId": name, "ResourceType": "AWS::EC2::EIP", "Replacement": replacement}


def test_only_what_the_plan_listed_may_be_replaced_or_removed() -> None:
    rows = [
        row("Add", "New"),
        row("Modify", "Same", "False"),
        row("Modify", "A", "True"),
        row("Modify", "B", "Conditional"),
        row("Remove", "C"),
    ]
    assert unlisted(rows, frozenset({"A", "B", "C"})) == []
    assert unlisted(rows, frozenset()) == ["replaces A (AWS::EC2::EIP)", "may replace B (AWS::EC2::EIP)", "removes C (AWS::EC2::EIP)"]


def test_the_plan_lists_what_it_removes_replaces_or_renames() -> None:
    def change(name: str, **more: Any) -> Change:
        return Change(stack="network", logical_id=name, type="AWS::EC2::VPC", **more)

    changes = (
        change("Gone", action="remove"),
        change("New", action="add"),
        change("Tagged", action="modify"),
        change("Moved", action="modify", update="conditional replacement"),
        change("After", action="modify", renamed_from="Before"),
    )
    review = StackReview(stack="network", name="demo-test-network", action="update", changes=changes, parameters=())
    assert apply.listed(review) == {"Gone", "Moved", "Before"}
    assert apply.listed(None) == frozenset()


def test_a_template_that_is_too_long_goes_without_its_spaces_and_stays_the_same() -> None:
    short = {"Resources": {"A": {"Type": "AWS::EC2::EIP"}}}
    assert fitting("short", short) == "short"
    long = {"Resources": {f"Eip{number}": {"Type": "AWS::EC2::EIP", "Properties": {"Domain": "vpc"}} for number in range(500)}}
    text = json.dumps(long, indent=12)
    assert len(text) > BODY_LIMIT
    assert document(fitting(text, long)) == long


def pipeline_state(status: str) -> dict[str, Any]:
    latest = {"pipelineExecutionId": RUN, "status": status}
    return {"pipelineName": "kotei", "stageStates": [{"stageName": "Staging-Deploy", "latestExecution": latest}]}


def test_nothing_is_deployed_or_deleted_while_the_pipeline_deploys(aws: Aws, answers: Callable[..., None], sample: Project) -> None:
    answers("codepipeline", "get_pipeline_state", pipeline_state("InProgress"), {"name": "kotei"})
    with pytest.raises(PipelineError, match=f"the pipeline deploys it now, in run {RUN}.*stop-pipeline-execution"):
        apply.refuse_while_deploying(aws, sample, "staging")


@pytest.mark.parametrize("answer", [pipeline_state("Succeeded"), pipeline_state("Failed"), "PipelineNotFoundException"])
def test_without_a_deployment_under_way_there_is_no_objection(answer: Any, aws: Aws, answers: Callable[..., None], sample: Project) -> None:
    answers("codepipeline", "get_pipeline_state", answer)
    apply.refuse_while_deploying(aws, sample, "staging")


def test_an_environment_is_deployed_in_its_window(sample: Project) -> None:
    window = {"cron": "* * 9-17 ? * MON-FRI", "timezone": "Asia/Tokyo"}
    env = sample.environments[0]
    env = env.model_copy(update={"deploy_window": DeployWindow.model_validate(window)})
    apply.refuse_outside_window(env, datetime(2030, 1, 7, 1, tzinfo=UTC))  # Monday, 10 o'clock in Tokyo
    with pytest.raises(PipelineError, match="--anyway REASON"):
        apply.refuse_outside_window(env, datetime(2030, 1, 7, 10, tzinfo=UTC))  # 19 o'clock


def test_credentials_of_another_account_write_nothing(aws: Aws, answers: Callable[..., None]) -> None:
    who = {"Account": OTHER, "Arn": f"arn:aws:sts::{OTHER}:assumed-role/admin/ada", "UserId": "x"}
    answers("sts", "get_caller_identity", who)
    with pytest.raises(PipelineError, match=f"of account {OTHER} .*--profile-in {ACCOUNT}=NAME"):
        aws.refuse_another_account()


def test_a_profile_reaches_another_account_in_place_of_the_pipelines_role(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(
        "[profile there]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = example\n"  # pragma: allowlist secret
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    target = Target(endpoint=None, why="test", reach={OTHER: "there"})
    role = f"arn:aws:iam::{OTHER}:role/demo-read"
    for way in (Aws(target=target, account=ACCOUNT, region="eu-west-1", role=role), Aws(target=target, account=OTHER, region="eu-west-1")):
        assert way._session.profile_name == "there"
    nobody = Aws(target=Target(endpoint=None, why="test", reach={OTHER: "nobody"}), account=OTHER, region="eu-west-1")
    with pytest.raises(PipelineError, match="nobody"):
        nobody.call("sts", "get_caller_identity")


def test_the_owner_of_another_account_gets_the_command(sample: Project, tmp_path: Path) -> None:
    env = sample.environments[1].model_copy(update={"account": OTHER})
    two = sample.model_copy(update={"environments": (sample.environments[0], env)})
    for path, text in render.files(two).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    found = [step for step in bootstrap.steps(tmp_path, two, lambda _account, _region: None) if step.account == OTHER]
    command = (
        "aws cloudformation deploy --region ap-northeast-1 --stack-name kotei-deployroles "
        f"--template-file stacks/rendered/accounts/{OTHER}/deployroles.yaml --capabilities CAPABILITY_NAMED_IAM"
    )
    assert [bootstrap.by_hand(step, tmp_path, {}) for step in found] == [command]
    # The AWS CLI hands a long template over by a bucket that it is told.
    (step,) = found
    step.wanted.files.with_suffix(".yaml").write_text("Resources: {}\n#" + " " * BODY_LIMIT)
    step.wanted.files.with_suffix(".json").write_text('{"Tags": {}, "StackPolicy": {}, "Parameters": {}}')
    assert "deployroles.yaml --s3-bucket YOUR_BUCKET --cap" in bootstrap.by_hand(step, tmp_path, {})
    assert {step.told for step in found} == {"left to the owner of that account"}


def test_an_environment_with_pinned_addresses_is_not_destroyed(sample: Project, tmp_path: Path) -> None:
    ledger = tmp_path / "stacks/pinned/staging.json"
    ledger.parent.mkdir(parents=True)
    entry = {"zone": "a", "address": "203.0.113.9", "allocation": "eipalloc-0123456789abcdef0"}
    where = {"environment": "staging", "account": ACCOUNT, "region": "ap-northeast-1"}
    ledger.write_text(json.dumps({**where, "addresses": [entry]}))
    with pytest.raises(PipelineError, match=r"partners were told 203\.0\.113\.9 .*\"leaves\""):
        destroy.refuse_pinned(tmp_path, sample.environments[0])
    ledger.write_text(json.dumps({**where, "addresses": []}))
    destroy.refuse_pinned(tmp_path, sample.environments[0])


class Cloud:
    """CloudFormation with one stack, whose template would release its address."""

    def call(self, _service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        if operation == "get_template":
            return {"TemplateBody": {"Resources": {"EipA": {"Type": "AWS::EC2::EIP"}}}}
        stack = {"StackName": parameters["StackName"], "StackId": "id", "StackStatus": "CREATE_COMPLETE"}
        return {"Stacks": [stack]}

    def pages(self, *_: Any, **__: Any) -> list[dict[str, str]]:
        return [{"LogicalResourceId": "EipA", "ResourceType": "AWS::EC2::EIP", "PhysicalResourceId": "203.0.113.9"}]


def test_a_stack_that_would_release_an_address_is_not_deleted() -> None:
    cloud: Any = Cloud()
    with pytest.raises(PipelineError, match=r"would release EipA \(203\.0\.113\.9\)"):
        destroy._going(cloud, "kotei-staging-addresses")


def test_a_change_set_that_cloudformation_refuses_is_deleted_and_its_reason_told(aws: Aws, answers: Callable[..., None]) -> None:
    wanted = Wanted(owner="staging", name="kotei-staging-network", files=Path(), parameters={})
    answers("cloudformation", "create_change_set", {"Id": "arn:aws:cloudformation:x", "StackId": "arn:aws:cloudformation:y"})
    answers("cloudformation", "describe_change_set", {"Status": "FAILED", "StatusReason": "Property Name already exists", "Changes": []})
    answers("cloudformation", "delete_change_set", {})
    with pytest.raises(PipelineError, match="CloudFormation refuses the change: Property Name already exists"):
        apply_change_set.make(aws, wanted, {"TemplateBody": "{}", "ChangeSetType": "UPDATE"}, "")


@pytest.mark.parametrize(
    ("answer", "refuses"),
    [
        ({"Attributes": [{"Key": "deletion_protection.enabled", "Value": "true"}]}, True),
        ({"Attributes": [{"Key": "deletion_protection.enabled", "Value": "false"}]}, False),
        ("LoadBalancerNotFound", False),
    ],
)
def test_a_load_balancer_that_is_gone_refuses_no_deletion(aws: Aws, answers: Callable[..., None], answer: Any, refuses: bool) -> None:  # noqa: FBT001 - a row of the table
    answers("elbv2", "describe_load_balancer_attributes", answer)
    assert destroy._refuses(aws, "arn:aws:elasticloadbalancing:x") is refuses
