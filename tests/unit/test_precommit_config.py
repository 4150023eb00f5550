"""The hooks: nothing from elsewhere, and each one runs when something that it depends on changes."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.paths import ROOT

CONFIG = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
HOOKS: dict[str, dict[str, Any]] = {hook["id"]: hook for repo in CONFIG["repos"] for hook in repo["hooks"]}


def test_no_hook_is_fetched_from_elsewhere() -> None:
    assert {repo["repo"] for repo in CONFIG["repos"]} == {"local"}
    assert {hook["language"] for hook in HOOKS.values()} == {"system"}


@pytest.mark.parametrize("hook", HOOKS)
def test_every_program_comes_with_the_locked_packages(hook: str) -> None:
    programs = re.findall(r"\.venv/bin/([\w-]+)", HOOKS[hook]["entry"])
    assert programs
    lock = (ROOT / "requirements.lock").read_text()
    for program in programs:
        assert f"\n{PACKAGES.get(program, program)}==" in "\n" + lock or program == "kotei", program


@pytest.mark.parametrize("hook", ["secrets", "ruff", "ruff-format"])
def test_every_committed_file_passes(hook: str) -> None:
    """A commit asks the hooks about its own files only; one that was made without them would be met by the next person."""
    command = [Path(sys.executable).parent / "pre-commit", "run", hook, "--all-files"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stdout


PACKAGES = {
    "check-added-large-files": "pre-commit-hooks",
    "check-json": "pre-commit-hooks",
    "check-merge-conflict": "pre-commit-hooks",
    "check-toml": "pre-commit-hooks",
    "check-yaml": "pre-commit-hooks",
    "detect-aws-credentials": "pre-commit-hooks",
    "detect-private-key": "pre-commit-hooks",
    "detect-secrets-hook": "detect-secrets",
    "end-of-file-fixer": "pre-commit-hooks",
    "mixed-line-ending": "pre-commit-hooks",
    "trailing-whitespace-fixer": "pre-commit-hooks",
}


@pytest.mark.parametrize(
    ("path", "hooks"),
    [
        ("stacks/environments/staging.toml", {"render"}),
        ("pipeline/pipeline.toml", {"render"}),
        ("stacks/network.py", {"mypy", "render"}),
        ("policy/task.py", {"mypy", "render"}),
        ("docker/nginx/templates/nginx.conf.j2", {"render"}),
        ("docker/nginx/rendered/staging/nginx.conf", {"render", "check", "review"}),
        ("stacks/rendered/staging/network.yaml", {"render", "check", "review"}),
        ("stacks/pinned/production.json", {"review"}),
        ("policy/rules/iam.guard", {"check"}),
        ("policy/exceptions.toml", {"render", "check"}),
        ("docker/Dockerfile", {"check"}),
        ("buildspec/image.yml", {"check"}),
        (".ci/run", {"check"}),
        (".github/workflows/review.yml", {"check"}),
        ("pipeline/checks/image.py", {"mypy", "render", "check"}),
        ("README.md", set()),
        ("tests/unit/test_precommit_config.py", set()),
    ],
)
def test_the_slow_hooks_run_when_what_they_depend_on_changes(path: str, hooks: set[str]) -> None:
    slow = {name for name, hook in HOOKS.items() if hook.get("pass_filenames") is False}
    assert slow == {"mypy", "render", "check", "review"}
    assert {name for name in slow if re.search(HOOKS[name]["files"], path)} == hooks


def test_every_kind_of_rendered_file_wakes_the_checks_and_the_review() -> None:
    rendered = [
        path for folder in ("stacks/rendered", "docker/nginx/rendered") for path in Path(ROOT / folder).rglob("*") if path.is_file()
    ]
    assert rendered
    for path in rendered:
        for hook in ("check", "review"):
            assert re.search(HOOKS[hook]["files"], path.relative_to(ROOT).as_posix()), hook


@pytest.mark.parametrize("verdict", [0, 1, 5])
def test_the_review_is_shown_and_stops_no_commit(tmp_path: Path, verdict: int) -> None:
    """pre-commit shows what a hook prints when the hook fails, or is verbose."""
    assert HOOKS["review"]["verbose"] is True
    program = tmp_path / ".venv/bin/kotei"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\necho "asked: $*"\nexit {verdict}\n')
    program.chmod(0o755)
    run = subprocess.run(shlex.split(HOOKS["review"]["entry"]), cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30)
    assert (run.returncode, run.stdout) == (0, "asked: review HEAD --format line\n")
