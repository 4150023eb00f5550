"""The artifacts of a build: files of its folder, packed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.local.codebuild.buildspec import Buildspec, Output
from pipeline.local.codepipeline import artifacts


class NothingFoundError(Exception):
    """An artifact's patterns match no file."""


def collect(source: Path, spec: Buildspec, wanted: Sequence[str]) -> dict[str, bytes]:
    """The first wanted artifact is the primary one unless `secondary-artifacts` names it."""
    made = {}
    for name in wanted:
        output = spec.secondary.get(name, spec.output)
        if output is None:
            raise NothingFoundError(f"the buildspec has no artifacts section for the output artifact {name}")
        made[name] = artifacts.pack(_files(source, output))
    return made


def _files(source: Path, output: Output) -> dict[str, bytes]:
    base = source / output.base
    found = {}
    for pattern in output.files:
        # CodeBuild's `**/*` holds files at the top too, as pathlib's does.
        matches = [path for path in base.glob(pattern) if path.is_file()]
        if not matches:
            raise NothingFoundError(f"no matching artifact paths found for {pattern}")
        for path in matches:
            found[path.name if output.flat else str(path.relative_to(base))] = path.read_bytes()
    return found
