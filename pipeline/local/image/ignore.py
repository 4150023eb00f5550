""".dockerignore: what of the build's folder the build cannot see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath

from pipeline.local.codepipeline.triggers import glob


def reader(context: Path, file: Path) -> Callable[[PurePosixPath], bool]:
    """Is a path of the context hidden? A list beside the Dockerfile is taken before the one of the context, as buildx does."""
    beside = file.with_name(f"{file.name}.dockerignore")
    found = next((path for path in (beside, context / ".dockerignore") if path.is_file()), None)
    patterns = _patterns(found.read_text().splitlines()) if found else []

    def hidden(path: PurePosixPath) -> bool:
        result = False
        # The last pattern that matches the path, or a folder above it, decides.
        for expression, hides in patterns:
            if any(expression.fullmatch(str(part)) for part in (path, *path.parents)):
                result = hides
        return result

    return hidden


def _patterns(lines: Iterable[str]) -> list[tuple[re.Pattern[str], bool]]:
    found = []
    for line in lines:
        pattern = line.strip()
        if pattern and not pattern.startswith("#"):
            hides = not pattern.startswith("!")
            found.append((glob(pattern.removeprefix("!").strip("/")), hides))
    return found
