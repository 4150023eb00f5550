"""What a build finds in its environment: CodeBuild's variables, the project's, the action's, and nothing of the person at the keyboard."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipeline.local.iam.sessions import Session
    from pipeline.local.world import World

# Where packages and certificates come from is a matter of this computer, not of a person.
PASSED = (
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_CONFIG_FILE",
    "PIP_CERT",
    "PIP_PROXY",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "TZ",
)
# Lock file -> how the Makefile's stamp of it begins.
LOCKS = {"requirements.lock": ".kotei-", "requirements-run.lock": ".kotei-run-"}
SHIM = """#!/bin/sh
# -P keeps the build's own folder out: the engine's program runs, whatever the commit holds under the same name.
KOTEI_HOME={home} PYTHONPATH={root} exec {python} -P -m pipeline.local.image "$@"
"""


class UnsupportedVariableError(Exception):
    """A variable whose value lives in a service that the engine does not read."""


def variables(world: World, build: Mapping[str, Any], folder: Path, declared: Mapping[str, str], role: Session) -> dict[str, str]:
    """Later ones win, as in CodeBuild: the buildspec's, the project's, the action's."""
    checkout = folder / "src"
    programs = _programs(world)
    environment = _virtualenv(world, checkout)
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    return {
        **{name: os.environ[name] for name in PASSED if name in os.environ},
        "HOME": str(home),
        "PATH": os.pathsep.join([str(programs), str(environment / "bin"), os.environ.get("PATH", os.defpath)]),
        # make knows no file whose name has a space.
        "VENV": os.path.relpath(environment, checkout) if " " in str(environment) else str(environment),
        # A checkout that is linked into the virtualenv would win over the commit's own code otherwise.
        "PYTHONPATH": str(checkout),
        "PYTHONUNBUFFERED": "1",
        "AWS_ENDPOINT_URL": world.endpoint,
        "AWS_ACCESS_KEY_ID": role.key_id,
        "AWS_SECRET_ACCESS_KEY": role.secret,
        "AWS_SESSION_TOKEN": role.token,
        "AWS_REGION": world.region,
        "AWS_DEFAULT_REGION": world.region,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CODEBUILD_BUILD_ARN": build["arn"],
        "CODEBUILD_BUILD_ID": build["id"],
        "CODEBUILD_BUILD_IMAGE": build["environment"]["image"],
        "CODEBUILD_BUILD_NUMBER": str(build["buildNumber"]),
        "CODEBUILD_CI": "true",
        "CI": "true",
        "CODEBUILD_INITIATOR": build["initiator"],
        "CODEBUILD_LOG_PATH": build["id"].rpartition(":")[2],
        "CODEBUILD_RESOLVED_SOURCE_VERSION": build["resolvedSourceVersion"],
        "CODEBUILD_SOURCE_VERSION": build["sourceVersion"],
        "CODEBUILD_SRC_DIR": str(checkout),
        **declared,
        **_plain(build["environment"]["environmentVariables"]),
    }


def _plain(listed: Iterable[Mapping[str, str]]) -> dict[str, str]:
    values = {}
    for variable in listed:
        if variable.get("type", "PLAINTEXT") != "PLAINTEXT":
            raise UnsupportedVariableError(
                f"environment variable {variable['name']}: type {variable['type']} is not supported by the local engine"
            )
        values[variable["name"]] = variable["value"]
    return values


def _programs(world: World) -> Path:
    folder = world.home / "bin"
    folder.mkdir(parents=True, exist_ok=True)
    shim = folder / "docker"
    text = SHIM.format(home=shlex.quote(str(world.home)), root=shlex.quote(str(world.root)), python=shlex.quote(sys.executable))
    if not shim.exists() or shim.read_text() != text:
        shim.write_text(text)
        shim.chmod(0o755)
    return folder


def _virtualenv(world: World, checkout: Path) -> Path:
    """One virtualenv for the lock files of a commit; `make setup` and `make setup-run` fill it.

    For the locks that the engine runs on it is the engine's own, seen through links: the Makefile's stamps beside them say that
    nothing is to be installed.
    """
    sums = {name: _sum(checkout / name) for name in LOCKS}
    folder = world.home / "venvs" / "-".join(sums.values())
    if (folder / "pyvenv.cfg").exists() or any(_content(world.root / name) != _content(checkout / name) for name in LOCKS):
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("bin", "lib", "include"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(Path(sys.prefix) / name)
    for name, stamp in LOCKS.items():
        (folder / f"{stamp}{sums[name]}").touch()
    (folder / "pyvenv.cfg").symlink_to(Path(sys.prefix) / "pyvenv.cfg")
    return folder


def _content(lock: Path) -> bytes | None:
    return lock.read_bytes() if lock.exists() else None


def _sum(lock: Path) -> str:
    """As the Makefile names its stamps."""
    done = subprocess.run(["cksum"], input=_content(lock) or b"", capture_output=True, check=True)
    return done.stdout.decode().replace(" ", "").strip()
