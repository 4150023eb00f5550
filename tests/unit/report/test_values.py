"""Values as people read them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.values import pair, printable, shown
from tests.support.reviews_strategy import texts, values


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "(not set)"),
        ("plain text", "plain text"),
        ("443", '"443"'),
        (443, "443"),
        ("true", '"true"'),
        (True, "true"),
        ("", '""'),
        (" padded", '" padded"'),
        ({"Ref": "AddressA"}, "!Ref AddressA"),
        ({"Fn::GetAtt": ["EipA", "AllocationId"]}, "!GetAtt EipA.AllocationId"),
        ({"Fn::Sub": "${Bucket.Arn}/*"}, "!Sub ${Bucket.Arn}/*"),
        ({"symbol": "addresses/EipA", "attribute": "AllocationId", "fresh": True}, "addresses/EipA.AllocationId (new)"),
        ({"joined": ["arn:", {"pseudo": "AWS::Region"}]}, "arn:AWS::Region"),
        ([1, {"a": None}], "[1, {a: null}]"),
    ],
)
def test_a_value_is_shown_in_short(value: Any, words: str) -> None:
    assert shown(value) == words


@given(texts)
def test_printable_text_is_one_line_of_visible_characters(text: str) -> None:
    assert all(one.isprintable() for one in printable(text))


@given(st.text(max_size=400), st.text(max_size=400), st.integers(30, 200))
def test_shortened_values_fit_and_still_differ(one: str, other: str, limit: int) -> None:
    before, after = pair(one, other, limit)
    assert max(len(before), len(after)) <= limit
    assert (before == after) == (shown(one) == shown(other))


def test_two_long_values_are_shown_where_they_differ() -> None:
    assert pair("x" * 100 + "old", "x" * 100 + "new", 30) == ("…xxxxxxxxxxxxold", "…xxxxxxxxxxxxnew")


@given(values, st.integers(20, 100))
def test_any_value_can_be_shown(value: Any, limit: int) -> None:
    assert len(pair(value, None, limit)[0]) <= limit
