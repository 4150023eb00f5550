"""--public: no account id in any format, and nothing else is lost."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.report import FORMATS
from pipeline.report.mask import account_ids_masked, public
from pipeline.review.model import Review
from tests.support.reviews_strategy import ACCOUNTS, reviews
from tests.unit.report.samples import plan, sample, with_property


@pytest.mark.parametrize("name", FORMATS)
@given(review=reviews())
@settings(max_examples=30, deadline=None)
def test_no_account_id_is_left(name: str, review: Review) -> None:
    told = FORMATS[name](public(review))
    assert [account for account in ACCOUNTS if account in told] == []


@pytest.mark.parametrize("name", FORMATS)
def test_a_real_review_is_masked(name: str) -> None:
    for review in (sample("blocked"), sample("risky"), plan()):
        assert not re.search(r"(?<![0-9a-zA-Z])[0-9]{12}(?![0-9a-zA-Z])", FORMATS[name](public(review)))


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("arn:aws:iam::111122223333:role/x", "arn:aws:iam::111122******:role/x"),
        ("111122223333.dkr.ecr.ap-northeast-1.amazonaws.com/kotei", "111122******.dkr.ecr.ap-northeast-1.amazonaws.com/kotei"),
        ("kotei-artifacts-111122223333", "kotei-artifacts-111122******"),
        ("accounts/012345678901", "accounts/012345******"),
        ("logs111122223333", "logs111122******"),
        ("%3A111122223333%3A", "%3A111122******%3A"),
        ("1111222233334", "1111222233334"),
        ("11112222333", "11112222333"),
        ("sha256:" + "a111122223333b" * 4 + "01234567", "sha256:" + "a111122223333b" * 4 + "01234567"),
        ("vpc-0a111122223333bcd", "vpc-0a111122223333bcd"),
        ("certificate/12345678-1234-1234-1234-123456789012", "certificate/12345678-1234-1234-1234-123456789012"),
    ],
)
def test_account_ids_are_masked_and_digests_are_not(text: str, masked: str) -> None:
    assert account_ids_masked(text) == masked


@given(st.sampled_from([32, 40, 64]).flatmap(lambda size: st.text("0123456789abcdef", min_size=size, max_size=size)))
def test_hashes_stay(digest: str) -> None:
    assert account_ids_masked(f"sha256:{digest} ") == f"sha256:{digest} "


def test_a_number_that_is_an_account_is_masked_and_other_numbers_stay() -> None:
    masked = public(with_property(before=111122223333, after={"Port": 443, "Owner": [111122223333]}))
    (one,) = masked.owners[0].stacks[0].changes[0].properties
    assert (one.before, one.after) == ("111122******", {"Port": 443, "Owner": ["111122******"]})


def test_what_a_plan_is_bound_to_stays() -> None:
    assert public(plan()).plan == plan().plan
