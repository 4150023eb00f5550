"""Writing a file so that a reader sees the old one or the new one, never half of it, and a full disk leaves the old one."""

from __future__ import annotations

import os
from pathlib import Path


def write(file: Path, text: str) -> None:
    """Makes the folders, too."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    temporary.write_bytes(text.encode())
    temporary.replace(file)
