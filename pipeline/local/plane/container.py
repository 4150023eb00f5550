"""A container without a container engine: the image's files, its configuration told for this computer, its command."""

from __future__ import annotations

import json
import re
import shutil
import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import PipelineError
from pipeline.local.plane import observe, process
from pipeline.nginx_translate import translated

_IMAGE = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^@:]+)@(?P<digest>sha256:[0-9a-f]{64})"
)
_SERVER_NAME = re.compile(r"(?:^|[;{])\s*server_name\s+([^;]+);", re.MULTILINE)
_ORIGIN = re.compile(r"(?:^|[;{])\s*server\s+([A-Za-z0-9.-]+):(\d+)\s[^;]*\bresolve\b", re.MULTILINE)
_TLS_NAME = re.compile(r"(?:^|[;{])\s*proxy_ssl_name\s+([A-Za-z0-9.-]+);", re.MULTILINE)


class CannotPullContainerError(PipelineError):
    """ECS's own name for it; becomes the stopped reason of the task."""


class CannotStartContainerError(PipelineError):
    """As above."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a container finds itself on this computer."""

    home: Path
    address: str
    resolver: str
    authority: Path


@dataclass(frozen=True, kw_only=True)
class Container:
    arguments: tuple[str, ...]
    environment: dict[str, str]
    hosts: tuple[str, ...]
    origins: tuple[tuple[str, int], ...]
    digest: str
    stop_signal: str
    stop_seconds: float


def prepared(definition: dict[str, Any], folder: Path, place: Place) -> Container:
    essential = definition["containers"]
    if len(essential) != 1:
        raise CannotStartContainerError(f"CannotStartContainerError: {len(essential)} containers in a task; the local plane runs one")
    container = essential[0]
    image = _image(container["image"], place.home)
    config = json.loads((image / "config.json").read_text(encoding="utf-8")).get("config", {})
    root = folder / "root"
    shutil.copytree(image / "files", root, dirs_exist_ok=True)
    (root / "tmp").mkdir(exist_ok=True)
    command = [*(container.get("entryPoint") or config.get("Entrypoint") or ()), *(container.get("command") or config.get("Cmd") or ())]
    arguments, conf = _nginx(command, root)
    texts = [_localized(path, root, folder, place) for path in sorted(conf.parent.rglob("*.conf"))]
    text = "\n".join(texts)
    return Container(
        arguments=tuple(arguments),
        environment={item["name"]: item["value"] for item in container.get("environment") or ()},
        hosts=_hosts(text),
        origins=_origins(text),
        digest=container["image"].partition("@")[2],
        stop_signal=str(config.get("StopSignal", "SIGTERM")),
        # ECS's default on Fargate (docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html, stopTimeout).
        stop_seconds=float(container.get("stopTimeout") or 30),
    )


def _image(reference: str, home: Path) -> Path:
    """The image's unpacked files, shared by its tasks."""
    match = _IMAGE.fullmatch(reference)
    if match is None:
        raise CannotPullContainerError(
            f"CannotPullContainerError: {reference} is not an ECR image by digest; the local plane pulls no other"
        )
    digest = match["digest"]
    if not observe.image_digest(match["account"], match["region"], match["repository"], digest):
        raise CannotPullContainerError(f"CannotPullContainerError: failed to resolve ref {reference}: not found")
    name = digest.replace(":", "-")
    stored, unpacked = home / "images" / name, home / "plane" / "images" / name
    if unpacked.exists():
        return unpacked
    if not (stored / "layer.tar").exists():
        raise CannotPullContainerError(f"CannotPullContainerError: {reference}: its layers are not in {stored}")
    partial = unpacked.with_name(f"{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    _unpack(stored / "layer.tar", partial / "files")
    shutil.copy(stored / "config.json", partial / "config.json")
    partial.rename(unpacked)
    return unpacked


def _unpack(layer: Path, folder: Path) -> None:
    """Files only, and only below the folder; the filters of extractall are missing before Python 3.11.4."""
    folder.mkdir(parents=True)
    with tarfile.open(layer) as members:
        for member in members:
            target = (folder / member.name).resolve()
            if not target.is_relative_to(folder.resolve()) or not (member.isfile() or member.isdir()):
                raise CannotPullContainerError(f"CannotPullContainerError: {layer}: {member.name} is not a file inside the image")
            if member.isfile() and (content := members.extractfile(member)) is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())


def _nginx(command: Sequence[str], root: Path) -> tuple[list[str], Path]:
    if not command or command[0] != "nginx":
        raise CannotStartContainerError(
            f"CannotStartContainerError: the local plane runs nginx only, not {' '.join(command) or 'an empty command'}"
        )
    arguments = list(command[1:])
    if "-c" not in arguments:
        raise CannotStartContainerError(
            "CannotStartContainerError: nginx without -c reads the base image's configuration, which is not here"
        )
    at = arguments.index("-c") + 1
    conf = root / arguments[at].lstrip("/")
    if not conf.is_file():
        raise CannotStartContainerError(f"CannotStartContainerError: {arguments[at]} is not in the image")
    arguments[at] = str(conf)
    if "-g" in arguments and process.foreground().endswith("root;"):
        arguments[arguments.index("-g") + 1] += " user root;"
    return arguments, conf


def _localized(path: Path, root: Path, folder: Path, place: Place) -> str:
    original = path.read_text(encoding="utf-8")
    try:
        text = translated(
            original,
            prefix=root,
            listen_address=place.address,
            resolver=place.resolver,
            internal_networks="",
            ca_bundle=place.authority,
            stdout=folder / "stdout.log",
            stderr=folder / "stderr.log",
        )
    except PipelineError as error:
        raise CannotStartContainerError(f"CannotStartContainerError: {path.relative_to(root)}: {error}") from error
    path.write_text(text, encoding="utf-8")
    return text


def _hosts(text: str) -> tuple[str, ...]:
    names = (name.strip("\"'") for names in _SERVER_NAME.findall(text) for name in names.split())
    return tuple(dict.fromkeys(name for name in names if name and name[0] not in "_~"))


def _origins(text: str) -> tuple[tuple[str, int], ...]:
    """Names and (already translated) ports of the origins that the configuration speaks to."""
    origins = [(name, int(port)) for name, port in _ORIGIN.findall(text)]
    ports = sorted({port for _, port in origins})
    known = {name for name, _ in origins}
    return tuple(dict.fromkeys([*origins, *((name, port) for name in _TLS_NAME.findall(text) if name not in known for port in ports[:1])]))
