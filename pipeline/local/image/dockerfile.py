"""A Dockerfile as stages of instructions with their variables filled in. What is not understood is an error that names its line."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.errors import PipelineError

KNOWN = frozenset({"FROM", "ARG", "LABEL", "COPY", "ENV", "USER", "EXPOSE", "STOPSIGNAL", "CMD", "ENTRYPOINT", "RUN", "VOLUME", "WORKDIR"})
VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
# buildx gives these without being asked; the pipeline builds for one platform.
PLATFORM_ARGUMENTS = {"TARGETPLATFORM": "linux/arm64", "TARGETOS": "linux", "TARGETARCH": "arm64"}


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """`words` are split as a shell would; of the JSON form, the list's members, and then `listed` is true."""

    line: int
    name: str
    text: str
    words: tuple[str, ...]
    listed: bool


@dataclass(frozen=True, kw_only=True)
class Stage:
    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)


def parse(text: str, arguments: Mapping[str, str]) -> list[Stage]:
    """`arguments` are those of --build-arg. The last stage is the image."""
    stages: list[Stage] = []
    # What is declared before the first FROM is for the FROMs; a stage that wants it declares it again.
    for_all: dict[str, str] = {}
    known = for_all
    declared: set[str] = set()
    for line, name, rest in _lines(text):
        if name not in KNOWN:
            raise PipelineError(f"Dockerfile, line {line}: {name} is not supported by the local engine's docker")
        # A RUN's variables are the shell's.
        filled = rest if name == "RUN" else _filled(rest, for_all if name == "FROM" else known, line)
        words, listed = _words(filled, line)
        instruction = Instruction(line=line, name=name, text=filled, words=words, listed=listed)
        if name == "FROM":
            stages.append(_stage(instruction, stages))
            known = {}
        elif name == "ARG":
            variable, _, default = filled.partition("=")
            declared.add(variable)
            given = default.strip("\"'") or for_all.get(variable, "") or PLATFORM_ARGUMENTS.get(variable, "")
            known[variable] = arguments.get(variable, given)
        elif not stages:
            raise PipelineError(f"Dockerfile, line {line}: {name} stands before the first FROM")
        if stages:
            stages[-1].instructions.append(instruction)
    if unused := sorted(set(arguments) - declared):
        raise PipelineError(f"Dockerfile: --build-arg {', '.join(unused)} is declared by no ARG")
    if not stages:
        raise PipelineError("Dockerfile: has no FROM")
    return stages


def _stage(instruction: Instruction, before: list[Stage]) -> Stage:
    match instruction.words:
        case (base,):
            name = ""
        case (base, word, name) if word.upper() == "AS":
            pass
        case _:
            raise PipelineError(f"Dockerfile, line {instruction.line}: FROM {instruction.text}: is not `FROM BASE` or `FROM BASE AS NAME`")
    if base in {stage.name for stage in before}:
        raise PipelineError(
            f"Dockerfile, line {instruction.line}: FROM {base}: a stage on a stage is not supported by the local engine's docker"
        )
    return Stage(name=name, base=base)


def _lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, instruction, rest; continuations joined, comments dropped."""
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if line.lstrip().startswith("#") or (not line.strip() and not joined):
            continue
        start = start or number
        if line.rstrip().endswith("\\"):
            joined += line.rstrip()[:-1] + " "
            continue
        name, _, rest = (joined + line).strip().partition(" ")
        yield start, name.upper(), rest.strip()
        joined, start = "", 0


def _filled(text: str, known: Mapping[str, str], line: int) -> str:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in known:
            raise PipelineError(f"Dockerfile, line {line}: ${name} is declared by no ARG before it")
        return known[name]

    return VARIABLE.sub(value, text)


def _words(text: str, line: int) -> tuple[tuple[str, ...], bool]:
    if text.startswith("["):
        try:
            return tuple(str(word) for word in json.loads(text)), True
        except json.JSONDecodeError:
            pass
    try:
        return tuple(shlex.split(text)), False
    except ValueError as error:
        raise PipelineError(f"Dockerfile, line {line}: {error}") from error
