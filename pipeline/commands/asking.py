"""A person's word before something is changed. Where nobody is there to be asked, the answer is what a script has to write."""

from __future__ import annotations

import sys

from pipeline.errors import PipelineError


def agree(question: str, script: str) -> None:
    if not somebody_is_there():
        raise PipelineError(f"nothing was changed: nobody is there to ask; in a script: {script}")
    if not confirmed(question):
        raise PipelineError("nothing was changed")


def typed(name: str, script: str) -> None:
    """Typing the name takes a moment more than a key."""
    if not somebody_is_there():
        raise PipelineError(f"nothing was changed: a person decides about this; in a script, having looked at it: {script}")
    if _answer(f"Type {name} to go on: ") != name:
        raise PipelineError(f"nothing was changed: that is not {name}")


def confirmed(question: str) -> bool:
    return _answer(f"{question} [y/N] ").lower() in {"y", "yes"}


def _answer(question: str) -> str:
    """Nothing at Ctrl-D. typer's own prompts end with 1 at Ctrl-C, as if it were an answer."""
    print(question, end="", file=sys.stderr, flush=True)
    given = sys.stdin.readline()
    if not given.endswith("\n"):
        print(file=sys.stderr)
    return given.strip()


def somebody_is_there() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()
