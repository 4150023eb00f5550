"""Which hosts a new certificate no longer names: what a finding does not say, the recorded cases cannot tell."""

from __future__ import annotations

import pytest

from pipeline.review.compare import compare
from pipeline.review.rules.certificates import replaced
from tests.unit.review.edits import edited

NAMES = "Resources.Certificate.Properties.SubjectAlternativeNames"


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        (["*.example.com"], ["*.example.com", "example.org"], ""),
        (["api.example.com"], ["*.example.com"], ""),
        (["API.example.com"], ["api.example.com", "example.org"], ""),
        (["*.example.com"], ["api.example.com"], "clients of *.example.com get"),
        (["a.b.example.com", "a.example.com"], ["*.example.com"], "clients of a.b.example.com get"),
    ],
)
def test_a_host_is_lost_that_no_name_and_no_star_covers(before: list[str], after: list[str], lost: str) -> None:
    old = edited(None, [{"in": "production/certificate", "at": NAMES, "put": before}])
    new = edited(old, [{"in": "production/certificate", "at": NAMES, "put": after}])
    (finding,) = replaced(compare("production", old["production"], new["production"]))
    assert lost in finding.text if lost else "clients of" not in finding.text
