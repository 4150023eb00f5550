"""The JSON document and its committed schema say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from pipeline import schema
from pipeline.report import FORMATS
from pipeline.review.model import Review
from tests.support.reviews_strategy import reviews
from tests.unit.report.samples import plan, sample

FILE = Path(__file__).parents[3] / schema.REVIEW_SCHEMA
COMMITTED = json.loads(FILE.read_text(encoding="utf-8"))


def closed(value: Any) -> Any:
    """The schema with no room for what it does not name."""
    if isinstance(value, list):
        return [closed(item) for item in value]
    if not isinstance(value, dict):
        return value
    rest = {"additionalProperties": False} if "properties" in value and value.get("type") == "object" else {}
    return {key: closed(item) for key, item in value.items()} | rest


VALIDATOR = Draft202012Validator(closed(COMMITTED))


def test_the_committed_schema_is_what_is_rendered() -> None:
    assert schema.files()[schema.REVIEW_SCHEMA.as_posix()] == FILE.read_text(encoding="utf-8")
    Draft202012Validator.check_schema(COMMITTED)


@given(reviews())
@settings(max_examples=30, deadline=None)
def test_every_document_is_valid(review: Review) -> None:
    VALIDATOR.validate(json.loads(FORMATS["json"](review)))


@pytest.mark.parametrize("review", [sample("blocked"), sample("risky"), sample("safe"), plan()], ids=["blocked", "risky", "safe", "plan"])
def test_the_samples_are_valid(review: Review) -> None:
    VALIDATOR.validate(json.loads(FORMATS["json"](review)))


def test_a_wrong_document_is_not_valid() -> None:
    told = json.loads(FORMATS["json"](sample("risky")))
    for wrong in ({"version": 2}, {"verdict": "fine"}, {"extra": 1}, {"fingerprint": 7}):
        assert not VALIDATOR.is_valid(told | wrong)
    for key in told:
        assert not VALIDATOR.is_valid({name: value for name, value in told.items() if name != key})


def test_every_type_is_described() -> None:
    for name, definition in {**COMMITTED["$defs"], "": COMMITTED}.items():
        assert definition["description"], name
