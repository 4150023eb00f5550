"""The commit that takes an environment back, in a small repository whose `pipeline render` is a few lines."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline import rollback_commit
from pipeline.errors import PipelineError

# Generated from the environment's file and the code, as the real one is.
RENDER = """
import pathlib
CODE = "{code}"
for file in sorted(pathlib.Path("stacks/environments").glob("*.toml")):
    if "refused" in file.read_text():
        raise SystemExit("the file is refused")
    for folder in ("stacks/rendered", "docker/nginx/rendered"):
        target = pathlib.Path(folder) / file.stem / "made"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(CODE + file.read_text())
"""


class Repository:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.com")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(self.path), *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, **files: str) -> str:
        """`code` is how it renders, others are environments."""
        for name, text in files.items():
            path = (
                "pipeline/__main__.py"
                if name == "code"
                else f"stacks/environments/{name}.toml"
                if name != "pinned"
                else "stacks/pinned/one.json"
            )
            (self.path / path).parent.mkdir(parents=True, exist_ok=True)
            (self.path / path).write_text(RENDER.format(code=text) if name == "code" else text)
        subprocess.run(["python3", "-B", "-m", "pipeline", "render"], cwd=self.path, check=True)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "a change")
        return self.git("rev-parse", "HEAD")

    def take_back(self, target: str) -> tuple[rollback_commit.Change, str]:
        head = self.git("rev-parse", "HEAD")
        with rollback_commit.work_tree(self.path, head) as place:
            change = rollback_commit.take_back(place, "one", target)
            return change, rollback_commit.commit(self.path, place, "one", change)

    def shown(self, revision: str, path: str) -> str:
        return self.git("show", f"{revision}:{path}")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


def test_only_the_environment_goes_back_where_that_is_enough(repository: Repository) -> None:
    first = repository.commit(code="v1 ", one="good", two="a")
    repository.commit(one="bad", two="b")
    (repository.path / "stacks/environments/one.toml").write_text("what somebody is writing")
    change, branch = repository.take_back(first)
    assert (branch, change.whole) == (f"rollback/one/{first[:10]}", False)
    assert repository.shown(branch, "stacks/environments/one.toml") == "good"
    assert repository.shown(branch, "docker/nginx/rendered/one/made") == "v1 good"
    assert repository.shown(branch, "stacks/rendered/two/made") == "v1 b"
    assert (repository.path / "stacks/environments/one.toml").read_text() == "what somebody is writing"
    assert repository.git("branch", "--show-current") == "main"
    assert len(repository.git("worktree", "list").splitlines()) == 1


def test_where_the_code_has_moved_everything_goes_back_but_the_ledgers(repository: Repository) -> None:
    first = repository.commit(code="v1 ", one="good", two="a", pinned="old")
    repository.commit(code="v2 ", one="good", two="b", pinned="new")
    change, branch = repository.take_back(first)
    assert change.whole
    assert repository.shown(branch, "stacks/rendered/one/made") == "v1 good"
    assert repository.shown(branch, "stacks/environments/two.toml") == "a"
    assert repository.shown(branch, "stacks/pinned/one.json") == "new"


def test_a_file_that_the_code_of_today_refuses_goes_back_with_its_code(repository: Repository) -> None:
    first = repository.commit(code="v1 ", one="good", two="a")
    refusing = 'v2 "\nif pathlib.Path("stacks/environments/one.toml").read_text() == "good":\n    raise SystemExit("refused")\n"'
    repository.commit(one="bad", code=refusing)
    change, branch = repository.take_back(first)
    assert change.whole
    assert repository.shown(branch, "stacks/rendered/one/made") == "v1 good"


def test_a_branch_that_is_there_is_left_alone(repository: Repository) -> None:
    first = repository.commit(code="v1 ", one="good")
    repository.commit(one="bad")
    _, branch = repository.take_back(first)
    before = repository.git("rev-parse", branch)
    with pytest.raises(PipelineError, match=f"delete it first: git branch -D {branch}"):
        repository.take_back(first)
    assert repository.git("rev-parse", branch) == before


def test_what_is_no_commit_is_said(repository: Repository) -> None:
    repository.commit(code="v1 ", one="good")
    with pytest.raises(PipelineError, match="no commit of this repository; try: git fetch --all"):
        rollback_commit.resolved(repository.path, "--all")
