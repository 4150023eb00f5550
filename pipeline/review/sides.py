"""The two sides of an offline review: rendered files of a commit or of the work tree, as data. Reads Git, nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.git import git
from pipeline.paths import NGINX_RENDERED, PINNED, RENDERED
from pipeline.review.model import Pin, Side, Stack
from pipeline.template_text import document

FOLDERS = (RENDERED, NGINX_RENDERED, PINNED)
DOCKERFILE = "docker/Dockerfile"
BASE = re.compile(r"^ARG BASE=(\S+)$", re.MULTILINE)
WORK_TREE = ""
# How a clone calls the main branch, the most telling first.
MAIN_BRANCHES = ("origin/HEAD", "origin/main", "main")


def default_base(root: Path) -> str:
    """The commit at which this branch left the main branch; on the main branch itself, its last commit."""
    for branch in MAIN_BRANCHES:
        found = _git(root, "merge-base", branch, "HEAD")
        if found.returncode == 0:
            return found.stdout.decode().strip()
    raise PipelineError("no main branch to compare with (origin/HEAD, origin/main, main); say which commit: kotei review COMMIT")


def files(root: Path, revision: str) -> dict[str, str]:
    """Path -> text of every rendered file; an empty revision is the work tree. Raises PipelineError where there is no such commit."""
    if revision == WORK_TREE:
        found = (
            path for folder in FOLDERS for path in sorted((root / folder).rglob("*")) if path.is_file() and not path.name.startswith(".")
        )
        return {
            path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in (*found, root / DOCKERFILE) if path.is_file()
        }
    listed = _git(root, "ls-tree", "-r", "-z", f"{revision}^{{commit}}", "--", *(str(folder) for folder in FOLDERS), DOCKERFILE)
    if listed.returncode:
        raise PipelineError(
            f"{revision!r} is no commit of this repository that can be read; see: git log (a shallow clone: git fetch --unshallow)"
        )
    entries = [line.split("\t", 1) for line in listed.stdout.decode().split("\0") if line]
    return dict(zip((path for _, path in entries), _blobs(root, [entry.split()[2] for entry, _ in entries]), strict=True))


def text(root: Path, revision: str, path: str) -> str | None:
    """One more file of that side; None where it has none."""
    if revision == WORK_TREE:
        return (root / path).read_text(encoding="utf-8") if (root / path).is_file() else None
    found = _git(root, "cat-file", "blob", f"{revision}:{path}")
    return None if found.returncode else found.stdout.decode()


def has(root: Path, revision: str) -> bool:
    """Whether this is a repository that has the commit."""
    return _git(root, "cat-file", "-e", f"{revision}^{{commit}}").returncode == 0


def _blobs(root: Path, names: Iterable[str]) -> list[str]:
    """In one process of Git, however many there are."""
    answer = _git(root, "cat-file", "--batch", given="\n".join(names).encode()).stdout
    texts, position = [], 0
    while position < len(answer):
        end = answer.index(b"\n", position)
        size = int(answer[position:end].split()[2])
        texts.append(answer[end + 1 : end + 1 + size].decode())
        position = end + 1 + size + 1
    return texts


def _git(root: Path, *arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    try:
        return git(root, *arguments, given=given)
    except FileNotFoundError as error:
        raise PipelineError("git is not installed; a review compares two commits") from error


def sides(files: Mapping[str, str]) -> dict[str, Side]:
    """Owner -> what is rendered for it: an environment, `shared`, accounts/<id>."""
    stacks: dict[str, dict[str, Stack]] = {}
    for path, text in files.items():
        owner, _, name = path.removeprefix(f"{RENDERED}/").rpartition("/")
        if path.startswith(f"{RENDERED}/") and name.endswith(".yaml"):
            stack = name.removesuffix(".yaml")
            stacks.setdefault(owner, {})[stack] = _stack(files, path, text, stack)
    return {owner: _side(files, owner, found) for owner, found in stacks.items()}


def _side(files: Mapping[str, str], owner: str, stacks: Mapping[str, Stack]) -> Side:
    pinned = pins(owner, files.get(pinned_file(owner)))
    known = dict(stacks)
    if "addresses" in known and pinned:
        # Partners know these addresses, so this much is known without AWS.
        outputs = {f"Address{pin.zone.upper()}": pin.allocation for pin in pinned}
        known["addresses"] = Stack(**{**vars(known["addresses"]), "outputs": outputs})
    return Side(
        stacks=known, nginx=files.get(f"{NGINX_RENDERED}/{owner}/nginx.conf"), pinned=pinned, base=_base(files) if owner == "shared" else ""
    )


def _base(files: Mapping[str, str]) -> str:
    found = BASE.search(files.get(DOCKERFILE, ""))
    return found[1] if found else ""


def _stack(files: Mapping[str, str], path: str, text: str, stack: str) -> Stack:
    configuration = _configuration(files.get(f"{path.removesuffix('.yaml')}.json"))
    tags, policy = configuration.get("Tags"), configuration.get("StackPolicy")
    return Stack(
        stack=stack,
        path=path,
        template=_template(path, text),
        tags=tags if isinstance(tags, dict) else {},
        policy=policy if isinstance(policy, dict) else None,
    )


@cache
def _template(path: str, text: str) -> Mapping[str, Any]:
    """Read once where both sides have the same text."""
    try:
        found = document(text)
    except ValueError as error:
        raise PipelineError(f"{path}: is not a template that can be read: {error}; run: kotei render") from error
    return found


def _configuration(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text) if text else {}
    except json.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def pinned_file(owner: str) -> str:
    return f"{PINNED}/{owner}.json"


def pins(owner: str, text: str | None) -> tuple[Pin, ...]:
    """The ledger of an environment; none where there is no file. Raises PipelineError where it says nothing sensible."""
    if text is None:
        return ()
    try:
        return tuple(
            Pin(
                zone=entry["zone"],
                address=entry["address"],
                allocation=entry["allocation"],
                leaves=date.fromisoformat(entry["leaves"]) if entry.get("leaves") else None,
            )
            for entry in json.loads(text)["addresses"]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PipelineError(
            f"{pinned_file(owner)}: is not a ledger of addresses ({error}); write it anew: kotei addresses {owner} --pin"
        ) from error
