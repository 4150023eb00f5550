"""Programs that come with the locked packages, so that every computer and the pipeline run the same version."""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.errors import PipelineError


def program(name: str) -> str:
    path = Path(sys.executable).parent / name
    if not path.is_file():
        raise PipelineError(f"{path} is missing; run: make setup")
    return str(path)
