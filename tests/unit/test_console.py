"""Addresses of the console, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pipeline import cli, console
from pipeline.aws import NoAwsError, Target
from pipeline.commands import examine
from stacks.project import Project, load


@pytest.fixture
def project(valid: Callable[[], Any], checkout: Callable[[Any], Path]) -> Project:
    return load(checkout(valid()))


def test_every_page_is_in_the_region_and_has_another_way(project: Project) -> None:
    found = console.links(project, project.environments[0])
    assert found.keys() == console.INSTEAD.keys()
    assert {urlsplit(address).hostname for address in found.values()} == {"ap-northeast-1.console.aws.amazon.com"}
    assert found["approval"].endswith("/codesuite/codepipeline/pipelines/demo/view?region=ap-northeast-1#Test-Approve")
    assert found["logs"].endswith("#logsV2:log-groups/log-group/$252Fdemo$252Ftest$252Fproxy")


@pytest.mark.parametrize("arguments", [["open", "test", "logs"], ["open", "logs"]])
def test_the_local_engine_has_no_console(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setattr(examine, "configuration", lambda: project)
    monkeypatch.setattr(examine, "aws_target", lambda: Target(endpoint="http://127.0.0.1:9", why="test"))
    assert cli.main(arguments) == 1
    assert "has no console; instead: kotei logs test" in capsys.readouterr().err


def test_who_is_logged_in_with_a_browser_alone_gets_the_page_too(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nobody() -> Target:
        raise NoAwsError("no AWS to talk to")

    monkeypatch.setattr(examine, "configuration", lambda: project)
    monkeypatch.setattr(examine, "aws_target", nobody)
    assert cli.main(["open", "logs"]) == 0
    assert capsys.readouterr().out == console.links(project, project.environments[0])["logs"] + "\n"


def test_a_pipe_gets_the_address(project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(examine, "configuration", lambda: project)
    monkeypatch.setattr(examine, "aws_target", lambda: Target(endpoint=None, why="test"))
    assert cli.main(["open", "pipeline"]) == 0
    assert capsys.readouterr().out == console.links(project, project.environments[0])["pipeline"] + "\n"
    assert cli.main(["open", "test", "nonsense"]) == 2
