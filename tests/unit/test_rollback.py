"""Which runs an environment can be rolled back to, against answers that botocore's own models accept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipeline import rollback
from pipeline.aws import Aws
from pipeline.deployed import Run
from pipeline.errors import PipelineError
from stacks.project import PipelineConfig, Project

GOOD, NOW, OLD, BACK = (f"{number}1234567-89ab-cdef-0123-456789abcdef" for number in "0123")
COMMIT = "c0ffee" * 6 + "beef"
DIGEST = "sha256:" + "0" * 64
PASSED = {"pipelineName": "demo", "filter": {"succeededInStage": {"stageName": "Test-Deploy"}}}


@pytest.fixture
def project() -> Project:
    config = {"project": "demo", "account": "111122223333", "region": "ap-northeast-1", "environments": ["test"]}
    pipeline = PipelineConfig.model_validate({**config, "repository": {"name": "example-org/demo"}})
    return Project.model_construct(pipeline=pipeline, environments=())


def summary(execution: str, kind: str = "STANDARD", commit: str = COMMIT) -> dict[str, Any]:
    revision = {"actionName": "Source", "revisionId": commit, "revisionSummary": "a change\n\nwhy"}
    return {"pipelineExecutionId": execution, "status": "Succeeded", "executionType": kind, "sourceRevisions": [revision]}


def ran(version: int) -> dict[str, Any]:
    return {"pipelineExecution": {"pipelineVersion": version}}


MADE = {
    "actionExecutionDetails": [
        {"stageName": "Image", "actionName": "Image", "output": {"outputVariables": {"IMAGE_DIGEST": DIGEST}}},
        {
            "stageName": "Source",
            "actionName": "Source",
            "output": {"outputArtifacts": [{"name": "Source", "s3location": {"bucket": "artifacts", "key": "source.zip"}}]},
        },
    ]
}


def pipeline_of(version: int) -> dict[str, Any]:
    stages = [{"name": "Source", "actions": []}]
    return {"pipeline": {"name": "demo", "roleArn": "arn:aws:iam::111122223333:role/x", "stages": stages, "version": version}}


@pytest.fixture
def told(aws: Aws, answers: Callable[..., None], project: Project) -> Callable[..., rollback.Candidate]:
    """What is said of one run, in version 3 of the structure."""

    def tell(*, image: dict[str, Any] | str = "", source: dict[str, Any] | str = "") -> rollback.Candidate:
        answers("codepipeline", "get_pipeline", pipeline_of(3), {"name": "demo"})
        answers("codepipeline", "list_pipeline_executions", {"pipelineExecutionSummaries": [summary(GOOD)]}, PASSED)
        answers("codepipeline", "get_pipeline_execution", ran(3))
        answers("codepipeline", "list_action_executions", MADE)
        answers("ecr", "describe_images", image or {"imageDetails": [{"imageDigest": DIGEST}]})
        if image != "ImageNotFoundException" and not (isinstance(image, dict) and image["imageDetails"][0].get("imageStatus")):
            answers("s3", "head_object", source or {"ContentLength": 1}, {"Bucket": "artifacts", "Key": "source.zip"})
        (found,) = rollback.candidates(aws, project, "test", None)
        return found

    return tell


def test_a_run_whose_image_and_source_are_there_is_accepted(told: Callable[..., rollback.Candidate]) -> None:
    found = told()
    assert (found.why_not, found.digest, found.commit, found.message, found.unread) == ("", DIGEST, COMMIT, "a change", ())


@pytest.mark.parametrize(
    ("image", "source", "why"),
    [
        ("ImageNotFoundException", "", "is not in the registry any more"),
        ({"imageDetails": [{"imageDigest": DIGEST, "imageStatus": "ARCHIVED"}]}, "", "is archived"),
        ("", "404", "its source is not in the artifact bucket any more"),
    ],
)
def test_what_is_gone_is_said(told: Callable[..., rollback.Candidate], image: Any, source: str, why: str) -> None:
    assert why in told(image=image, source=source).why_not


def test_what_may_not_be_looked_at_is_left_to_aws(told: Callable[..., rollback.Candidate]) -> None:
    found = told(image="AccessDeniedException", source="403")
    assert (found.why_not, found.unread) == ("", ("ecr:DescribeImages", "s3:GetObject"))


def test_rollbacks_what_runs_and_other_structures_are_no_targets(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    answers("codepipeline", "get_pipeline", pipeline_of(3))
    runs = [summary(BACK, "ROLLBACK"), summary(NOW), summary(OLD)]
    answers("codepipeline", "list_pipeline_executions", {"pipelineExecutionSummaries": runs})
    answers("codepipeline", "get_pipeline_execution", ran(2), {"pipelineName": "demo", "pipelineExecutionId": OLD})
    found = rollback.candidates(aws, project, "test", Run(execution=NOW, commit=COMMIT))
    assert [one.why_not for one in found] == [
        "is itself a rollback",
        "is what runs now",
        "ran in version 2 of the pipeline's structure, which is now 3",
    ]


def candidate(execution: str, commit: str, why_not: str = "") -> rollback.Candidate:
    return rollback.Candidate(execution=execution, started="", commit=commit, message="", digest="", why_not=why_not)


def test_the_newest_that_is_accepted_is_chosen_and_a_name_is_found_by_its_beginning() -> None:
    found = (candidate(NOW, "aaaa1", "is what runs now"), candidate(GOOD, "bbbb1"), candidate(OLD, "bbbb2"))
    assert rollback.chosen(found, "") == found[1]
    assert rollback.chosen(found, OLD[:8]) == found[2]
    assert rollback.chosen(found, "bbbb") == found[1]
    assert rollback.chosen(found, "aaaa") == found[0]
    assert rollback.chosen(found, "cccc") is None
    assert rollback.chosen(found[:1], "") is None


def test_without_a_run_the_newest_other_commit_is_gone_back_to() -> None:
    found = (candidate(BACK, "cccc", rollback.ROLLED_BACK), candidate(NOW, "aaaa", "is what runs now"), candidate(OLD, "bbbb", "is gone"))
    assert rollback.earlier(found, Run(execution=NOW, commit="aaaa")) == "bbbb"
    with pytest.raises(PipelineError, match="name a commit: --to COMMIT"):
        rollback.earlier(found[:2], Run(execution=NOW, commit="aaaa"))


def test_aws_is_asked_for_the_stage_and_what_it_refuses_has_a_way_out(aws: Aws, answers: Callable[..., None], project: Project) -> None:
    wanted = {"pipelineName": "demo", "stageName": "Test-Deploy", "targetPipelineExecutionId": GOOD}
    answers("codepipeline", "rollback_stage", {"pipelineExecutionId": BACK}, wanted)
    assert rollback.start(aws, project, "test", candidate(GOOD, "bbbb")) == BACK
    answers("codepipeline", "rollback_stage", "PipelineExecutionOutdatedException")
    with pytest.raises(PipelineError, match=r"nothing was changed\. By a commit instead: kotei rollback test --to bbbb --commit"):
        rollback.start(aws, project, "test", candidate(GOOD, "bbbb"))
