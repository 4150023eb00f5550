"""Git, as a program, in a repository that is named."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def git(repository: Path, *arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Without the variables by which a hook's git points at another repository. Raises FileNotFoundError where there is no git."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return subprocess.run(["git", "-C", str(repository), *arguments], env=environment, input=given, capture_output=True, check=False)
