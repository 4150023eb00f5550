"""The plan's page in the bucket: where it is, what it is, and that nobody approves what could not be written."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.response import StreamingBody

from pipeline import plan_page
from pipeline.aws import Aws, Target
from pipeline.errors import PipelineError
from pipeline.plan import Parts
from pipeline.prepare import Prepared
from pipeline.review.model import PlanFacts, Review

PARTS: Parts = {"files": {"a": "1"}, "inputs": {}, "stacks": {}}
KEY = "plans/test/" + "f" * 64
CONSOLE = "https://ap-northeast-1.console.aws.amazon.com/s3/object/kept?region=ap-northeast-1&prefix=plans%2Ftest%2F" + "f" * 64 + ".html"


@pytest.fixture
def prepared() -> Prepared:
    facts = PlanFacts(fingerprint="f" * 64, needs_approval=True)
    return Prepared(owner="test", review=Review(base="", head="", owners=(), plan=facts), facts=facts, parts=PARTS, changes=True)


def written(answers: Callable[..., None]) -> None:
    parts = {"Bucket": "kept", "Key": f"{KEY}.json", "Body": json.dumps(PARTS, indent=2).encode(), "ContentType": "application/json"}
    page = {"Bucket": "kept", "Key": f"{KEY}.html", "Body": b"<p>\xe5\x9b\xba\xe5\xae\x9a", "ContentType": "text/html; charset=utf-8"}
    for asked in (parts, page):
        answers("s3", "put_object", {}, asked)


def test_the_page_and_what_the_plan_rests_on_are_written_under_its_fingerprint(
    aws: Aws, answers: Callable[..., None], prepared: Prepared
) -> None:
    written(answers)
    assert plan_page.publish(aws, "kept", prepared, "<p>固定") == f"http://127.0.0.1:9/kept/{KEY}.html"


def test_on_aws_the_link_is_the_consoles(aws: Aws, answers: Callable[..., None], prepared: Prepared) -> None:
    written(answers)
    real = replace(aws, target=Target(endpoint=None, why="test"))
    assert plan_page.publish(real, "kept", prepared, "<p>固定") == CONSOLE


def test_a_page_that_cannot_be_written_stops_the_plan(aws: Aws, answers: Callable[..., None], prepared: Prepared) -> None:
    answers("s3", "put_object", "AccessDenied")
    with pytest.raises(
        PipelineError, match=r"its page cannot be written to the bucket kept: .*AccessDenied.*needs s3:PutObject on plans/\*"
    ):
        plan_page.publish(aws, "kept", prepared, "")


def test_what_was_planned_is_read_back(aws: Aws, answers: Callable[..., None]) -> None:
    body = json.dumps(PARTS).encode()
    answers("s3", "get_object", {"Body": StreamingBody(io.BytesIO(body), len(body))}, {"Bucket": "kept", "Key": f"{KEY}.json"})
    assert plan_page.planned(aws, "kept", "test", "f" * 64) == PARTS


@pytest.mark.parametrize("answer", ["NoSuchKey", "AccessDenied", b"not json"])
def test_what_is_not_there_keeps_nothing_from_being_refused(aws: Aws, answers: Callable[..., None], answer: Any) -> None:
    given = answer if isinstance(answer, str) else {"Body": StreamingBody(io.BytesIO(answer), len(answer))}
    answers("s3", "get_object", given)
    assert plan_page.planned(aws, "kept", "test", "f" * 64) is None
