"""nginx as the user who runs the tests."""

from __future__ import annotations

import os


def as_this_user(text: str) -> str:
    """Started by root, nginx has workers of another user, who may not enter the folders of this run."""
    return text if os.geteuid() else f"user root;\n{text}"
