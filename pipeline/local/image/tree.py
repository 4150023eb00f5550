"""The files of a stage: copied into it, and written as a layer whose bytes depend on nothing else."""

from __future__ import annotations

import io
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from pipeline.errors import PipelineError
from pipeline.local.image.dockerfile import Instruction


@dataclass(frozen=True, kw_only=True)
class Tree:
    """Owner and mode are kept beside the files, since only root could give a file away. What is not listed is root's, 0755 or 0644."""

    root: Path
    owners: dict[Path, tuple[int, int]] = field(default_factory=dict)
    modes: dict[Path, int] = field(default_factory=dict)

    def place(self, path: str) -> Path:
        """Where a path of the image is on this computer."""
        place = self.root / path.strip("/")
        if ".." in place.parts:
            raise PipelineError(f"Dockerfile: {path} leads out of the image")
        return place


def copy_files(instruction: Instruction, context: Path, tree: Tree, hidden: Callable[[PurePosixPath], bool]) -> None:
    """As buildx does: the content of a folder, and a file into a folder when the destination ends in a slash."""
    where = f"Dockerfile, line {instruction.line}: COPY"
    *sources, destination = instruction.words
    target = tree.place(destination)
    for pattern in sources:
        source = context / pattern.strip("/")
        if not source.resolve().is_relative_to(context.resolve()):
            raise PipelineError(f"{where}: {pattern} is outside of the build's folder")
        files = [path for path in ([source] if source.is_file() else source.rglob("*")) if path.is_file()]
        seen = [path for path in files if not hidden(PurePosixPath(path.relative_to(context)))]
        if not seen:
            raise PipelineError(f'{where}: "/{pattern.strip("/")}": not found (or hidden by .dockerignore)')
        for path in seen:
            if path != source:
                file = target / path.relative_to(source)
            else:
                file = target / source.name if destination.endswith("/") or len(sources) > 1 else target
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, file)


def copy_folder(where: str, source: Path, tree: Tree, target: Path, from_tree: Tree) -> None:
    """The content of a folder of an earlier stage, with owners and modes."""
    if not source.is_dir():
        raise PipelineError(f"{where}: /{source.relative_to(from_tree.root)} is not a folder of that stage")
    shutil.copytree(source, target, dirs_exist_ok=True)
    for path in source.rglob("*"):
        copied = target / path.relative_to(source)
        if path in from_tree.owners:
            tree.owners[copied] = from_tree.owners[path]
        if path in from_tree.modes:
            tree.modes[copied] = from_tree.modes[path]


def layer(tree: Tree) -> bytes:
    """The same files make the same bytes: sorted, without times, only the executable bit of the modes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(tree.root.rglob("*")):
            entry = tar.gettarinfo(str(path), arcname=str(path.relative_to(tree.root)))
            entry.uid, entry.gid = tree.owners.get(path, (0, 0))
            entry.uname = entry.gname = ""
            entry.mtime = 0
            entry.mode = tree.modes.get(path, 0o755 if path.is_dir() or entry.mode & 0o100 else 0o644)
            if entry.isfile():
                with path.open("rb") as content:
                    tar.addfile(entry, content)
            else:
                tar.addfile(entry)
    return out.getvalue()
