"""Buildspecs as the checks read them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")


def read(file: Path) -> dict[str, Any] | str:
    """The document, or what keeps it from being one."""
    try:
        document = yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        return str(error).replace("\n", " ")
    return document if isinstance(document, dict) else "is not a buildspec"


def commands(buildspec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Where each command stands, and the command, in the order in which CodeBuild runs them."""
    for phase in PHASES:
        for kind in ("commands", "finally"):
            for number, command in enumerate(buildspec.get("phases", {}).get(phase, {}).get(kind, [])):
                yield f"{phase}.{kind}[{number}]", str(command)
