"""Exceptions: what they set aside, for how long, and that they do not outlive their reason."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pipeline import check
from pipeline.checks import accepted
from pipeline.checks.finding import Finding
from pipeline.checks.verdicts import kept
from pipeline.errors import PipelineError
from stacks.project import Project

FINDING = Finding(path="docker/Dockerfile", where="line 3", rule="DL3059", message="two RUNs")
ENTRY = """
[[accepted]]
rule = "DL3059"
path = "docker/*"
owner = "platform team"
reason = "each RUN names its environment"
expires = 2030-01-31
"""


def write(root: Path, text: str) -> Path:
    (root / "policy").mkdir()
    (root / accepted.EXCEPTIONS).write_text(text)
    return root


def test_what_is_accepted_is_set_aside(tmp_path: Path) -> None:
    exceptions = accepted.load(write(tmp_path, ENTRY))
    assert accepted.apply([FINDING], exceptions, date(2030, 1, 31)) == []
    assert accepted.unused([FINDING], exceptions) == []


def test_an_expired_exception_covers_nothing_and_is_a_finding(tmp_path: Path) -> None:
    left = accepted.apply([FINDING], accepted.load(write(tmp_path, ENTRY)), date(2030, 2, 1))
    assert left[0] == FINDING
    assert "expired on 2030-01-31: mend it, or ask platform team" in str(left[1])


@pytest.mark.parametrize("other", [{"rule": "DL3008"}, {"path": "docker-compose.yaml"}])
def test_an_exception_covers_nothing_else(tmp_path: Path, other: dict[str, str]) -> None:
    finding = Finding(**{"path": FINDING.path, "rule": FINDING.rule, "message": "x", **other})
    exceptions = accepted.load(write(tmp_path, ENTRY))
    assert accepted.apply([finding], exceptions, date(2029, 1, 1)) == [finding]
    assert "nothing needs the exception for DL3059 any more" in str(accepted.unused([finding], exceptions)[0])


def test_a_place_narrows_an_exception(tmp_path: Path) -> None:
    exceptions = accepted.load(write(tmp_path, ENTRY + 'where = "line 4"\n'))
    assert accepted.apply([FINDING], exceptions, date(2029, 1, 1)) == [FINDING]


@pytest.mark.parametrize("missing", ["rule", "path", "owner", "reason", "expires"])
def test_an_exception_without_owner_or_end_is_refused(tmp_path: Path, missing: str) -> None:
    text = "\n".join(line for line in ENTRY.splitlines() if not line.startswith(missing))
    with pytest.raises(PipelineError, match=rf"policy/exceptions\.toml: accepted\.0\.{missing}"):
        accepted.load(write(tmp_path, text))


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"policy/exceptions\.toml"):
        accepted.load(write(tmp_path, "[[accepted]"))


def test_a_verdict_is_kept_until_something_that_it_depends_on_changes(tmp_path: Path) -> None:
    calls = []

    def judge() -> list[Finding]:
        calls.append(1)
        return [FINDING]

    for depends_on in (["a", "b"], ["a", "b"], ["a", "c"], ["ab"], ["a", "b"]):
        assert kept(tmp_path / "verdicts", depends_on, judge) == [FINDING]
    assert len(calls) == 3


REVIEW = """
[[review]]
rule = "removed"
stack = "production/monitoring"
resource = "Dashboard"
owner = "platform team"
reason = "nobody looks at it"
expires = 2030-01-31
"""


def test_accepted_findings_of_reviews_do_not_disturb(tmp_path: Path) -> None:
    root = write(tmp_path, ENTRY + REVIEW)
    assert [one.rule for one in accepted.load(root)] == ["DL3059"]
    assert accepted.expired_reviews(root, date(2030, 1, 31)) == []


def test_an_expired_one_of_a_review_is_a_finding(tmp_path: Path) -> None:
    (found,) = accepted.expired_reviews(write(tmp_path, REVIEW), date(2030, 2, 1))
    assert "the exception for removed expired on 2030-01-31: mend it, or ask platform team" in str(found)


def test_a_wrong_one_of_a_review_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"policy/exceptions\.toml: review\.0\.rule: is missing"):
        accepted.expired_reviews(write(tmp_path, "[[review]]\n"), date(2030, 2, 1))


def test_the_check_looks_at_those_of_reviews(tmp_path: Path) -> None:
    """`shell` alone, which has nothing to look at here: what it finds comes from the file."""
    root = write(tmp_path, REVIEW)
    project = Project.model_construct(environments=())
    assert check.check(root, project, only=["shell"], today=date(2030, 1, 31)) == []
    assert "expired on 2030-01-31" in str(check.check(root, project, only=["shell"], today=date(2030, 2, 1))[0])
