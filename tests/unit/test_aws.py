"""Refusals of AWS in our words, from answers that botocore's own models accept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.aws import Aws, RefusedError, Target
from pipeline.errors import PipelineError

STRANGER = "999988887777"


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "ResourceNotFoundException"])
def test_credentials_of_another_account_are_named(aws: Aws, answers: Callable[..., None], code: str) -> None:
    real = replace(aws, target=Target(endpoint=None, why="test"))
    answers("s3", "list_buckets", code)
    answers("sts", "get_caller_identity", {"Account": STRANGER, "Arn": f"arn:aws:iam::{STRANGER}:user/ada", "UserId": "x"})
    with pytest.raises(PipelineError, match=f"{code}: these credentials are of account {STRANGER} .*user/ada.*; set AWS_PROFILE"):
        real.call("s3", "list_buckets")


@pytest.mark.parametrize("own", [True, False])
def test_of_the_right_account_or_of_nobody_it_is_what_it_is(aws: Aws, answers: Callable[..., None], *, own: bool) -> None:
    real = replace(aws, target=Target(endpoint=None, why="test"))
    answers("s3", "list_buckets", "NoSuchBucket")
    who = {"Account": aws.account, "Arn": "arn:aws:iam::1:user/ada", "UserId": "x"}
    answers("sts", "get_caller_identity", who if own else "ExpiredToken")
    with pytest.raises(RefusedError) as refused:
        real.call("s3", "list_buckets")
    assert refused.value.code == "NoSuchBucket"
