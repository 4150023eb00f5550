"""Git, as a program, in a repository that is named."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from pipeline.errors import PipelineError


def git(repository: Path, *arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Without the variables by which a hook's git points at another repository. Raises FileNotFoundError where there is no git.

    A repository of another user, which git does not read, is not one without commits.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(["git", "-C", str(repository), *arguments], env=environment, input=given, capture_output=True, check=False)
    if done.returncode and b"dubious ownership" in done.stderr:
        raise PipelineError(
            f"{repository} belongs to another user, so git does not read it; if you trust it: "
            f"git config --global --add safe.directory {repository}"
        )
    return done
