"""A person's word before something is changed. Where nobody is there to be asked, the answer is what a script has to write."""

from __future__ import annotations

import sys

import typer

from pipeline.errors import PipelineError


def agree(question: str, script: str) -> None:
    if not _asks():
        raise PipelineError(f"nothing was changed: nobody is there to ask; in a script: {script}")
    if not typer.confirm(question, default=False, err=True):
        raise PipelineError("nothing was changed")


def typed(name: str, script: str) -> None:
    """Typing the name takes a moment more than a key."""
    if not _asks():
        raise PipelineError(f"nothing was changed: a person decides about this; in a script, having looked at it: {script}")
    if typer.prompt(f"Type {name} to go on", default="", show_default=False, err=True) != name:
        raise PipelineError(f"nothing was changed: that is not {name}")


def _asks() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
