"""What a RUN does, where there is no base image to run it in: nginx is here, and the few commands that arrange files are done in Python."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.errors import PipelineError
from pipeline.local.image.dockerfile import Instruction
from pipeline.local.image.tree import Tree
from pipeline.nginx_check import binary, readable


def run(instruction: Instruction, tree: Tree) -> None:
    for words in _commands(instruction.words):
        if problem := _problem(words, tree):
            raise PipelineError(f"Dockerfile, line {instruction.line}: RUN {instruction.text}: {problem}")


def _commands(words: Sequence[str]) -> Iterator[list[str]]:
    command: list[str] = []
    for word in words:
        if word == "&&":
            yield command
            command = []
        else:
            command.append(word)
    yield command


def _problem(words: Sequence[str], tree: Tree) -> str:
    match words:
        case ["nginx", "-t", *_] if "-c" in words:
            return _nginx(words, tree)
        case ["mkdir", "-p", path]:
            tree.place(path).mkdir(parents=True, exist_ok=True)
        case ["chmod", "-R", "u=rwX,go=rX", path]:
            # A layer has these modes where it is not told another one.
            for place in [place for place in tree.modes if place.is_relative_to(tree.place(path))]:
                del tree.modes[place]
        case ["chmod", mode, path] if re.fullmatch("[0-7]{3,4}", mode):
            tree.modes[tree.place(path)] = int(mode, 8)
        case ["chown", owner, path] if match := re.fullmatch(r"(\d+):(\d+)", owner):
            tree.owners[tree.place(path)] = int(match[1]), int(match[2])
        case ["find", _, "-exec", "touch", "-h", "-d", "@0", "{}", "+"]:
            pass  # the times of every layer
        case ["cp", "-r", source, target] if not tree.place(target).exists():
            shutil.copytree(tree.place(source), tree.place(target))
        case _:
            return f"`{' '.join(words)}` is not supported by the local engine's docker"
    return ""


def _nginx(words: Sequence[str], tree: Tree) -> str:
    conf = words[words.index("-c") + 1]
    if not tree.place(conf).is_file():
        return f"{conf} is not in the image"
    with tempfile.TemporaryDirectory(prefix="kotei-nginx-") as folder:
        prefix = Path(folder)
        shutil.copytree(tree.root, prefix, dirs_exist_ok=True)
        for file in (prefix / conf.lstrip("/")).parent.rglob("*.conf"):
            file.write_text(readable(file.read_text(), prefix))
        local = [str(prefix / conf.lstrip("/")) if word == conf else word for word in words[1:]]
        ran = subprocess.run([binary(), "-p", prefix, "-e", "stderr", *local], capture_output=True, text=True, check=False, timeout=60)
        return (ran.stderr.strip() or f"exit code {ran.returncode}").replace(str(prefix), "") if ran.returncode else ""
