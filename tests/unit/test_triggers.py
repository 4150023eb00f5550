"""Which pushes start a pipeline: branch and path filters as CodePipeline's triggers judge them."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.local.codepipeline.triggers import glob, refused


def declaration(**push: dict[str, list[str]]) -> dict[str, Any]:
    return {"triggers": [{"gitConfiguration": {"sourceActionName": "Source", "push": [push]}}]}


def test_without_a_trigger_every_push_starts_it() -> None:
    assert refused({}, "Source", "main", ["a"]) is None


@pytest.mark.parametrize(
    ("branch", "files", "said"),
    [
        ("main", ["stacks/a.py"], None),
        ("main", ["README.md"], "every changed file is excluded"),
        ("main", ["README.md", "a/b/NOTES.md"], "every changed file is excluded"),
        ("main", ["README.md", "a.py"], None),
        ("topic", ["a.py"], "branch topic is not one"),
        ("release/old", ["a.py"], "branch release/old is not one"),
        ("release/1", ["a.py"], None),
    ],
)
def test_branches_and_paths(branch: str, files: list[str], said: str | None) -> None:
    trigger = declaration(branches={"includes": ["main", "release/*"], "excludes": ["release/old"]}, filePaths={"excludes": ["**/*.md"]})
    answer = refused(trigger, "Source", branch, files)
    assert answer is None if said is None else said in (answer or "")


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.md", "a.md", "docs/a.md"),
        ("**/*.md", "a.md", "a.txt"),
        ("docs/**", "docs/a/b", "doc/a"),
        ("a?c", "abc", "a/c"),
        ("{x,y}/*", "y/1", "z/1"),
        ("a.b", "a.b", "axb"),
    ],
)
def test_glob(pattern: str, yes: str, no: str) -> None:
    assert glob(pattern).fullmatch(yes)
    assert not glob(pattern).fullmatch(no)
