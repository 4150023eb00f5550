"""What is said about a checkout before it is deployed without the pipeline."""

from __future__ import annotations

from pathlib import Path

from pipeline.apply_checkout import unknown
from pipeline.git import git

FILE = "stacks/rendered/staging/network.yaml"


def made(root: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "core.hooksPath=/dev/null")
    done = git(root, *identity, *arguments)
    assert done.returncode == 0, done.stderr


def test_what_the_next_run_would_take_back_is_named(tmp_path: Path) -> None:
    file = tmp_path / FILE
    file.parent.mkdir(parents=True)
    file.write_text("pushed")
    assert "no Git repository" in " ".join(unknown(tmp_path, "staging", "main"))
    made(tmp_path, "init", "--quiet", "--initial-branch=work")
    made(tmp_path, "add", "--all")
    made(tmp_path, "commit", "--quiet", "--message=one")
    made(tmp_path, "update-ref", "refs/remotes/origin/main", "HEAD")
    assert list(unknown(tmp_path, "staging", "main")) == []
    file.write_text("edited")
    (uncommitted,) = unknown(tmp_path, "staging", "main")
    assert uncommitted.startswith(f"not committed: {FILE}; commit and push")
    # Another environment's files are not deployed with it.
    assert list(unknown(tmp_path, "production", "main")) == []
    made(tmp_path, "commit", "--quiet", "--all", "--message=two")
    (unpushed,) = unknown(tmp_path, "staging", "main")
    assert unpushed.startswith("stacks/rendered/staging of this commit is not what origin/main has")
    assert list(unknown(tmp_path, "production", "main")) == []
