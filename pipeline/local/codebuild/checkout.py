"""Fetches the source of a build from the local remote, which stands for any Git host."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.git import git
from pipeline.local import remote
from pipeline.local.codebuild import builds

if TYPE_CHECKING:
    from pipeline.local.world import World

# A deeper clone than this is a whole one (AWS::CodeBuild::Project Source, GitCloneDepth).
DEEPEST_CLONE = 25


def clone(world: World, source: Mapping[str, Any], commit: str, folder: Path) -> None:
    """Every branch, and the commit by itself: so the main branch is there as origin/main."""
    depth = int(source.get("gitCloneDepth", 0))
    shallow = (f"--depth={depth}",) if 0 < depth <= DEEPEST_CLONE else ()
    steps = (
        ("init", "--quiet"),
        # A path would be cloned whole, whatever the depth.
        ("remote", "add", "origin", remote.path(world.home).as_uri()),
        ("fetch", "--quiet", *shallow, "origin"),
        ("checkout", "--quiet", "--detach", commit),
    )
    for step in steps:
        ran = git(folder, *step)
        if ran.returncode:
            raise builds.BuildFailedError("DOWNLOAD_SOURCE", f"git {step[0]}: {ran.stderr.decode(errors='replace').strip()}")
