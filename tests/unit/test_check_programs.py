"""hadolint and shellcheck see what is wrong, and nothing inside a file can silence them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.checks import image, shell

BASE = "public.ecr.aws/nginx/nginx-unprivileged"
DIGEST = "@sha256:" + "0" * 64


@pytest.mark.parametrize(
    "text",
    [
        f"FROM {BASE}:1.30.4-alpine3.24-slim\n",
        f"FROM {BASE}:1.31.3{DIGEST}\n",
        f"FROM --platform=linux/arm64 {BASE}{DIGEST}\n",
        f"ARG BASE={BASE}:1.30.4\nFROM ${{BASE}}\n",
    ],
)
def test_bases_that_are_taken(text: str) -> None:
    assert list(image.base_problems(text)) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("FROM nginx:1.30.4\n", "is not public.ecr.aws/nginx/nginx-unprivileged"),
        ("FROM docker.io/nginxinc/nginx-unprivileged:1.30.4\n", "is not public.ecr.aws/nginx/nginx-unprivileged"),
        (f"FROM {BASE}:1.30.4\nFROM alpine:3.24\n", "the base 'alpine:3.24'"),
        (f"ARG BASE=evil.example.com/{BASE}:1.30.4\nFROM $BASE\n", "is not public.ecr.aws/nginx/nginx-unprivileged"),
        (f"FROM {BASE}\n", "has no version"),
        (f"FROM {BASE}:stable\n", "the tag 'stable' moves"),
        (f"FROM {BASE}:1.30\n", "the tag '1.30' moves"),
        (f"FROM {BASE}:1.30.3-alpine\n", "has known vulnerabilities"),
        ("# nothing\n", "has no FROM"),
    ],
)
def test_bases_that_are_refused(text: str, message: str) -> None:
    assert message in "\n".join(image.base_problems(text))


def test_hadolint_cannot_be_silenced_by_a_comment(tmp_path: Path) -> None:
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/Dockerfile").write_text(f"FROM {BASE}:1.30.4\n# hadolint ignore=DL3002\nUSER root\n")
    assert "DL3002" in {finding.rule for finding in image.findings(tmp_path)}


BUILDSPEC = """version: 0.2
phases:
  install:
    commands:
      - echo ready
  build:
    commands:
      - |
        cd "$FOLDER"
        rm -r $FOLDER/old
"""


def test_shellcheck_names_the_command_of_a_buildspec(tmp_path: Path) -> None:
    (tmp_path / "buildspec").mkdir()
    (tmp_path / "buildspec/image.yml").write_text(BUILDSPEC)
    found = {(finding.rule, finding.path, finding.where) for finding in shell.findings(tmp_path)}
    assert found == {("SC2164", "buildspec/image.yml", "build.commands[0]")}


def test_shellcheck_reads_scripts_by_their_first_line(tmp_path: Path) -> None:
    (tmp_path / ".ci").mkdir()
    (tmp_path / ".ci/run").write_text('#!/bin/sh\ncd "$1"\n')
    (tmp_path / ".ci/notes").write_text('cd "$1"\n')
    assert {(finding.rule, finding.path, finding.where) for finding in shell.findings(tmp_path)} == {("SC2164", ".ci/run", "line 2")}


@pytest.mark.parametrize("text", ["phases: [", "- a list\n", ""])
def test_a_broken_buildspec_is_a_finding(tmp_path: Path, text: str) -> None:
    (tmp_path / "buildspec").mkdir()
    (tmp_path / "buildspec/image.yml").write_text(text)
    assert [(finding.rule, finding.path) for finding in shell.findings(tmp_path)] == [("yaml", "buildspec/image.yml")]


def test_a_missing_dockerfile_is_a_finding(tmp_path: Path) -> None:
    assert [str(finding) for finding in image.findings(tmp_path)] == ["docker/Dockerfile: does not exist [base-image]"]
