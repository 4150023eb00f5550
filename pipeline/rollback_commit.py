"""The way back by Git: a commit that makes an environment what it was, on a branch of its own. The user's work tree is never touched."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.git import git
from pipeline.paths import ENVIRONMENTS, NGINX_RENDERED, PINNED, RENDERED
from pipeline.review import sides
from stacks.project import Project

SHORT = 10
RENDER_SECONDS = 300
# A hook of the repository is made for people: it would render, and check, in their work tree.
QUIET = ("-c", "core.hooksPath=/dev/null")


@dataclass(frozen=True, kw_only=True)
class Change:
    """What the work tree of the commit holds now. `whole`: more than the environment's files had to go back."""

    base: str
    target: str
    whole: bool
    files: tuple[str, ...]


def resolved(root: Path, revision: str) -> str:
    found = git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if found.returncode:
        raise PipelineError(f"{revision!r} is no run that could be rolled back to, and no commit of this repository; try: git fetch --all")
    return found.stdout.decode().strip()


def base(root: Path, project: Project, running: str | None) -> str:
    """The end of the branch that the pipeline follows: of the names that a clone has for it, the first that holds what runs."""
    branch = project.pipeline.repository.branch
    known = [name for name in (f"origin/{branch}", branch, "HEAD") if sides.has(root, name)]
    holding = [name for name in known if running and git(root, "merge-base", "--is-ancestor", running, name).returncode == 0]
    if not known:
        raise PipelineError(f"this repository has no commit and no branch {branch}; get it: git fetch origin {branch}")
    return resolved(root, (holding or known)[0])


@contextmanager
def work_tree(root: Path, commit: str) -> Iterator[Path]:
    """The files of a commit beside everything else; nothing is left of them afterwards."""
    with tempfile.TemporaryDirectory(prefix="kotei-rollback-") as folder:
        place = Path(folder) / "tree"
        _done(root, "worktree", "add", "--quiet", "--detach", str(place), commit)
        try:
            yield place
        finally:
            git(root, "worktree", "remove", "--force", str(place))


def take_back(place: Path, environment: str, target: str) -> Change:
    """In a work tree: first the environment's own file, rendered; where code has moved on since, everything but the ledgers."""
    before = _done(place, "rev-parse", "HEAD")
    generated = (f"{RENDERED}/{environment}", f"{NGINX_RENDERED}/{environment}")
    _done(place, "checkout", target, "--", f"{ENVIRONMENTS}/{environment}.toml")
    rendered = _render(place)
    whole = rendered is not None or bool(_done(place, "diff", "--name-only", target, "--", *generated))
    if whole:
        # As a tree and not as reverted commits: nothing can conflict, and merges need no choice of a parent.
        _done(place, "read-tree", "--reset", "-u", target)
        if _done(place, "ls-tree", "--name-only", before, "--", str(PINNED)):
            _done(place, "checkout", before, "--", str(PINNED))
        if rendered := _render(place):
            raise PipelineError(f"commit {target[:SHORT]} cannot be rendered any more: {rendered}")
    _done(place, "add", "--all")
    files = tuple(_done(place, "diff", "--cached", "--name-only", before).splitlines())
    return Change(base=before, target=target, whole=whole, files=files)


def commit(root: Path, place: Path, environment: str, change: Change) -> str:
    """The branch that holds it."""
    branch = f"rollback/{environment}/{change.target[:SHORT]}"
    if git(root, "show-ref", "--verify", "--quiet", f"refs/heads/{branch}").returncode == 0:
        raise PipelineError(f"branch {branch} is there already: push it, or delete it first: git branch -D {branch}")
    what = "everything" if change.whole else environment
    subject = f"Take {what} back to {change.target[:SHORT]}"
    _done(place, "commit", "--quiet", "--no-verify", "--message", subject, "--message", f"Returns to commit {change.target}.")
    _done(root, "branch", branch, _done(place, "rev-parse", "HEAD"))
    return branch


def _render(place: Path) -> str | None:
    """By the code that is in the tree. Returns why it refuses."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    # Two versions of a file within a second and of one length are one to Python's cache.
    environment |= {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pipeline", "render"],
        cwd=place,
        env=environment,
        capture_output=True,
        text=True,
        timeout=RENDER_SECONDS,
        check=False,
    )
    return None if done.returncode == 0 else (done.stderr.strip() or done.stdout.strip() or f"it ended with {done.returncode}")


def _done(place: Path, *arguments: str) -> str:
    found = git(place, *QUIET, *arguments)
    if found.returncode:
        raise PipelineError(f"git {' '.join(arguments)}: {found.stderr.decode(errors='replace').strip()}")
    return found.stdout.decode().strip()
