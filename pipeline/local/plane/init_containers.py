"""Containers that run to their end before nginx starts: shell scripts of the image, by this computer's own shell."""

from __future__ import annotations

import re
import shlex
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.local.plane import process
from pipeline.local.plane.container import mounted
from pipeline.local.plane.container import proxy as proxy_of
from pipeline.local.plane.execution import FailedToStartError

_SHELLS = ("/bin/sh", "sh")
# Where an image's programs are; but for nginx they are this computer's.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# Until then the data plane waits; ECS gives a container on Fargate three minutes.
LONGEST_SECONDS = 20.0
# What the agent writes down for a container that it never started (github.com/aws/amazon-ecs-agent/pull/3218).
NEVER_STARTED = 143


class DependencyError(PipelineError):
    """The essential container is given up, because of one that should have succeeded before."""


def run(definition: dict[str, Any], folder: Path, environments: Mapping[str, Mapping[str, str]], ended: dict[str, int]) -> None:
    """In the task's folder, whose `root` holds the image's files. Exit codes go into `ended` as they are known."""
    proxy = proxy_of(definition)
    conditions = {one["containerName"]: one["condition"] for one in proxy.get("dependsOn") or ()}
    for container in definition["containers"]:
        if container is proxy:
            continue
        name = container["name"]
        if conditions.get(name) not in ("SUCCESS", "COMPLETE"):
            raise FailedToStartError(
                f"CannotStartContainerError: {name}: the local plane runs a second container only when nginx waits for its end"
            )
        code = _run(container, folder, environments[name])
        ended[name] = process.KILLED if code is None else code
        if code != 0 and conditions[name] == "SUCCESS":
            said = f"Exit: {code}" if code is not None else f"no end within {LONGEST_SECONDS:.0f} s"
            raise DependencyError(
                f"CannotStartContainerError: dependency graph: failed to resolve container ordering dependency [{name}"
                f" ({container['image']}) - {said}] for target [{proxy['name']}] as dependency did not exit successfully."
                f" It said: {_last_words(folder, name)}"
            )


def _run(container: dict[str, Any], folder: Path, environment: Mapping[str, str]) -> int | None:
    command = [*(container.get("entryPoint") or ()), *(container.get("command") or ())]
    root = folder / "root"
    script = root / command[1].lstrip("/") if len(command) > 1 else root
    if not command or command[0] not in _SHELLS or not script.is_file():
        raise FailedToStartError(
            f"CannotStartContainerError: {container['name']}: beside nginx the local plane runs shell scripts of the image only,"
            f" not {' '.join(command) or 'an empty command'}"
        )
    with tempfile.TemporaryDirectory(prefix="kotei-") as short:
        # A short way to the task's folder: the path of a Unix socket, which a script may ask nginx for, has 107 bytes at most.
        (Path(short) / "root").symlink_to(root)
        (Path(short) / "nginx").symlink_to(process.binary())
        text = script.read_text(encoding="utf-8")
        for path in mounted({"containers": [container]}):
            text = _moved(text, path, f"{short}/root{path}")
        told = Path(short) / "script"
        told.write_text(text, encoding="utf-8")
        return process.run_to_end(
            ["/bin/sh", str(told), *command[2:]],
            folder,
            {"PATH": f"{short}:{_PATH}", **environment},
            log=_log(folder, container["name"]),
            seconds=LONGEST_SECONDS,
        )


def _moved(text: str, path: str, place: str) -> str:
    """Whole paths only: /run/kotei is not a part of /run/kotei-2."""
    return re.sub(rf"(?<![\w./-]){re.escape(path)}(?![\w.-])", lambda _: shlex.quote(place), text)


def _log(folder: Path, name: str) -> Path:
    return folder / f"{name}.log"


def _last_words(folder: Path, name: str) -> str:
    return (_log(folder, name).read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["nothing"])[-1]
