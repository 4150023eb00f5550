"""GitHub workflows as the checks read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml


def read(file: Path) -> dict[str, Any] | str:
    """The document, or what keeps it from being one."""
    try:
        document = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        return str(error).replace("\n", " ")
    return document if isinstance(document, dict) and isinstance(document.get("jobs"), dict) else "is not a workflow"


def scripts(workflow: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where each script stands, and its text."""
    for name, job in workflow["jobs"].items():
        for number, step in enumerate(job.get("steps", [])):
            if "run" in step:
                yield f"jobs.{name}.steps[{number}]", step["run"]
