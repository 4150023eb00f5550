"""Templates as CloudFormation keeps them, whoever wrote them."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline import image, live
from pipeline.paths import RENDERED, ROOT


@pytest.mark.parametrize(
    ("text", "document"),
    [
        ("A: !Ref B", {"A": {"Ref": "B"}}),
        ("A: !GetAtt B.Arn", {"A": {"Fn::GetAtt": ["B", "Arn"]}}),
        ("A: !GetAtt [B, Arn]", {"A": {"Fn::GetAtt": ["B", "Arn"]}}),
        ("A: !Sub '${B}-x'", {"A": {"Fn::Sub": "${B}-x"}}),
        ("A: !If [C, !Ref B, x]", {"A": {"Fn::If": ["C", {"Ref": "B"}, "x"]}}),
        ('{"A": {"Ref": "B"}}', {"A": {"Ref": "B"}}),
    ],
)
def test_short_forms_are_read_as_their_long_forms(text: str, document: dict[str, Any]) -> None:
    assert live.document(text) == document


def test_a_template_that_botocore_has_parsed_stays_as_it_is() -> None:
    assert live.document({"Resources": {}}) == {"Resources": {}}


def test_every_rendered_template_is_read() -> None:
    files = list((ROOT / RENDERED).rglob("*.yaml"))
    assert files
    for file in files:
        assert live.document(file.read_text(encoding="utf-8"))["Resources"]


@pytest.mark.parametrize(
    ("limit", "refused"),
    [("CRITICAL", {}), ("HIGH", {"HIGH": 2}), ("MEDIUM", {"HIGH": 2}), ("LOW", {"HIGH": 2, "LOW": 5})],
)
def test_findings_as_bad_as_the_limit_or_worse_are_refused(limit: str, refused: dict[str, int]) -> None:
    assert image.too_severe({"HIGH": 2, "LOW": 5, "INFORMATIONAL": 9, "CRITICAL": 0}, limit) == refused
